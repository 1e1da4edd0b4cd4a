/**
 * metadata.managedFields on writes, and server-side apply. The two entry points of the handlers:
 *  - updateManagedFields after a create, update or patch was decoded and defaulted, before admission;
 *  - serverSideApply for apply-patch requests.
 * Both are pure but for what they say they change. Times are given in milliseconds and written in whole seconds.
 * Source of the semantics: k8s.io/apimachinery/pkg/util/managedfields.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { ManagedFieldsEntry, ObjectMeta } from "#pkg/api/meta/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import { formatTime } from "#pkg/system/clock.ts";
import type { JsonObject } from "../patch/value-schema.ts";
import { cloneJson } from "../patch/value-schema.ts";
import { equalJson } from "../registry/equal-json.ts";
import type { ManagerConflict } from "./conflicts.ts";
import { applyConflict } from "./conflicts.ts";
import { FieldSet } from "./field-set.ts";
import { goForm, withoutNulls } from "./go-form.ts";
import { allowedByLastApplied, refreshLastApplied } from "./last-applied.ts";
import type { ManagerEntry, Managers } from "./managed-fields.ts";
import { capUpdateManagers, formatManagedFields, managerKey, parseManagedFields } from "./managed-fields.ts";
import type { VersionedType } from "./ownership.ts";
import { applyConfiguration, reconcileManagers, takeOwnership } from "./ownership.ts";
import { fieldElement } from "./path-element.ts";
import { findTypeErrors } from "./validate-typed.ts";

/** The endpoint that a write came through. */
export interface ManagedEndpoint extends VersionedType {
  readonly kind: string;
  /** "" for the resource itself. */
  readonly subresource: string;
}

export interface UpdateRequest {
  readonly endpoint: ManagedEndpoint;
  /** Undefined on create. Not changed. */
  readonly live: KubeObject | undefined;
  /** As it will go to admission, in the endpoint's version. Its metadata.managedFields are set anew. */
  readonly next: KubeObject;
  /** The fieldManager parameter, or what managerFromUserAgent makes of the client's name. */
  readonly manager: string;
  readonly nowMs: number;
}

/**
 * Sets `next.metadata.managedFields` to who owns what once `next` is stored. Never fails: managedFields that make no sense,
 * and objects whose lists cannot be told apart by key, end up without managedFields.
 */
export function updateManagedFields(request: UpdateRequest): void {
  const { endpoint, live, next } = request;
  const current = managersBefore(endpoint, live, next.metadata);
  const sent = next.metadata.managedFields;
  delete next.metadata.managedFields;
  // Whoever took the managers off an object does not want updates tracked until somebody applies.
  if (current.size === 0 && live?.metadata.uid) return;
  let managers: Managers;
  try {
    managers = updateManagers(request, current);
  } catch {
    return;
  }
  const result = managers === current && live && !sent ? live.metadata.managedFields : formatManagedFields(managers);
  if (result) next.metadata.managedFields = result;
}

/** The managers a write starts from: the object's own, unless the request resets or replaces them. */
function managersBefore(endpoint: ManagedEndpoint, live: KubeObject | undefined, next: ObjectMeta): Managers {
  const liveManagers = () => parseOrNone(live?.metadata.managedFields);
  if (endpoint.subresource !== "") return liveManagers();
  if (isReset(next.managedFields)) return new Map();
  // Clients that got the object send its managers back: the live ones are read already.
  if (!next.managedFields || equalJson(next.managedFields, live?.metadata.managedFields)) return liveManagers();
  const sent = parseOrNone(next.managedFields);
  return sent.size > 0 ? sent : liveManagers();
}

function parseOrNone(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
  try {
    return parseManagedFields(entries);
  } catch {
    return new Map();
  }
}

/** An empty list, or a list with one empty entry, asks for the managers to be forgotten. */
function isReset(entries: readonly ManagedFieldsEntry[] | undefined): boolean {
  if (!entries || entries.length > 1) return false;
  return Object.values(entries[0] ?? {}).every((value) => value === undefined);
}

function updateManagers({ endpoint, live, next, manager, nowMs }: UpdateRequest, current: Managers): Managers {
  const before = live && withoutManagedFields(live);
  const after = next as JsonObject;
  const known = live ? reconcileManagers(endpoint, current) : current;
  const taken = takeOwnership(endpoint, { before, after }, known, undefined, true);
  if (!("managers" in taken)) throw new Error("a forced write has no conflicts");
  const set = stripped(taken.comparison.changed);
  if (set.isEmpty) return sameManagers(current, taken.managers) ? current : capUpdateManagers(taken.managers);
  const identity = identityOf(endpoint, manager, "Update");
  const key = managerKey(identity);
  const previous = taken.managers.get(key);
  const entry = { ...identity, time: formatTime(nowMs), set: previous ? set.union(previous.set) : set };
  return capUpdateManagers(new Map(taken.managers).set(key, entry));
}

function sameManagers(left: Managers, right: Managers): boolean {
  return left.size === right.size && [...left].every(([key, entry]) => right.get(key) === entry);
}

function identityOf(endpoint: ManagedEndpoint, manager: string, operation: "Apply" | "Update") {
  const { apiVersion, subresource } = endpoint;
  return { manager: manager || "unknown", operation, apiVersion, subresource };
}

export interface ApplyRequest {
  readonly endpoint: ManagedEndpoint;
  /** Undefined: the object does not exist yet. Not changed. */
  readonly live: KubeObject | undefined;
  /** The configuration as sent. Not changed. */
  readonly applied: KubeObject;
  /** The fieldManager parameter; required. */
  readonly manager: string;
  readonly force: boolean;
  readonly nowMs: number;
}

/**
 * The object to store, defaults still to be filled in; it shares nothing with `live` but the innards of managedFields.
 * Applying what is already so gives an object equal to `live`. Throws StatusError: 400 for a configuration that is not of
 * the endpoint's type, 409 for conflicts without `force`.
 */
export function serverSideApply(request: ApplyRequest): KubeObject {
  const { endpoint, live, applied, manager } = request;
  requireApplicable(endpoint, applied);
  let managers = parseOrNone(live?.metadata.managedFields);
  const before = live ? withoutManagedFields(live) : emptyObject(endpoint);
  if (managers.size === 0 && live) managers = managersBeforeFirstApply(request, before);
  managers = reconcileManagers(endpoint, managers);

  const { object, managers: after, isChanged } = applyToLive(request, before, managers);
  const metadata: ObjectMeta = { ...(object["metadata"] as ObjectMeta | undefined) };
  const result = withoutNulls(cloneJson({ ...object, metadata }), endpoint.schema) as KubeObject;
  if (manager === "kubectl") refreshLastApplied(result.metadata, applied);
  const isSame = live !== undefined && !isChanged && sameManagers(parseOrNone(live.metadata.managedFields), after);
  const entries = isSame ? live.metadata.managedFields : formatManagedFields(after);
  if (entries) result.metadata.managedFields = entries;
  return result;
}

function requireApplicable(endpoint: ManagedEndpoint, applied: KubeObject): void {
  if (applied.apiVersion !== endpoint.apiVersion || applied.kind !== endpoint.kind) {
    throw StatusError.badRequest(`invalid object type: ${applied.apiVersion ?? ""}, Kind=${applied.kind ?? ""}`);
  }
  if (applied.metadata?.managedFields !== undefined && applied.metadata.managedFields !== null) {
    throw StatusError.badRequest("metadata.managedFields must be nil");
  }
  const errors = findTypeErrors(applied, endpoint.schema);
  if (errors.length === 0) return;
  const { namespace = "", name = "" } = applied.metadata;
  const text = errors.length === 1 ? errors[0] : ["errors:", ...errors.map((error) => `  ${error}`)].join("\n");
  throw StatusError.badRequest(
    `failed to create typed patch object (${namespace}/${name}; ${endpoint.apiVersion}, Kind=${endpoint.kind}): ${text}`,
  );
}

/** One manager for everything that was there before anybody applied. */
function managersBeforeFirstApply({ endpoint, nowMs }: ApplyRequest, live: JsonObject): Managers {
  const main = { ...endpoint, subresource: "" };
  const taken = takeOwnership(main, { before: undefined, after: live }, new Map(), undefined, true);
  const set = "managers" in taken ? stripped(taken.comparison.changed) : FieldSet.empty;
  if (set.isEmpty) return new Map();
  const identity = identityOf(endpoint, "before-first-apply", "Update");
  return new Map([[managerKey(identity), { ...identity, time: formatTime(nowMs), set }]]);
}

interface Applied {
  readonly object: JsonObject;
  readonly managers: Managers;
  readonly isChanged: boolean;
}

function applyToLive(request: ApplyRequest, before: JsonObject, managers: Managers): Applied {
  const { endpoint, applied, manager, nowMs } = request;
  const identity = identityOf(endpoint, manager, "Apply");
  const key = managerKey(identity);
  const last = managers.get(key);
  const self = { ...identity, time: last?.time, key };
  const attempt = (force: boolean) => applyConfiguration(endpoint, before, applied, managers, self, force);
  let result = attempt(request.force);
  if ("conflicts" in result) {
    requireAllowed(result.conflicts, request);
    result = attempt(true);
    if ("conflicts" in result) throw applyConflict(result.conflicts);
  }
  // What upstream's structs cannot tell apart is no change: the object then stays as it is stored.
  const isChanged = !equalJson(goForm(result.object, endpoint.schema), goForm(before, endpoint.schema));
  const object = isChanged ? result.object : before;
  const entry = result.managers.get(key);
  if (!entry) return { object, managers: result.managers, isChanged };
  const set = stripped(entry.set);
  const after = new Map(result.managers);
  if (set.isEmpty) after.delete(key);
  else if (last?.set.equals(set) && last.apiVersion === entry.apiVersion && !isChanged) after.set(key, last);
  else after.set(key, { ...entry, set, time: formatTime(nowMs) });
  return { object, managers: after, isChanged };
}

/** kubectl may take over what its own client-side apply had set. */
function requireAllowed(conflicts: readonly ManagerConflict[], { endpoint, live, manager }: ApplyRequest): void {
  const allowed = manager === "kubectl" && live ? allowedByLastApplied(live, endpoint) : FieldSet.empty;
  const rest = conflicts.filter((conflict) => !allowed.has(conflict.path));
  if (rest.length > 0) throw applyConflict(rest);
}

/** Fields of metadata and type that nobody manages, though what is below them may be. */
const unmanaged = FieldSet.of(
  [fieldElement("apiVersion")],
  [fieldElement("kind")],
  [fieldElement("metadata")],
  ...[
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
  ].map((name) => [fieldElement("metadata"), fieldElement(name)]),
);

function stripped(set: FieldSet): FieldSet {
  return set.difference(unmanaged);
}

function withoutManagedFields(object: KubeObject): JsonObject {
  if (!object.metadata?.managedFields) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function emptyObject(endpoint: ManagedEndpoint): JsonObject {
  return { apiVersion: endpoint.apiVersion, kind: endpoint.kind };
}

/**
 * Keeps the old times when nothing else of the object changed: for after admission, which may have undone the change that
 * gave an entry its new time. Changes `next`.
 */
export function keepTimesOfUnchanged(next: KubeObject, live: KubeObject): void {
  const [entries, liveEntries] = [next.metadata.managedFields, live.metadata.managedFields];
  if (!entries || !liveEntries || entries === liveEntries || entries.length !== liveEntries.length) return;
  const withoutTime = (list: readonly ManagedFieldsEntry[]) => list.map(({ time: _, ...entry }) => entry);
  if (!equalJson(withoutTime(entries), withoutTime(liveEntries))) return;
  if (equalJson(withoutManagedFields(next), withoutManagedFields(live))) next.metadata.managedFields = liveEntries;
}

export type { ManagerEntry };
