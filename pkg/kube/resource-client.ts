/**
 * The verbs of one resource. Bodies are JSON; objects that come back carry their apiVersion and kind, also those in lists,
 * where servers leave them out. A namespaced resource is narrowed with `in(namespace)`; create, update and apply also take
 * the namespace from the object.
 */
import { formatApiVersion, type KubeList, type KubeObject, type Stored } from "#pkg/api/meta/object.ts";
import type { StatusBody } from "#pkg/api/status.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { ApiCall, ApiCaller } from "./api-caller.ts";
import {
  type ApplyOptions,
  type CallOptions,
  type DeleteOptions,
  deleteBody,
  type GetOptions,
  type ListOptions,
  listQuery,
  type Patch,
  type PatchOptions,
  type WatchOptions,
  type WriteOptions,
  watchQuery,
  writeQuery,
} from "./request-options.ts";
import { type ResourceRef, resourcePath } from "./resources.ts";
import { type WatchStream, watchStream } from "./watch.ts";

/** All methods throw StatusError for answers that are failures, and the transport's BerthErrors. */
export class ResourceClient<T extends KubeObject = KubeObject> {
  readonly ref: ResourceRef<T>;
  readonly #caller: ApiCaller;
  readonly #namespace: string | undefined;

  constructor(caller: ApiCaller, ref: ResourceRef<T>, namespace?: string) {
    this.ref = ref;
    this.#caller = caller;
    this.#namespace = namespace;
  }

  /** The same resource in one namespace; undefined or "" means all of them. */
  in(namespace: string | undefined): ResourceClient<T> {
    return new ResourceClient(this.#caller, this.ref, namespace || undefined);
  }

  async get(name: string, options: GetOptions = {}): Promise<Stored<T>> {
    const { resourceVersion, signal } = options;
    return await this.#object({ method: "GET", path: this.#path(name), query: { resourceVersion }, signal });
  }

  /** One page, or everything when no limit is given. */
  async list(options: ListOptions = {}): Promise<KubeList<Stored<T>>> {
    const call: ApiCall = {
      method: "GET",
      path: this.#collection(),
      query: listQuery(options),
      signal: options.signal,
    };
    const list = await this.#caller.json<KubeList<Stored<T>>>(call);
    const items = (list.items ?? []).map((item) => this.#withKind(item));
    return { ...list, metadata: list.metadata ?? {}, items };
  }

  async create(object: T, options: WriteOptions = {}): Promise<Stored<T>> {
    const path = this.#collection(object);
    const body = this.#withKind(object);
    return await this.#object({ method: "POST", path, query: writeQuery(options), body, signal: options.signal });
  }

  /** Replaces the object; 409 Conflict when its resourceVersion is no longer the latest. */
  async update(object: T, options: WriteOptions = {}): Promise<Stored<T>> {
    return await this.#replace(object, undefined, options);
  }

  /** Replaces the status alone. */
  async updateStatus(object: T, options: WriteOptions = {}): Promise<Stored<T>> {
    return await this.#replace(object, "status", options);
  }

  async patch(name: string, patch: Patch, options: PatchOptions = {}): Promise<Stored<T>> {
    return await this.#object({
      method: "PATCH",
      path: this.#path(name, options.subresource),
      query: writeQuery(options),
      body: patch.type === "json" ? patch.operations : patch.body,
      contentType: patchContentTypes[patch.type],
      signal: options.signal,
    });
  }

  /** Server-side apply: `object` holds the fields this manager wants, and nothing else. Creates the object when it is not there. */
  async apply(object: KubeObject, options: ApplyOptions): Promise<Stored<T>> {
    const query = { ...writeQuery(options), force: options.force };
    return await this.#object({
      method: "PATCH",
      path: this.#pathOf(object, options.subresource),
      query,
      body: this.#withKind(object),
      contentType: "application/apply-patch+yaml",
      signal: options.signal,
    });
  }

  /** The object as it was left when deletion has only begun (finalizers, grace period), else a Status. */
  async delete(name: string, options: DeleteOptions = {}): Promise<Stored<T> | StatusBody> {
    const path = this.#path(name);
    return await this.#caller.json({ method: "DELETE", path, body: deleteBody(options), signal: options.signal });
  }

  async deleteCollection(which: ListOptions = {}, options: DeleteOptions = {}): Promise<void> {
    const call: ApiCall = {
      method: "DELETE",
      path: this.#collection(),
      query: listQuery(which),
      body: deleteBody(options),
    };
    await this.#caller.json({ ...call, signal: options.signal ?? which.signal });
  }

  async getSubresource<R = Stored<T>>(name: string, subresource: string, options: CallOptions = {}): Promise<R> {
    return await this.#caller.json<R>({ method: "GET", path: this.#path(name, subresource), ...options });
  }

  async putSubresource<R = Stored<T>>(
    name: string,
    subresource: string,
    body: object,
    options: WriteOptions = {},
  ): Promise<R> {
    const path = this.#path(name, subresource);
    return await this.#caller.json<R>({
      method: "PUT",
      path,
      query: writeQuery(options),
      body,
      signal: options.signal,
    });
  }

  /** For subresources that do something: binding, eviction, token. 429 is not retried: an eviction may say "not now". */
  async postSubresource<R = StatusBody>(
    name: string,
    subresource: string,
    body: object,
    options: WriteOptions = {},
  ): Promise<R> {
    return await this.#caller.json<R>({
      method: "POST",
      path: this.#path(name, subresource),
      query: writeQuery(options),
      body,
      signal: options.signal,
      retriesRejected: false,
    });
  }

  /** Resolves when the server has accepted the watch. Dispose the stream, or end it by the signal. */
  async watch(options: WatchOptions = {}): Promise<WatchStream<Stored<T>>> {
    const cancel = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, cancel.signal]) : cancel.signal;
    const call: ApiCall = { method: "GET", path: this.#collection(), query: watchQuery(options), signal };
    const response = await this.#caller.stream(call);
    return watchStream<Stored<T>>(response.body, cancel, options.signal);
  }

  async #replace(object: T, subresource: string | undefined, options: WriteOptions): Promise<Stored<T>> {
    const path = this.#pathOf(object, subresource);
    const body = this.#withKind(object);
    return await this.#object({ method: "PUT", path, query: writeQuery(options), body, signal: options.signal });
  }

  async #object(call: ApiCall): Promise<Stored<T>> {
    return this.#withKind(await this.#caller.json<Stored<T>>(call));
  }

  #withKind<O extends KubeObject>(object: O): O {
    if (object.kind !== undefined && object.apiVersion !== undefined) return object;
    return { apiVersion: formatApiVersion(this.ref), kind: this.ref.kind, ...object };
  }

  #pathOf(object: KubeObject, subresource?: string): string {
    const { name, namespace } = object.metadata;
    if (!name) throw new BerthError("Invalid", `${this.ref.plural}: the object has no name`);
    return this.#path(name, subresource, namespace);
  }

  #path(name: string, subresource?: string, namespace = this.#namespace): string {
    if (!name) throw new BerthError("Invalid", `${this.ref.plural}: the name is empty`);
    return resourcePath(this.ref, this.#needNamespace(namespace, name), name, subresource);
  }

  #collection(object?: T): string {
    if (!object) return resourcePath(this.ref, this.#namespace);
    const { name, generateName, namespace } = object.metadata;
    return resourcePath(this.ref, this.#needNamespace(namespace ?? this.#namespace, name ?? generateName ?? ""));
  }

  #needNamespace(namespace: string | undefined, name: string): string | undefined {
    if (!this.ref.namespaced || namespace) return namespace;
    throw new BerthError("Invalid", `${this.ref.plural} "${name}": no namespace was given; use in(namespace)`);
  }
}

const patchContentTypes: Readonly<Record<Patch["type"], string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
};
