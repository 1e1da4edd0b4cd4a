/**
 * The difference between the status the API has and the one it shall have, as a strategic merge patch. Pure. Fields and
 * conditions of others are not mentioned, so nothing has to be read before.
 */
import { isDeepStrictEqual } from "node:util";
import type { PodCondition, PodStatus } from "#pkg/api/core/v1.ts";

/** What the agent writes; the rest of the status belongs to others. */
const ownFields = [
  "observedGeneration",
  "phase",
  "message",
  "reason",
  "hostIP",
  "podIP",
  "startTime",
  "initContainerStatuses",
  "containerStatuses",
  "ephemeralContainerStatuses",
  "qosClass",
] as const satisfies readonly (keyof PodStatus)[];

const addressFields = ["hostIPs", "podIPs"] as const;

export interface StatusPatch {
  readonly metadata: { readonly uid: string };
  readonly status: Readonly<Record<string, unknown>>;
}

/** undefined: nothing to write. The UID keeps a pod that was made again under the same name from getting it. */
export function buildStatusPatch(uid: string, from: PodStatus, to: PodStatus): StatusPatch | undefined {
  const status: Record<string, unknown> = {};
  for (const field of ownFields) {
    const value = to[field];
    if (!isDeepStrictEqual(plain(from[field]), plain(value))) status[field] = value ?? null;
  }
  for (const field of addressFields) {
    const changes = addressChanges(from[field] ?? [], to[field] ?? []);
    if (changes.length > 0) status[field] = changes;
  }
  const conditions = (to.conditions ?? []).filter((condition) => isChanged(from.conditions ?? [], condition));
  if (conditions.length > 0) status["conditions"] = conditions.map(withNulls);
  return Object.keys(status).length === 0 ? undefined : { metadata: { uid }, status };
}

function addressChanges(from: readonly { ip: string }[], to: readonly { ip: string }[]): readonly object[] {
  const added = to.filter(({ ip }) => !from.some((one) => one.ip === ip));
  const removed = from.filter(({ ip }) => !to.some((one) => one.ip === ip));
  return [...removed.map(({ ip }) => ({ ip, $patch: "delete" })), ...added];
}

function isChanged(from: readonly PodCondition[], condition: PodCondition): boolean {
  const before = from.find(({ type }) => type === condition.type);
  return before === undefined || !isDeepStrictEqual(plain(before), plain(condition));
}

/** Conditions are merged by type: what one no longer has must be taken out by name. */
function withNulls(condition: PodCondition): object {
  return { ...condition, reason: condition.reason ?? null, message: condition.message ?? null };
}

/** As it would come back from the API: without fields that are undefined or null, as lists and empty maps may be left out. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value ?? undefined;
  const entries = Object.entries(value).flatMap(([key, item]): [string, unknown][] => {
    const kept = plain(item);
    return kept === undefined ? [] : [[key, kept]];
  });
  return Object.fromEntries(entries);
}
