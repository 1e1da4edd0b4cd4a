/** What callers can say about a request, and how that becomes a query string. Names are those of the API. */

import type { FieldMatcher } from "#pkg/api/fields.ts";
import type { LabelMatcher } from "#pkg/api/labels.ts";

export interface CallOptions {
  /** Ends the call with BerthError "Aborted". */
  readonly signal?: AbortSignal | undefined;
}

export interface GetOptions extends CallOptions {
  readonly resourceVersion?: string | undefined;
}

export interface SelectorOptions {
  readonly labelSelector?: string | LabelMatcher | undefined;
  readonly fieldSelector?: string | FieldMatcher | undefined;
}

export interface ListOptions extends CallOptions, SelectorOptions {
  /** Most items in one answer; the rest is had with `continue`. Default: all. */
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
  /** "0": anything the server has at hand. Unset: the latest. */
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: "NotOlderThan" | "Exact" | undefined;
}

export interface WatchOptions extends CallOptions, SelectorOptions {
  /** Changes after this version. Unset or "0": the present objects first. */
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: "NotOlderThan" | undefined;
  readonly allowWatchBookmarks?: boolean | undefined;
  readonly sendInitialEvents?: boolean | undefined;
  /** When the server shall end the watch. */
  readonly timeoutSeconds?: number | undefined;
}

export interface WriteOptions extends CallOptions {
  readonly fieldManager?: string | undefined;
  readonly fieldValidation?: "Ignore" | "Warn" | "Strict" | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface PatchOptions extends WriteOptions {
  readonly subresource?: string | undefined;
}

export interface ApplyOptions extends PatchOptions {
  readonly fieldManager: string;
  /** Takes over fields that other managers own. Default false: 409 Conflict. */
  readonly force?: boolean | undefined;
}

export interface DeleteOptions extends CallOptions {
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: "Orphan" | "Background" | "Foreground" | undefined;
  readonly preconditions?:
    | { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined }
    | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface JsonPatchOperation {
  readonly op: "add" | "remove" | "replace" | "move" | "copy" | "test";
  /** A JSON pointer. */
  readonly path: string;
  readonly from?: string | undefined;
  readonly value?: unknown;
}

export type Patch =
  | { readonly type: "json"; readonly operations: readonly JsonPatchOperation[] }
  /** RFC 7386: null removes a field, lists are replaced as a whole. */
  | { readonly type: "merge"; readonly body: object }
  /** Lists are merged by their keys; built-in kinds only. */
  | { readonly type: "strategic"; readonly body: object };

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export function listQuery(options: ListOptions): Query {
  const { limit, continue: token, resourceVersion, resourceVersionMatch } = options;
  return { ...selectorQuery(options), limit, continue: token, resourceVersion, resourceVersionMatch };
}

export function watchQuery(options: WatchOptions): Query {
  const { resourceVersion, resourceVersionMatch, allowWatchBookmarks, sendInitialEvents, timeoutSeconds } = options;
  return {
    ...selectorQuery(options),
    watch: true,
    resourceVersion,
    resourceVersionMatch,
    allowWatchBookmarks,
    sendInitialEvents,
    timeoutSeconds,
  };
}

export function writeQuery(options: WriteOptions): Query {
  const { fieldManager, fieldValidation, dryRun } = options;
  return { fieldManager, fieldValidation, dryRun: dryRun ? "All" : undefined };
}

/** `path?a=b`; undefined and empty values are left out. */
export function withQuery(path: string, query: Query): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") search.set(key, String(value));
  }
  const text = search.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** The DeleteOptions body; undefined when there is nothing to say. */
export function deleteBody(options: DeleteOptions): object | undefined {
  const { gracePeriodSeconds, propagationPolicy, preconditions, dryRun } = options;
  const said = { gracePeriodSeconds, propagationPolicy, preconditions, dryRun: dryRun ? ["All"] : undefined };
  if (Object.values(said).every((value) => value === undefined)) return undefined;
  return { kind: "DeleteOptions", apiVersion: "v1", ...said };
}

function selectorQuery({ labelSelector, fieldSelector }: SelectorOptions): Query {
  return { labelSelector: labelSelector?.toString(), fieldSelector: fieldSelector?.toString() };
}
