/**
 * IP addresses and CIDR blocks as numbers. The reader takes what Go's older net.ParseIP took (leading zeros, IPv4 inside
 * IPv6), because stored objects may hold such text; `problems` functions say what newer fields refuse, in upstream's words
 * (k8s.io/apimachinery/pkg/util/validation). The canonical text is RFC 5952's.
 */
import type { Problems } from "./names.ts";

export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

export interface IpBlock {
  readonly family: 4 | 6;
  /** The lowest address of the block. */
  readonly base: bigint;
  readonly prefixLength: number;
}

interface Parsed extends IpAddress {
  /** Some decimal part had a zero before it. */
  readonly hasLeadingZero: boolean;
  /** Was written as IPv6, `::ffff:1.2.3.4`. */
  readonly isMapped: boolean;
}

export function addressBits(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

/** Undefined when the text is no address. An IPv4 address inside IPv6 counts as IPv4. */
export function parseAddress(text: string): IpAddress | undefined {
  const parsed = parse(text);
  return parsed && { family: parsed.family, value: parsed.value };
}

/** The block an `address/length` text lies in; bits beyond the length are dropped. Undefined when it is none. */
export function parseBlock(text: string): IpBlock | undefined {
  const parsed = parseParts(text);
  return parsed && blockOf(parsed.address, parsed.prefixLength);
}

export function formatAddress({ family, value }: IpAddress): string {
  return family === 4 ? formatV4(value) : formatV6(value);
}

export function formatBlock({ family, base, prefixLength }: IpBlock): string {
  return `${formatAddress({ family, value: base })}/${prefixLength}`;
}

export function blockContains(block: IpBlock, address: IpAddress): boolean {
  return block.family === address.family && address.value >> hostBits(block) === block.base >> hostBits(block);
}

/** How many addresses the block has. */
export function blockSize(block: IpBlock): bigint {
  return 1n << hostBits(block);
}

export function blocksOverlap(one: IpBlock, other: IpBlock): boolean {
  const wider = one.prefixLength <= other.prefixLength ? one : other;
  const narrower = wider === one ? other : one;
  return blockContains(wider, { family: narrower.family, value: narrower.base });
}

/** 4 or 6; undefined when the text is no address. */
export function addressFamily(text: string): 4 | 6 | undefined {
  return parse(text)?.family;
}

/** For older fields: an address, without the two ambiguous spellings, but in any other. */
export function legacyAddressProblems(text: string): Problems {
  const parsed = parse(text);
  if (!parsed) return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"];
  const problems: string[] = [];
  if (parsed.hasLeadingZero) problems.push("must not have leading 0s");
  if (parsed.isMapped) problems.push("must not be an IPv4-mapped IPv6 address");
  return problems;
}

/** For newer fields: the canonical text and nothing else. */
export function addressProblems(text: string): Problems {
  const problems = legacyAddressProblems(text);
  const parsed = problems.length === 0 ? parse(text) : undefined;
  if (!parsed) return problems;
  const canonical = formatAddress(parsed);
  return canonical === text ? [] : [`must be in canonical form ("${canonical}")`];
}

/** For older fields: a block without leading zeros, mapped addresses or bits beyond its length. */
export function legacyBlockProblems(text: string): Problems {
  const parts = parseParts(text);
  if (!parts) return ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"];
  const { address, prefixLength } = parts;
  if (address.hasLeadingZero || parts.prefixHasLeadingZero) {
    return ["must not have leading 0s in IP or prefix length"];
  }
  if (address.isMapped) return ["must not have an IPv4-mapped IPv6 address"];
  return blockOf(address, prefixLength).base === address.value
    ? []
    : ["must not have bits set beyond the prefix length"];
}

/** For newer fields: the canonical text and nothing else. */
export function blockProblems(text: string): Problems {
  const problems = legacyBlockProblems(text);
  const block = problems.length === 0 ? parseBlock(text) : undefined;
  if (!block) return problems;
  const canonical = formatBlock(block);
  return canonical === text ? [] : [`must be in canonical form ("${canonical}")`];
}

/** Texts for Warning headers about an address that newer servers will refuse. `field` is the field's path. */
export function addressWarnings(field: string, text: string): readonly string[] {
  const parsed = parse(text);
  if (!parsed) return [];
  const canonical = formatAddress(parsed);
  if (parsed.hasLeadingZero || parsed.isMapped) {
    return [`${field}: non-standard IP address "${text}" is invalid: use "${canonical}"`];
  }
  if (parsed.family === 4 || canonical === text) return [];
  return [`${field}: IPv6 address "${text}" should be in RFC 5952 canonical format ("${canonical}")`];
}

export function blockWarnings(field: string, text: string): readonly string[] {
  const parts = parseParts(text);
  if (!parts) return [];
  const { address, prefixLength } = parts;
  const block = blockOf(address, prefixLength);
  const canonical = formatBlock(block);
  const warnings: string[] = [];
  if (block.base !== address.value) {
    const single = `${formatAddress(address)}/${addressBits(address.family)}`;
    warnings.push(
      `${field}: CIDR value "${text}" is ambiguous in this context (should be "${canonical}" or "${single}"?)`,
    );
  }
  if (address.hasLeadingZero || parts.prefixHasLeadingZero || address.isMapped) {
    warnings.push(`${field}: non-standard CIDR value "${text}" is invalid: use "${canonical}"`);
  }
  if (warnings.length === 0 && address.family === 6 && canonical !== text) {
    warnings.push(`${field}: IPv6 CIDR value "${text}" should be in RFC 5952 canonical format ("${canonical}")`);
  }
  return warnings;
}

/** For addresses that keep their host bits, such as those of network interfaces. */
export function interfaceAddressProblems(text: string): Problems {
  const parts = parseParts(text);
  if (!parts) return ["must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"];
  const canonical = `${formatAddress(parts.address)}/${parts.prefixLength}`;
  return canonical === text ? [] : [`must be in canonical form ("${canonical}")`];
}

export function isLoopback({ family, value }: IpAddress): boolean {
  return family === 4 ? value >> 24n === 127n : value === 1n;
}

export function isUnspecified({ value }: IpAddress): boolean {
  return value === 0n;
}

export function isLinkLocalUnicast({ family, value }: IpAddress): boolean {
  return family === 4 ? value >> 16n === 0xa9fen : value >> 118n === 0x3fan;
}

export function isMulticast({ family, value }: IpAddress): boolean {
  return family === 4 ? value >> 28n === 0xen : value >> 120n === 0xffn;
}

export function isLinkLocalMulticast({ family, value }: IpAddress): boolean {
  return family === 4 ? value >> 8n === 0xe00000n : value >> 120n === 0xffn && ((value >> 112n) & 0xfn) === 2n;
}

function hostBits(block: IpBlock): bigint {
  return BigInt(addressBits(block.family) - block.prefixLength);
}

function blockOf(address: IpAddress, prefixLength: number): IpBlock {
  const host = BigInt(addressBits(address.family) - prefixLength);
  return { family: address.family, base: (address.value >> host) << host, prefixLength };
}

function parseParts(text: string) {
  const slash = text.indexOf("/");
  const lengthText = slash < 0 ? "" : text.slice(slash + 1);
  const address = slash < 0 ? undefined : parse(text.slice(0, slash));
  if (!address || !/^[0-9]{1,5}$/.test(lengthText)) return undefined;
  const prefixHasLeadingZero = lengthText.length > 1 && lengthText.startsWith("0");
  // The length of `::ffff:1.2.3.4/120` counts bits of IPv6.
  const prefixLength = Number(lengthText) - (address.isMapped ? 96 : 0);
  if (prefixLength < 0 || prefixLength > addressBits(address.family)) return undefined;
  return { address, prefixLength, prefixHasLeadingZero };
}

function parse(text: string): Parsed | undefined {
  return text.includes(":") ? parseV6(text) : parseV4(text);
}

function parseV4(text: string): Parsed | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^[0-9]{1,15}$/.test(part) && Number(part) <= 255)) return undefined;
  const value = parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  const hasLeadingZero = parts.some((part) => part.length > 1 && part.startsWith("0"));
  return { family: 4, value, hasLeadingZero, isMapped: false };
}

function parseV6(text: string): Parsed | undefined {
  const lastColon = text.lastIndexOf(":");
  const tail = text.slice(lastColon + 1);
  const inner = tail.includes(".") ? parseV4(tail) : undefined;
  if (tail.includes(".") && !inner) return undefined;
  const hex = inner
    ? `${text.slice(0, lastColon + 1)}${(inner.value >> 16n).toString(16)}:${(inner.value & 0xffffn).toString(16)}`
    : text;
  const halves = hex.split("::");
  if (halves.length > 2) return undefined;
  const [before, after] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const given = [...(before ?? []), ...(after ?? [])];
  if (!given.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  if (after === undefined ? given.length !== 8 : given.length > 7) return undefined;
  const zeros = new Array<string>(8 - given.length).fill("0");
  const groups = [...(before ?? []), ...zeros, ...(after ?? [])];
  const value = groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
  const hasLeadingZero = inner?.hasLeadingZero ?? false;
  return value >> 32n === 0xffffn
    ? { family: 4, value: value & 0xffffffffn, hasLeadingZero, isMapped: true }
    : { family: 6, value, hasLeadingZero, isMapped: false };
}

function formatV4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => ((value >> shift) & 0xffn).toString()).join(".");
}

function formatV6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(16 * (7 - index))) & 0xffffn).toString(16));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === "0") length++;
    if (length > best.length) best = { start, length };
    start += length;
  }
  if (best.start < 0) return groups.join(":");
  return `${groups.slice(0, best.start).join(":")}::${groups.slice(best.start + best.length).join(":")}`;
}
