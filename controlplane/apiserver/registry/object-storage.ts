/**
 * One resource in the store: create, read, change and delete single objects with compare-and-set transactions, and lists
 * as of any revision. Knows keys, bytes and revisions; nothing about kinds. Store failures come out as StatusErrors.
 */

import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import { hasCode } from "#pkg/system/errors.ts";
import { keyBytes, keyString } from "../../store/keys.ts";
import type { KeyValue, Operation, TxnResponse } from "../../store/store.ts";
import { equalJson } from "./equal-json.ts";
import { objectKey } from "./object-key.ts";
import { PendingWrite } from "./pending-writes.ts";
import type { ResourceCache } from "./resource-cache.ts";
import { tooLargeRevision } from "./revision-errors.ts";
import { isFutureRevision, storeFailure } from "./store-errors.ts";
import { StoredEntry } from "./stored-entry.ts";
import type { TtlLeases } from "./ttl-leases.ts";
import type { WatchCache } from "./watch-cache.ts";

/** What to do with an object. `put` with an equal object writes nothing. */
export type Decision =
  | { readonly kind: "put"; readonly object: KubeObject; readonly ttlSeconds?: number | undefined }
  | { readonly kind: "delete" }
  | { readonly kind: "keep" };

/** Decides from the current state; undefined: there is no such object. Runs again when that state turns out to be old. */
export type Decide = (current: StoredEntry | undefined) => Promise<Decision>;

export interface ModifyOptions {
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

export interface Modified {
  /** What was done in the end; "keep" also when the new object was equal to the old one. */
  readonly kind: Decision["kind"];
  /** The state after a put, the last state with the deletion's revision, or the state that was kept. */
  readonly entry: StoredEntry | undefined;
  readonly created: boolean;
}

/** What became of one try. */
type Outcome =
  | { readonly kind: "written"; readonly modified: Modified }
  /** Nothing to write; right only if the state it was decided on is the newest. */
  | { readonly kind: "unwritten"; readonly conclude: () => Modified }
  /** Somebody else wrote first. */
  | { readonly kind: "lost"; readonly newest: StoredEntry | undefined };

export interface CreateResult {
  /** Undefined: the name is taken, by `existing`. */
  readonly entry: StoredEntry | undefined;
  readonly existing: StoredEntry | undefined;
}

export class ObjectStorage {
  /** "/registry/pods/". */
  readonly prefix: string;
  readonly cache: ResourceCache;
  readonly #hub: WatchCache;
  readonly #leases: TtlLeases;

  constructor(hub: WatchCache, prefix: string, leases: TtlLeases) {
    this.prefix = prefix;
    this.#hub = hub;
    this.#leases = leases;
    this.cache = hub.register(prefix);
  }

  /** The newest state, asked from the store; not parsed when the cache has it. */
  async get(namespace: string, name: string): Promise<StoredEntry | undefined> {
    const key = objectKey(namespace, name);
    try {
      const { kvs } = await this.#hub.store.range({ start: this.#keyBytes(key), limit: 1 });
      return kvs[0] && this.#entryOf(key, kvs[0]);
    } catch (error) {
      throw storeFailure(error);
    }
  }

  /**
   * Entries with keys from `start` to `end` as of `revision`. Throws BerthError "Expired" when that is compacted, StatusError
   * 504 when it is still to come.
   */
  async read(
    start: string,
    end: string | undefined,
    revision: number,
    limit: number,
  ): Promise<{ entries: StoredEntry[]; keys: string[]; revision: number; more: boolean; count: number }> {
    try {
      const response = await this.#hub.store.range({
        start: this.#keyBytes(start),
        end: keyBytes(end === undefined ? `${this.prefix.slice(0, -1)}0` : this.prefix + end),
        revision,
        limit,
      });
      const keys = response.kvs.map((kv) => keyString(kv.key).slice(this.prefix.length));
      const entries = response.kvs.map((kv, index) => this.#entryOf(keys[index] ?? "", kv));
      return { entries, keys, revision: revision || response.revision, more: response.more, count: response.count };
    } catch (error) {
      if (isFutureRevision(error)) throw tooLargeRevision(revision, this.#hub.revision);
      throw hasCode(error, "Expired") ? error : storeFailure(error);
    }
  }

  /** `object` becomes the registry's: the caller must not change it any more. */
  async create(object: KubeObject, ttlSeconds: number | undefined, options: ModifyOptions): Promise<CreateResult> {
    const key = objectKey(object.metadata.namespace ?? "", object.metadata.name ?? "");
    if (options.dryRun) {
      const existing = await this.get(object.metadata.namespace ?? "", object.metadata.name ?? "");
      return existing ? { entry: undefined, existing } : { entry: new StoredEntry(object, 0), existing: undefined };
    }
    return this.#put(key, object, 0, ttlSeconds);
  }

  /**
   * Reads, decides, writes, and begins again when somebody else wrote in between. The first try trusts the cache; nothing
   * is refused or left undone on its word alone.
   */
  async modify(namespace: string, name: string, decide: Decide, options: ModifyOptions): Promise<Modified> {
    const key = objectKey(namespace, name);
    let current = this.cache.getByKey(key);
    let isFresh = false;
    if (!current) {
      current = await this.get(namespace, name);
      isFresh = true;
    }
    for (;;) {
      if (options.signal.aborted) throw storeFailure(options.signal.reason);
      const outcome = await this.#tryModify(key, current, decide, options);
      if (outcome.kind === "written") return outcome.modified;
      if (outcome.kind === "unwritten") {
        const newest = isFresh ? current : await this.get(namespace, name);
        if (newest?.revision === current?.revision) return outcome.conclude();
        current = newest;
      } else {
        current = outcome.newest;
      }
      isFresh = true;
    }
  }

  async #tryModify(
    key: string,
    current: StoredEntry | undefined,
    decide: Decide,
    options: ModifyOptions,
  ): Promise<Outcome> {
    let decision: Decision;
    try {
      decision = await decide(current);
    } catch (error) {
      const conclude = (): never => {
        throw error;
      };
      return { kind: "unwritten", conclude };
    }
    const changesNothing = decision.kind === "put" && current && equalJson(decision.object, current.object);
    if (decision.kind === "keep" || changesNothing || (decision.kind === "delete" && !current)) {
      return { kind: "unwritten", conclude: () => ({ kind: "keep", entry: current, created: false }) };
    }
    if (options.dryRun) return { kind: "unwritten", conclude: () => dryRunResult(decision, current) };
    if (decision.kind === "delete") return this.#delete(key, current as StoredEntry);
    const put = await this.#put(key, decision.object, current?.revision ?? 0, decision.ttlSeconds);
    if (!put.entry) return { kind: "lost", newest: put.existing };
    return { kind: "written", modified: { kind: "put", entry: put.entry, created: current === undefined } };
  }

  /** Writes when the key is still at `revision` (0: absent); else tells what is there. */
  async #put(key: string, object: KubeObject, revision: number, ttlSeconds: number | undefined): Promise<CreateResult> {
    const storeKey = this.prefix + key;
    const write = new PendingWrite(object, this.#hub.codec.encode(object));
    this.#hub.pendingWrites.add(storeKey, write);
    let response: TxnResponse;
    try {
      const lease = ttlSeconds === undefined ? 0n : await this.#leases.leaseFor(ttlSeconds);
      response = await this.#transact(key, revision, {
        kind: "put",
        key: keyBytes(storeKey),
        value: write.bytes,
        lease,
      });
    } catch (error) {
      this.#hub.pendingWrites.remove(storeKey, write);
      throw storeFailure(error);
    }
    if (response.succeeded) return { entry: write.entryAt(response.revision), existing: undefined };
    this.#hub.pendingWrites.remove(storeKey, write);
    return { entry: undefined, existing: this.#found(key, response) };
  }

  async #delete(key: string, current: StoredEntry): Promise<Outcome> {
    let response: TxnResponse;
    try {
      response = await this.#transact(key, current.revision, { kind: "delete", start: this.#keyBytes(key) });
    } catch (error) {
      throw storeFailure(error);
    }
    if (!response.succeeded) return { kind: "lost", newest: this.#found(key, response) };
    const metadata = { ...current.object.metadata, resourceVersion: String(response.revision) };
    const entry = new StoredEntry({ ...current.object, metadata }, response.revision);
    return { kind: "written", modified: { kind: "delete", entry, created: false } };
  }

  #transact(key: string, revision: number, change: Operation): Promise<TxnResponse> {
    const start = this.#keyBytes(key);
    return this.#hub.store.txn({
      compare: [{ start, target: "mod", relation: "equal", operand: revision }],
      success: [change],
      failure: [{ kind: "range", start, limit: 1 }],
    });
  }

  /** What the failure branch of a transaction read. */
  #found(key: string, response: TxnResponse): StoredEntry | undefined {
    const result = response.results[0];
    const kv = result?.kind === "range" ? result.kvs[0] : undefined;
    return kv && this.#entryOf(key, kv);
  }

  #entryOf(key: string, kv: KeyValue): StoredEntry {
    const cached = this.cache.getByKey(key);
    if (cached?.revision === kv.modRevision) return cached;
    try {
      return new StoredEntry(this.#hub.codec.decode(kv.value, kv.modRevision), kv.modRevision);
    } catch (error) {
      throw StatusError.internal(
        `reading ${this.prefix}${key} at revision ${kv.modRevision}: ${(error as Error).message}`,
      );
    }
  }

  #keyBytes(key: string): Uint8Array {
    return keyBytes(this.prefix + key);
  }
}

function dryRunResult(decision: Exclude<Decision, { kind: "keep" }>, current: StoredEntry | undefined): Modified {
  if (decision.kind === "delete") return { kind: "delete", entry: current, created: false };
  const revision = current?.revision ?? 0;
  return { kind: "put", entry: new StoredEntry(decision.object, revision), created: current === undefined };
}
