/**
 * A form is how answers of one endpoint are written for one request: JSON, YAML or protobuf, whole objects, metadata alone
 * or tables. Forms keep no state of their own but what belongs to one watch.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { StatusBody } from "#pkg/api/status.ts";
import type { ResponseBody } from "../../http/api-request.ts";
import type { ListResult, WatchItem } from "../../registry/resource-registry.ts";
import type { StoredEntry } from "../../registry/stored-entry.ts";

export type ListHead = Pick<ListResult, "revision" | "continueToken" | "remainingItemCount">;

export interface ObjectForm {
  readonly contentType: string;
  readonly watchContentType: string;
  /** An answer with one stored object. */
  entry(entry: StoredEntry): ResponseBody;
  /** An answer with an object that is not stored: a Scale, a review. */
  object(object: KubeObject): ResponseBody;
  list(entries: readonly StoredEntry[], head: ListHead): ResponseBody;
  /** One event of a watch. */
  event(item: Exclude<WatchItem, { readonly type: "ERROR" }>): Uint8Array;
  error(status: StatusBody): Uint8Array;
}

/** metadata of a list, as upstream writes it: absent fields are left out. */
export function listMeta(head: ListHead): Record<string, unknown> {
  return {
    resourceVersion: String(head.revision),
    ...(head.continueToken ? { continue: head.continueToken } : {}),
    ...(head.remainingItemCount === undefined ? {} : { remainingItemCount: head.remainingItemCount }),
  };
}

/** The object of a bookmark: nothing but its kind and how far the watch has come. */
export function bookmarkObject(
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  revision: number,
  initialEventsEnd: boolean,
): KubeObject {
  return {
    kind,
    apiVersion,
    metadata: {
      resourceVersion: String(revision),
      ...(initialEventsEnd ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}),
    },
  };
}
