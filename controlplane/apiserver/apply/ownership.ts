/**
 * Who owns which fields after a write, and what an apply makes of an object. Works on objects without managedFields and on
 * manager entries; what stands around it (names, times, annotations) is in field-manager.ts.
 * Source of the semantics: structured-merge-diff merge.Updater.
 */
import type { JsonObject, StructSchema } from "../patch/value-schema.ts";
import type { Comparison } from "./compare.ts";
import { compareObjects, comparePlain } from "./compare.ts";
import type { ManagerConflict } from "./conflicts.ts";
import { FieldSet } from "./field-set.ts";
import { goForm } from "./go-form.ts";
import type { ManagerEntry, Managers } from "./managed-fields.ts";
import { mergeObjects } from "./merge.ts";
import { ensureNamedFields } from "./named-fields.ts";
import { reconcileFieldSet } from "./reconcile-field-set.ts";
import { removeFields } from "./remove-items.ts";
import { toFieldSet } from "./to-field-set.ts";

/** Leaves out the paths that do not count. */
export type FieldFilter = (set: FieldSet) => FieldSet;

/** A kind in one version, and how to see its objects in the others. */
export interface VersionedType {
  readonly apiVersion: string;
  readonly schema: StructSchema;
  /** The kind's schema in a version; undefined when that version is not known (any more). */
  schemaIn(apiVersion: string): StructSchema | undefined;
  /** The object, which carries its apiVersion, in another known version; undefined when it cannot be converted. */
  convert(object: JsonObject, apiVersion: string): JsonObject | undefined;
  /** The fields that a write through this endpoint can change: it cannot own others. */
  readonly writable: FieldFilter;
}

export interface Change {
  /** Undefined: there was nothing. */
  readonly before: JsonObject | undefined;
  readonly after: JsonObject;
  /** How to compare the two, when not as stored objects. */
  readonly compare?: CompareObjects | undefined;
}

type CompareObjects = (before: JsonObject | undefined, after: JsonObject, schema: StructSchema) => Comparison;

export type OwnershipResult =
  | { readonly managers: Managers; readonly comparison: Comparison }
  | { readonly conflicts: readonly ManagerConflict[] };

/**
 * Takes what changed from `before` to `after` away from everyone but `self`. Without `force`, fields that others would
 * lose are conflicts. Entries of versions that are not known any more are dropped.
 */
export function takeOwnership(
  type: VersionedType,
  { before, after, compare = compareObjects }: Change,
  managers: Managers,
  self: string | undefined,
  force: boolean,
): OwnershipResult {
  const comparisons = new VersionedComparisons(type, before, after, compare);
  const kept = new Map<string, ManagerEntry>();
  const conflicts: ManagerConflict[] = [];
  for (const [key, entry] of managers) {
    if (key === self) {
      kept.set(key, entry);
      continue;
    }
    const comparison = comparisons.in(entry.apiVersion);
    if (!comparison) continue;
    const lost = entry.set.intersection(comparison.changed);
    if (!force) for (const path of lost.paths()) conflicts.push({ with: entry, path });
    const set = without(without(entry.set, lost), comparison.removed);
    if (set === entry.set) kept.set(key, entry);
    else if (!set.isEmpty) kept.set(key, { ...entry, set });
  }
  if (conflicts.length > 0) return { conflicts };
  return { managers: kept, comparison: comparisons.in(type.apiVersion)! };
}

/** The difference; the same set when it takes nothing out. */
function without(set: FieldSet, other: FieldSet): FieldSet {
  return other.isEmpty || set.intersection(other).isEmpty ? set : set.difference(other);
}

/** The comparison of two objects in every version that a manager speaks. */
class VersionedComparisons {
  readonly #type: VersionedType;
  readonly #before: JsonObject | undefined;
  readonly #after: JsonObject;
  readonly #known = new Map<string, Comparison | undefined>();

  constructor(type: VersionedType, before: JsonObject | undefined, after: JsonObject, compare: CompareObjects) {
    this.#type = type;
    this.#before = before;
    this.#after = after;
    this.#known.set(type.apiVersion, this.#writable(compare(before, after, type.schema)));
  }

  in(apiVersion: string): Comparison | undefined {
    if (!this.#known.has(apiVersion)) this.#known.set(apiVersion, this.#compareIn(apiVersion));
    return this.#known.get(apiVersion);
  }

  #compareIn(apiVersion: string): Comparison | undefined {
    const after = inVersion(this.#type, this.#after, apiVersion);
    const before = this.#before && inVersion(this.#type, this.#before, apiVersion)?.object;
    if (!after || (this.#before && !before)) return undefined;
    return this.#writable(compareObjects(before, after.object, after.schema));
  }

  #writable({ changed, removed }: Comparison): Comparison {
    return { changed: this.#type.writable(changed), removed: this.#type.writable(removed) };
  }
}

interface Versioned {
  readonly object: JsonObject;
  readonly schema: StructSchema;
}

function inVersion(type: VersionedType, object: JsonObject, apiVersion: string): Versioned | undefined {
  const schema = apiVersion === type.apiVersion ? type.schema : type.schemaIn(apiVersion);
  if (!schema) return undefined;
  const converted = object["apiVersion"] === apiVersion ? object : type.convert(object, apiVersion);
  return converted && { object: converted, schema };
}

/** Entries whose types became atomic since they were written own the whole instead of the parts. */
export function reconcileManagers(type: VersionedType, managers: Managers): Managers {
  const result = new Map<string, ManagerEntry>();
  for (const [key, entry] of managers) {
    const schema = entry.apiVersion === type.apiVersion ? type.schema : type.schemaIn(entry.apiVersion);
    if (!schema) continue;
    const set = reconcileFieldSet(entry.set, schema);
    result.set(key, set === entry.set ? entry : { ...entry, set });
  }
  return result;
}

export type ApplyResult =
  | { readonly object: JsonObject; readonly managers: Managers }
  | { readonly conflicts: readonly ManagerConflict[] };

/**
 * `applied` laid over `live`, less what this applier applied before and no longer does, and nobody else owns. `self` names
 * the applier's entry; its time is left as it was.
 */
export function applyConfiguration(
  type: VersionedType,
  live: JsonObject,
  applied: JsonObject,
  managers: Managers,
  self: Omit<ManagerEntry, "set"> & { readonly key: string },
  force: boolean,
): ApplyResult {
  const { key, ...identity } = self;
  const last = managers.get(key);
  const set = type.writable(toFieldSet(applied, type.schema));
  const withSelf = new Map(managers).set(key, { ...identity, set });
  const lay = (over: JsonObject): JsonObject => {
    const merged = mergeObjects(over, applied, type.schema);
    return last ? prune(type, merged, withSelf, last) : merged;
  };
  const before = goForm(live, type.schema);
  const change = {
    before,
    after: lay(before),
    compare: (left: JsonObject | undefined, right: JsonObject) => comparePlain(left ?? {}, right, type.schema),
  };
  const taken = takeOwnership(type, change, withSelf, key, force);
  if ("conflicts" in taken) return taken;
  // The object itself keeps the form it is stored in.
  const object = lay(live);
  if (!set.isEmpty) return { object, managers: taken.managers };
  const rest = new Map(taken.managers);
  rest.delete(key);
  return { object, managers: rest };
}

/**
 * Removes what `last` (the applier's previous entry) had applied, unless the new configuration or another manager has it,
 * or it is inside something that stays.
 */
function prune(type: VersionedType, merged: JsonObject, managers: Managers, last: ManagerEntry): JsonObject {
  const seen = inVersion(type, merged, last.apiVersion);
  if (!seen || last.set.isEmpty) return merged;
  const { object, schema } = seen;
  const lastNamed = ensureNamedFields(last.set, schema);
  const pruned = addBackOwned(type, object, removeFields(object, lastNamed, schema), last.apiVersion, managers);
  // Only what the applier owned may go; the rest was nobody's, or in another's care.
  const objectSet = ensureNamedFields(toFieldSet(object, schema), schema);
  const prunedSet = ensureNamedFields(toFieldSet(pruned, schema), schema);
  const result = removeFields(object, objectSet.difference(prunedSet).intersection(lastNamed), schema);
  return inVersion(type, result, type.apiVersion)?.object ?? merged;
}

/** Puts back what pruning took although some manager, or the new configuration, owns it. */
function addBackOwned(
  type: VersionedType,
  merged: JsonObject,
  pruned: JsonObject,
  prunedVersion: string,
  managers: Managers,
): JsonObject {
  const ownedIn = new Map<string, FieldSet>();
  for (const entry of managers.values()) {
    ownedIn.set(entry.apiVersion, (ownedIn.get(entry.apiVersion) ?? FieldSet.empty).union(entry.set));
  }
  // The pruned version first: what conversion needs may be among what comes back.
  const versions = [prunedVersion, ...[...ownedIn.keys()].filter((version) => version !== prunedVersion)];
  let result = pruned;
  for (const version of versions) {
    const owned = ownedIn.get(version);
    const full = inVersion(type, merged, version);
    const part = inVersion(type, result, version);
    if (!owned || !full || !part) continue;
    const { schema } = full;
    const fullSet = ensureNamedFields(toFieldSet(full.object, schema), schema);
    const partSet = ensureNamedFields(toFieldSet(part.object, schema), schema);
    const staying = partSet.union(ensureNamedFields(owned, schema));
    result = removeFields(full.object, fullSet.difference(staying), schema);
  }
  return inVersion(type, result, prunedVersion)?.object ?? pruned;
}
