/**
 * What all API objects have in common, and the names of kinds and resources. Code that works on any kind uses these; code
 * that knows the kind uses the generated types (`#pkg/api/core/v1.ts` and its siblings), which fit them.
 */
import type { ListMeta, ObjectMeta } from "./v1.ts";

/** An API object of any kind. */
export interface KubeObject {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/** An object as the server has it: named, identified, versioned. */
export type Stored<T extends { metadata: ObjectMeta } = KubeObject> = T & {
  metadata: ObjectMeta & { name: string; uid: string; resourceVersion: string; creationTimestamp: string };
};

export interface KubeList<T = KubeObject> {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ListMeta;
  items: T[];
}

export interface GroupVersion {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
}

export interface GroupVersionKind extends GroupVersion {
  readonly kind: string;
}

export interface GroupVersionResource extends GroupVersion {
  /** The plural, as it stands in URLs. */
  readonly resource: string;
}

/** "v1" for the core group, "apps/v1" for the others. */
export function formatApiVersion({ group, version }: GroupVersion): string {
  return group ? `${group}/${version}` : version;
}

/** The reverse of formatApiVersion. Text with more than one slash keeps the rest in the version, where nothing will match it. */
export function parseApiVersion(apiVersion: string): GroupVersion {
  const slash = apiVersion.indexOf("/");
  return slash < 0
    ? { group: "", version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** The kind an object says it is; empty parts where it says nothing. */
export function gvkOf(object: {
  readonly apiVersion?: string | undefined;
  readonly kind?: string | undefined;
}): GroupVersionKind {
  return { ...parseApiVersion(object.apiVersion ?? ""), kind: object.kind ?? "" };
}

/** "apps/v1, Kind=Deployment", as upstream prints kinds in its messages. */
export function formatGvk(gvk: GroupVersionKind): string {
  return `${gvk.group}/${gvk.version}, Kind=${gvk.kind}`;
}

/** "apps/v1, Resource=deployments", as upstream prints resources in its messages. */
export function formatGvr(gvr: GroupVersionResource): string {
  return `${gvr.group}/${gvr.version}, Resource=${gvr.resource}`;
}

/** "deployments.v1.apps": one word for a resource, usable as a key; "pods.v1." for the core group. */
export function gvrKey(gvr: GroupVersionResource): string {
  return `${gvr.resource}.${gvr.version}.${gvr.group}`;
}

/** "Deployment.v1.apps": one word for a kind, usable as a key. */
export function gvkKey(gvk: GroupVersionKind): string {
  return `${gvk.kind}.${gvk.version}.${gvk.group}`;
}
