/**
 * The write rules of the fake API server, as functions from the old object to the new one: what a client may not change, what
 * the status subresource touches, when generation grows, how deletion begins. No storage, no clock of its own.
 */
import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import { formatTime } from "#pkg/system/clock.ts";
import type { ResourceRef } from "../resources.ts";

export interface NewIdentity {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly nowMs: number;
}

/** Kinds whose status is an ordinary part of the object. */
const withoutStatus: ReadonlySet<string> = new Set([
  "configmaps",
  "controllerrevisions",
  "endpoints",
  "endpointslices",
  "events",
  "leases",
  "secrets",
  "serviceaccounts",
]);

export function hasStatusSubresource(ref: ResourceRef): boolean {
  return !withoutStatus.has(ref.plural);
}

/** The object as it is first stored: named, identified, its status the server's to give. */
export function buildCreated(ref: ResourceRef, object: KubeObject, identity: NewIdentity): KubeObject {
  const { name, namespace, uid, nowMs } = identity;
  const { deletionTimestamp: _time, deletionGracePeriodSeconds: _grace, ...metadata } = object.metadata;
  const created: KubeObject = {
    ...object,
    metadata: {
      ...metadata,
      name,
      ...(ref.namespaced ? { namespace } : {}),
      uid,
      creationTimestamp: formatTime(nowMs),
      ...("spec" in object ? { generation: 1 } : {}),
    },
  };
  if (hasStatusSubresource(ref)) delete created["status"];
  if (ref.group === "" && ref.plural === "pods") created["status"] = { phase: "Pending" };
  if (ref.group === "" && ref.plural === "namespaces") {
    created["spec"] = { finalizers: ["kubernetes"] };
    created["status"] = { phase: "Active" };
  }
  return created;
}

/** The object after PUT or PATCH of itself or of its status. Equal to `old` when nothing changed. */
export function buildUpdated(ref: ResourceRef, old: KubeObject, wanted: KubeObject, subresource: string): KubeObject {
  // The approval of a certificate request is a part of its status.
  const writesStatus = subresource === "status" || subresource === "approval";
  const keepsStatus = !writesStatus && hasStatusSubresource(ref);
  const kept = writesStatus ? { ...old, metadata: old.metadata } : wanted;
  const updated: KubeObject = { ...kept, apiVersion: old.apiVersion, kind: old.kind };
  updated.metadata = {
    ...(writesStatus ? old.metadata : wanted.metadata),
    name: old.metadata.name,
    namespace: old.metadata.namespace,
    uid: old.metadata.uid,
    creationTimestamp: old.metadata.creationTimestamp,
    deletionTimestamp: old.metadata.deletionTimestamp,
    deletionGracePeriodSeconds: old.metadata.deletionGracePeriodSeconds,
    generation: old.metadata.generation,
    resourceVersion: old.metadata.resourceVersion,
  };
  if (writesStatus) setOrDrop(updated, "status", wanted["status"]);
  else if (keepsStatus) setOrDrop(updated, "status", old["status"]);
  const result = clone(updated);
  if (!isDeepStrictEqual(result["spec"], old["spec"])) {
    result.metadata.generation = (old.metadata.generation ?? 0) + 1;
  }
  return result;
}

/** Throws 409 when the caller's idea of the object (version, uid) is not the stored one. */
export function checkPreconditions(
  ref: ResourceRef,
  old: KubeObject,
  wanted: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined },
): void {
  const { name = "", uid, resourceVersion } = old.metadata;
  const about = { group: ref.group, resource: ref.plural };
  if (wanted.uid && wanted.uid !== uid) {
    const why = `Precondition failed: UID in precondition: ${wanted.uid}, UID in object meta: ${uid}`;
    throw StatusError.conflict(about, name, why);
  }
  if (wanted.resourceVersion && wanted.resourceVersion !== resourceVersion) throw StatusError.modified(about, name);
}

export interface DeletionRequest {
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: string | undefined;
}

/** The object with its deletion begun, or undefined when it can go at once. */
export function buildDeleting(
  ref: ResourceRef,
  old: KubeObject,
  options: DeletionRequest,
  nowMs: number,
): KubeObject | undefined {
  const finalizers = [...(old.metadata.finalizers ?? [])];
  if (options.propagationPolicy === "Foreground") finalizers.push("foregroundDeletion");
  if (options.propagationPolicy === "Orphan") finalizers.push("orphan");
  const graceSeconds = gracePeriodOf(ref, old, options);
  const isHeld = finalizers.length > 0 || namespaceFinalizers(old).length > 0;
  if (!isHeld && graceSeconds === 0) return undefined;
  const shortened = Math.min(graceSeconds, old.metadata.deletionGracePeriodSeconds ?? graceSeconds);
  const began = old.metadata.deletionTimestamp !== undefined && shortened === old.metadata.deletionGracePeriodSeconds;
  return {
    ...old,
    metadata: {
      ...old.metadata,
      ...(finalizers.length > 0 ? { finalizers: [...new Set(finalizers)] } : {}),
      deletionTimestamp: began ? old.metadata.deletionTimestamp : formatTime(nowMs + shortened * 1000),
      deletionGracePeriodSeconds: shortened,
    },
    ...(old.kind === "Namespace" ? { status: { phase: "Terminating" } } : {}),
  };
}

/** True when nothing holds a deleted object any more. */
export function isFullyDeleted(object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  if (!deletionTimestamp || (deletionGracePeriodSeconds ?? 0) > 0) return false;
  return (finalizers ?? []).length === 0 && namespaceFinalizers(object).length === 0;
}

/** Only pods that have a node get a grace period: someone must be there to end it. */
function gracePeriodOf(ref: ResourceRef, object: KubeObject, options: DeletionRequest): number {
  if (ref.group !== "" || ref.plural !== "pods") return 0;
  const spec = object["spec"] as { nodeName?: string; terminationGracePeriodSeconds?: number } | undefined;
  const phase = (object["status"] as { phase?: string } | undefined)?.phase;
  if (!spec?.nodeName || phase === "Succeeded" || phase === "Failed") return 0;
  return options.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30;
}

function namespaceFinalizers(object: KubeObject): readonly string[] {
  if (object.kind !== "Namespace") return [];
  return (object["spec"] as { finalizers?: readonly string[] } | undefined)?.finalizers ?? [];
}

function setOrDrop(object: KubeObject, field: string, value: unknown): void {
  if (value === undefined) delete object[field];
  else object[field] = value;
}

/** A copy that shares nothing, without the fields that are undefined: what JSON would make of it. */
export function clone<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
