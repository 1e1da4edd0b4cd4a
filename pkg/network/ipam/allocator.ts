/**
 * Which pod has which address, as pure functions over a value. An address that was given back rests for a while before it
 * is given out again: connection tracking and ARP caches still know its last owner.
 */
import { BerthError } from "#pkg/system/errors.ts";

export interface IpamState {
  /** Attachment ("container ID/interface") to address. */
  readonly allocated: Readonly<Record<string, string>>;
  /** Address to when it was given back, ms. */
  readonly resting: Readonly<Record<string, number>>;
  /** The search goes on behind the last address given out. */
  readonly last: string | undefined;
}

export const emptyIpam: IpamState = { allocated: {}, resting: {}, last: undefined };

/** How long an address rests. */
export const restMs = 60_000;

export interface PodCidr {
  /** First address of the range as a number. */
  readonly base: number;
  /** How many addresses there are, network and broadcast included. */
  readonly size: number;
}

/** Throws "Invalid" for anything but an IPv4 CIDR with room for pods. */
export function parsePodCidr(cidr: string): PodCidr {
  const match = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(cidr);
  const bits = Number(match?.[2]);
  const address = match?.[1] === undefined ? undefined : toNumber(match[1]);
  if (address === undefined || bits < 8 || bits > 30) {
    throw new BerthError("Invalid", `podCIDR ${JSON.stringify(cidr)} is not an IPv4 CIDR from /8 to /30`);
  }
  const size = 2 ** (32 - bits);
  return { base: address - (address % size), size };
}

/** Asking again for the same attachment gives the same address. Throws "Exhausted" when none is left. */
export function allocate(
  state: IpamState,
  range: PodCidr,
  attachment: string,
  nowMs: number,
): { readonly state: IpamState; readonly address: string } {
  const known = state.allocated[attachment];
  if (known !== undefined) return { state, address: known };
  const used = new Set(Object.values(state.allocated));
  // The first address is the gateway's by convention; network and broadcast are nobody's.
  const [first, count] = [range.base + 2, range.size - 3];
  const lastNumber = state.last === undefined ? undefined : toNumber(state.last);
  const start =
    lastNumber !== undefined && lastNumber >= first && lastNumber < first + count ? lastNumber - first + 1 : 0;
  let rested: string | undefined;
  for (let offset = 0; offset < count; offset++) {
    const address = toText(first + ((start + offset) % count));
    if (used.has(address)) continue;
    const sinceMs = state.resting[address];
    if (sinceMs !== undefined && nowMs - sinceMs < restMs) {
      // Better an address that has not rested enough than none: the one that rests longest.
      if (rested === undefined || sinceMs < (state.resting[rested] ?? 0)) rested = address;
      continue;
    }
    return { state: give(state, attachment, address), address };
  }
  if (rested !== undefined) return { state: give(state, attachment, rested), address: rested };
  throw new BerthError(
    "Exhausted",
    `all ${count} pod addresses of this node are taken; delete pods, or give the node a larger podCIDR`,
  );
}

function give(state: IpamState, attachment: string, address: string): IpamState {
  const { [address]: _rested, ...resting } = state.resting;
  return { allocated: { ...state.allocated, [attachment]: address }, resting, last: address };
}

/** Idempotent. */
export function release(state: IpamState, attachment: string, nowMs: number): IpamState {
  const { [attachment]: address, ...allocated } = state.allocated;
  if (address === undefined) return state;
  const resting = Object.fromEntries(Object.entries(state.resting).filter(([, sinceMs]) => nowMs - sinceMs < restMs));
  return { ...state, allocated, resting: { ...resting, [address]: nowMs } };
}

/** Gives back what belongs to attachments that are gone; returns those, too. */
export function releaseGone(
  state: IpamState,
  isAlive: (attachment: string) => boolean,
  nowMs: number,
): { readonly state: IpamState; readonly gone: readonly string[] } {
  const gone = Object.keys(state.allocated).filter((attachment) => !isAlive(attachment));
  return { state: gone.reduce((next, attachment) => release(next, attachment, nowMs), state), gone };
}

/** The address pods see as their gateway. */
export function gatewayOf(range: PodCidr): string {
  return toText(range.base + 1);
}

export function contains(range: PodCidr, address: string): boolean {
  const number = toNumber(address);
  return number !== undefined && number >= range.base && number < range.base + range.size;
}

function toNumber(address: string): number | undefined {
  const parts = address.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

function toText(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}
