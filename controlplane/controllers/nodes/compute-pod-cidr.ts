/** Which part of the pods' addresses a node gets. Pure. */
import { formatBlock, parseBlock } from "#pkg/api/ip-address.ts";
import { BerthError } from "#pkg/system/errors.ts";

/** Sizes by family: 254 pods' worth, or more than anybody needs. */
const nodeBits = { 4: 24, 6: 64 } as const;

/** The first part of the block that overlaps none of `taken`; undefined when there is none left. */
export function computePodCidr(clusterCidr: string, taken: readonly string[]): string | undefined {
  const block = parseBlock(clusterCidr);
  if (!block) throw new BerthError("Invalid", `${clusterCidr} is no block of addresses for pods`);
  const bits = block.family === 4 ? 32 : 128;
  const prefixLength = Math.max(nodeBits[block.family], block.prefixLength);
  const size = 1n << BigInt(bits - prefixLength);
  const end = block.base + (1n << BigInt(bits - block.prefixLength));
  const used = taken.flatMap((text) => parseBlock(text) ?? []).filter(({ family }) => family === block.family);
  const ends = used.map((one) => [one.base, one.base + (1n << BigInt(bits - one.prefixLength))] as const);
  ends.sort(([left], [right]) => (left < right ? -1 : 1));
  let base = block.base;
  for (const [usedBase, usedEnd] of ends) {
    if (usedEnd <= base) continue;
    if (usedBase >= base + size) break;
    // Up to the next part that begins behind the one in use.
    base = block.base + ((usedEnd - block.base + size - 1n) / size) * size;
  }
  if (base + size > end) return undefined;
  return formatBlock({ family: block.family, base, prefixLength });
}
