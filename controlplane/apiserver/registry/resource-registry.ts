/**
 * The registry port: what the HTTP handlers ask of one stored resource. One generic implementation serves every kind from
 * the resource table; a Strategy holds what is special about a kind.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { UserInfo } from "../http/api-request.ts";
import type { StoredEntry } from "./stored-entry.ts";

export interface WriteContext {
  readonly user: UserInfo;
  readonly signal: AbortSignal;
  /** Adds a `Warning` header. */
  warn(text: string): void;
}

/** Runs validating admission right before the write, with the object as it will be stored. */
export type ValidateAdmission = (next: KubeObject | undefined, current: KubeObject | undefined) => Promise<void>;

export interface CreateOptions {
  readonly namespace: string;
  readonly dryRun: boolean;
  readonly validateAdmission: ValidateAdmission;
}

export interface GetOptions {
  /** "": newest. "0": anything. N: not older than N. */
  readonly resourceVersion: string;
}

export interface ListOptions {
  /** "": all namespaces (or cluster scope). */
  readonly namespace: string;
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: "" | "NotOlderThan" | "Exact";
  readonly limit: number;
  readonly continueToken: string;
}

export interface ListResult {
  readonly entries: readonly StoredEntry[];
  readonly revision: number;
  /** Token for the next page; "" at the end. */
  readonly continueToken: string;
  readonly remainingItemCount?: number | undefined;
}

export interface WatchOptions {
  readonly namespace: string;
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: "" | "NotOlderThan" | "Exact";
  readonly allowBookmarks: boolean;
  readonly sendInitialEvents?: boolean | undefined;
  readonly timeoutSeconds: number;
}

/**
 * What a watcher gets. A selector transition arrives as ADDED or DELETED. A DELETED entry holds the last state with the
 * deletion's resourceVersion. `bookmark` has only a revision; `initialEventsEnd` marks the end of a WatchList's start.
 */
export type WatchItem =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly entry: StoredEntry }
  | { readonly type: "BOOKMARK"; readonly revision: number; readonly initialEventsEnd: boolean }
  | { readonly type: "ERROR"; readonly error: Error };

export interface WatchSubscription extends Disposable {
  /** Everything that is ready, at least one item; undefined when the watch ended. One caller at a time. */
  next(): Promise<readonly WatchItem[] | undefined>;
}

/** Makes the wanted object out of the current one (undefined: it does not exist); may run again after a conflict. */
export type Transform = (current: KubeObject | undefined) => Promise<KubeObject>;

export interface UpdateOptions {
  readonly namespace: string;
  readonly name: string;
  /** "" or "status", "scale", "ephemeralcontainers", "resize", "approval", "finalize", ... */
  readonly subresource: string;
  readonly dryRun: boolean;
  readonly preconditions?:
    | { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined }
    | undefined;
  /** Create the object when it is not there (PUT on kinds that allow it, server-side apply). */
  readonly createIfMissing: boolean;
  readonly validateAdmission: ValidateAdmission;
}

export interface DeleteOptions {
  readonly namespace: string;
  readonly name: string;
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: "Orphan" | "Background" | "Foreground" | undefined;
  readonly orphanDependents?: boolean | undefined;
  readonly preconditions?:
    | { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined }
    | undefined;
  readonly dryRun: boolean;
  readonly validateAdmission: ValidateAdmission;
}

export interface ResourceRegistry {
  create(object: KubeObject, options: CreateOptions, context: WriteContext): Promise<StoredEntry>;
  get(namespace: string, name: string, options: GetOptions): Promise<StoredEntry>;
  list(options: ListOptions, signal: AbortSignal): Promise<ListResult>;
  watch(options: WatchOptions, signal: AbortSignal): Promise<WatchSubscription>;
  update(
    options: UpdateOptions,
    transform: Transform,
    context: WriteContext,
  ): Promise<{ readonly entry: StoredEntry; readonly created: boolean }>;
  /** `deleted` false: the object waits for its grace period or its finalizers. */
  delete(
    options: DeleteOptions,
    context: WriteContext,
  ): Promise<{ readonly entry: StoredEntry; readonly deleted: boolean }>;
  deleteCollection(
    list: ListOptions,
    options: Omit<DeleteOptions, "name">,
    context: WriteContext,
  ): Promise<readonly StoredEntry[]>;
}

/** `next` undefined: deleted; `previous` undefined: new. */
export type ObjectListener = (next: KubeObject | undefined, previous: KubeObject | undefined) => void;

/** Reads from the in-memory caches, for authorization, admission and allocation. Objects must not be changed. */
export interface ObjectReader {
  /** True once the cache of this resource has caught up with the store at start. */
  hasSynced(group: string, resource: string): boolean;
  get(group: string, resource: string, namespace: string, name: string): KubeObject | undefined;
  /** namespace "": all. */
  list(group: string, resource: string, namespace: string): readonly KubeObject[];
  /**
   * Calls back after each change of the cache, synchronously and in revision order, also for what is loaded at start; so
   * `onChange` and then `list` misses nothing. For indexes derived from the cache.
   */
  onChange(group: string, resource: string, listener: ObjectListener): Disposable;
  /** The newest state, past the cache: for a decision that must not rest on a cache that lags. */
  getLive(group: string, resource: string, namespace: string, name: string): Promise<KubeObject | undefined>;
}

/** Writes by the server itself, through the registries: validated and allocated like any other, admission left out. */
export interface ObjectWriter {
  /** The API version is the resource's preferred one. Throws StatusError, "AlreadyExists" among them. */
  create(group: string, resource: string, object: KubeObject): Promise<KubeObject>;
  /** Replaces the object (subresource "") or, for example, its "status". With metadata.resourceVersion: "Conflict" when it moved on. */
  update(group: string, resource: string, subresource: string, object: KubeObject): Promise<KubeObject>;
}
