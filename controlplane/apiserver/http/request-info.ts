/**
 * What a request is about, read from its method, path and query alone: the grammar of /api and /apis paths.
 * Source: k8s.io/apiserver/pkg/endpoints/request RequestInfo.
 */

export type ResourceVerb =
  | "get"
  | "list"
  | "watch"
  | "create"
  | "update"
  | "patch"
  | "delete"
  | "deletecollection"
  | "connect";

export interface RequestInfo {
  /** A resource verb, or the lower-case HTTP method for a path that names no resource. */
  readonly verb: string;
  readonly isResourceRequest: boolean;
  readonly path: string;
  /** "api", "apis" or "". */
  readonly apiPrefix: string;
  readonly apiGroup: string;
  readonly apiVersion: string;
  /** "" for cluster-scoped resources and for lists over all namespaces. */
  readonly namespace: string;
  /** Plural, as in the path. */
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** The path's segments after `/namespaces/x` or the version: resource, name, subresource, rest of a proxy path. */
  readonly parts: readonly string[];
}
