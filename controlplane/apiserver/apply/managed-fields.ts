/**
 * metadata.managedFields as entries by manager, and back. Two entries are of one manager when name, operation, subresource
 * and (for updates) version agree: an applier keeps its entry when it moves to another version.
 * Source of the semantics: k8s.io/apimachinery/pkg/util/managedfields.
 */
import type { ManagedFieldsEntry } from "#pkg/api/meta/v1.ts";
import { FieldSet } from "./field-set.ts";
import { formatFieldSet, parseFieldSet } from "./fields-v1.ts";
import { compareText } from "./path-element.ts";

export type ManagerOperation = "Apply" | "Update";

export interface ManagerEntry {
  readonly manager: string;
  readonly operation: ManagerOperation;
  readonly apiVersion: string;
  /** "" for the main resource. */
  readonly subresource: string;
  /** RFC 3339, whole seconds; undefined: not known. */
  readonly time: string | undefined;
  readonly set: FieldSet;
}

/** By managerKey. */
export type Managers = ReadonlyMap<string, ManagerEntry>;

export function managerKey(entry: Omit<ManagerEntry, "time" | "set">): string {
  const version = entry.operation === "Apply" ? "" : entry.apiVersion;
  return JSON.stringify([entry.manager, entry.operation, version, entry.subresource]);
}

/** Throws for entries that are not valid, saying which. */
export function parseManagedFields(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
  const managers = new Map<string, ManagerEntry>();
  for (const [position, encoded] of (entries ?? []).entries()) {
    const { operation } = encoded;
    if (operation !== "Apply" && operation !== "Update") throw new Error("operation must be `Apply` or `Update`");
    if (!encoded.apiVersion) throw new Error("apiVersion must not be empty");
    if (!encoded.fieldsType) throw new Error(`missing fieldsType in managed fields entry ${position}`);
    if (encoded.fieldsType !== "FieldsV1") {
      throw new Error(`invalid fieldsType ${JSON.stringify(encoded.fieldsType)} in managed fields entry ${position}`);
    }
    const entry: ManagerEntry = {
      manager: encoded.manager ?? "",
      operation,
      apiVersion: encoded.apiVersion,
      subresource: encoded.subresource ?? "",
      time: encoded.time ?? undefined,
      set: parseFieldSet(encoded.fieldsV1),
    };
    managers.set(managerKey(entry), entry);
  }
  return managers;
}

/** Undefined when nobody manages anything, as the field is then left out. Sorted as upstream sorts. */
export function formatManagedFields(managers: Managers): ManagedFieldsEntry[] | undefined {
  if (managers.size === 0) return undefined;
  return [...managers.values()].sort(compareEntries).map(formatEntry);
}

function formatEntry(entry: ManagerEntry): ManagedFieldsEntry {
  return {
    ...(entry.manager ? { manager: entry.manager } : {}),
    operation: entry.operation,
    apiVersion: entry.apiVersion,
    ...(entry.time ? { time: entry.time } : {}),
    fieldsType: "FieldsV1",
    fieldsV1: formatFieldSet(entry.set),
    ...(entry.subresource ? { subresource: entry.subresource } : {}),
  };
}

/** Appliers before updaters, older before newer, then by name. */
function compareEntries(left: ManagerEntry, right: ManagerEntry): number {
  return (
    compareText(left.operation, right.operation) ||
    secondsOf(left.time) - secondsOf(right.time) ||
    compareText(left.manager, right.manager) ||
    compareText(left.apiVersion, right.apiVersion) ||
    compareText(left.subresource, right.subresource)
  );
}

function secondsOf(time: string | undefined): number {
  return time === undefined ? 0 : Math.floor(Date.parse(time) / 1000);
}

/** How many managers may have entries for updates of their own. */
export const maxUpdateManagers = 10;

/**
 * When there are too many updaters, the oldest of each version are put together under one name. Oldest first, until few
 * enough are left.
 */
export function capUpdateManagers(managers: Managers, limit = maxUpdateManagers): Managers {
  const updaters = [...managers].filter(([, entry]) => entry.operation === "Update");
  if (updaters.length <= limit) return managers;
  updaters.sort(
    ([leftKey, left], [rightKey, right]) =>
      secondsOf(left.time) - secondsOf(right.time) || compareText(leftKey, rightKey),
  );
  const capped = new Map(managers);
  const firstOfVersion = new Map<string, string>();
  let count = updaters.length;
  for (const [key, entry] of updaters) {
    if (count <= limit) break;
    const first = firstOfVersion.get(entry.apiVersion);
    if (first === undefined) {
      firstOfVersion.set(entry.apiVersion, key);
      continue;
    }
    const identity = {
      manager: "ancient-changes",
      operation: "Update",
      apiVersion: entry.apiVersion,
      subresource: "",
    } as const;
    const bucketKey = managerKey(identity);
    const bucket = capped.get(bucketKey) ?? capped.get(first);
    if (!capped.has(bucketKey)) capped.delete(first);
    const set = entry.set.union(bucket?.set ?? FieldSet.empty);
    capped.delete(key);
    capped.set(bucketKey, { ...identity, time: entry.time, set });
    count--;
  }
  return capped;
}
