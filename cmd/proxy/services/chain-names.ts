/**
 * Names of the proxy's chains. Those that upstream has keep upstream's names and hashes, for the people and tools that look
 * for them. Pure.
 *
 *   nat PREROUTING, OUTPUT ── KUBE-SERVICES ─┬─ KUBE-CLUSTER-IPS ── KUBE-IPS-<net> ─┬─ KUBE-SVC- / KUBE-SVL- ── (KUBE-SEP-)
 *                                            ├─ KUBE-IPS-<net>, external addresses ─┴─ KUBE-FW- ── KUBE-EXT- ── KUBE-SVC-
 *                                            └─ KUBE-NODEPORTS ── KUBE-NP-<range> ── KUBE-EXT-
 *   nat POSTROUTING ── KUBE-POSTROUTING ── KUBE-LOOP-BACK
 */
import { createHash } from "node:crypto";
import { formatAddress, formatBlock, parseAddress } from "#pkg/api/ip-address.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { Protocol } from "./service-map.ts";

export type PortChainKind = "SVC" | "SVL" | "EXT" | "FW";

/** `name` is that of a ServicePortInfo. */
export function portChain(kind: PortChainKind, name: string, protocol: Protocol): string {
  return `KUBE-${kind}-${hash(name + protocol)}`;
}

/** `endpoint` is "address:port". */
export function endpointChain(name: string, protocol: Protocol, endpoint: string): string {
  return `KUBE-SEP-${hash(name + protocol + endpoint)}`;
}

export interface Bucket {
  readonly chain: string;
  /** The addresses that the chain is about, as a CIDR. */
  readonly block: string;
}

/** The 256 addresses around this one: their rules are looked at, and written, together. */
export function addressBucket(address: string): Bucket {
  const parsed = parseAddress(address);
  if (!parsed) throw new BerthError("Invalid", `"${address}" is no IP address`);
  const base = (parsed.value >> 8n) << 8n;
  const first = formatAddress({ family: parsed.family, value: base });
  const prefixLength = parsed.family === 4 ? 24 : 120;
  return {
    chain: `KUBE-IPS-${parsed.family === 4 ? first : hash(first)}`,
    block: formatBlock({ family: parsed.family, base, prefixLength }),
  };
}

export interface PortBucket {
  readonly chain: string;
  readonly first: number;
  readonly last: number;
}

export function nodePortBucket(protocol: Protocol, port: number): PortBucket {
  const first = port - (port % 64);
  return { chain: `KUBE-NP-${protocol.toUpperCase()}-${first}`, first, last: first + 63 };
}

/** First parts of the names of all chains that come and go with services, per table. */
export const changingChains = [
  "KUBE-SVC-",
  "KUBE-SVL-",
  "KUBE-EXT-",
  "KUBE-FW-",
  "KUBE-SEP-",
  "KUBE-IPS-",
  "KUBE-NP-",
] as const;

function hash(text: string): string {
  return base32(createHash("sha256").update(text).digest()).slice(0, 16);
}

/** RFC 4648, as far as the first 16 letters go: 10 bytes. */
function base32(bytes: Uint8Array): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes.subarray(0, 10)) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += letters[(value >> (bits - 5)) & 31];
    value &= (1 << bits) - 1;
  }
  return text;
}
