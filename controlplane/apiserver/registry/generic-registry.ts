/**
 * One registry for every kind: the rules all kinds share, with a Strategy for what is special about one. See registries.ts
 * for the consistency rules.
 *
 * Objects handed to `transform`, to strategies as `current`, and out of every method are shared with the caches and never
 * changed. What `transform` returns and what `create` is given belongs to the registry from then on.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { type ResourceName, StatusError } from "#pkg/api/status.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { Random } from "#pkg/system/random.ts";
import { computeDeletion, isFinishedByUpdate } from "./compute-deletion.ts";
import { generateNameTries } from "./generate-name.ts";
import { ObjectLister } from "./list-objects.ts";
import { parseResourceVersion } from "./list-options.ts";
import type { Decision, ObjectStorage } from "./object-storage.ts";
import { checkDeletePreconditions, checkPreconditions } from "./preconditions.ts";
import { assertValidCreate, matchNamespace, ownCopy, prepareCreate, takeGeneratedName } from "./prepare-create.ts";
import { assertValidUpdate, checkVersion, isMain, prepareUpdate } from "./prepare-update.ts";
import type {
  CreateOptions,
  DeleteOptions,
  GetOptions,
  ListOptions,
  ListResult,
  ResourceRegistry,
  Transform,
  UpdateOptions,
  WatchOptions,
  WatchSubscription,
  WriteContext,
} from "./resource-registry.ts";
import { tooLargeRevision } from "./revision-errors.ts";
import { compileSelection, type Selection, type SelectionRequest } from "./selection.ts";
import type { StoredEntry } from "./stored-entry.ts";
import { kindName, resourceName, type StoredResource } from "./stored-resource.ts";
import type { Release, Strategy, StrategyContext } from "./strategy.ts";
import type { WatchCache } from "./watch-cache.ts";
import { watchObjects } from "./watch-objects.ts";

/** Deletes of one collection that run at the same time. */
const deleteWorkers = 16;

export interface GenericRegistryOptions {
  readonly resource: StoredResource;
  readonly strategy: Strategy;
  readonly hub: WatchCache;
  readonly storage: ObjectStorage;
  readonly clock: Clock;
  readonly random: Random;
}

export class GenericRegistry implements ResourceRegistry {
  readonly resource: StoredResource;
  readonly strategy: Strategy;
  readonly storage: ObjectStorage;
  readonly #hub: WatchCache;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #lister: ObjectLister;

  constructor(options: GenericRegistryOptions) {
    this.resource = options.resource;
    this.strategy = options.strategy;
    this.storage = options.storage;
    this.#hub = options.hub;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#lister = new ObjectLister(options.hub, options.storage);
  }

  async create(object: KubeObject, options: CreateOptions, context: WriteContext): Promise<StoredEntry> {
    const template = ownCopy(object);
    const strategyContext = this.#strategyContext(context, options.dryRun);
    const { resource, strategy } = this;
    prepareCreate(template, resource, strategy, options.namespace, this.#random.uuid(), strategyContext);
    for (let tries = 1; ; tries++) {
      // What a try that failed allocated must not look like the client's wish to the next one.
      const candidate = strategy.allocate ? structuredClone(template) : ownCopy(template);
      const isGenerated = takeGeneratedName(candidate, this.#random);
      strategy.prepareNamed?.(candidate);
      const existing = await this.#createNamed(candidate, options, context, strategyContext);
      if (existing.entry) return existing.entry;
      const name = candidate.metadata.name ?? "";
      if (!isGenerated) throw this.#alreadyExists(name, existing.existing);
      if (tries === generateNameTries) throw this.#noFreeName(name);
    }
  }

  async get(namespace: string, name: string, options: GetOptions): Promise<StoredEntry> {
    const entry = await this.#read(namespace, name, options.resourceVersion);
    if (!entry) throw StatusError.notFound(resourceName(this.resource), name);
    return entry;
  }

  async list(options: ListOptions, signal: AbortSignal): Promise<ListResult> {
    return this.#lister.list(options, this.#select(options), signal);
  }

  async watch(options: WatchOptions, signal: AbortSignal): Promise<WatchSubscription> {
    return watchObjects(this.#hub, this.storage, this.#random, options, this.#select(options), signal);
  }

  async update(
    options: UpdateOptions,
    transform: Transform,
    context: WriteContext,
  ): Promise<{ readonly entry: StoredEntry; readonly created: boolean }> {
    const strategyContext = this.#strategyContext(context, options.dryRun);
    let release: Release | undefined;
    let before: KubeObject | undefined;
    try {
      const done = await this.storage.modify(
        options.namespace,
        options.name,
        async (current) => {
          release?.();
          release = undefined;
          before = current?.object;
          const next = await this.#transform(options, transform, current, strategyContext);
          release = await this.#admit(next, current?.object, options, context, strategyContext);
          return this.#decideUpdate(next, current?.object);
        },
        { dryRun: options.dryRun, signal: context.signal },
      );
      if (options.dryRun || done.kind === "keep") release?.();
      else this.#afterWrite(done.kind === "delete" ? undefined : done.entry?.object, before);
      release = undefined;
      if (!done.entry) throw StatusError.notFound(resourceName(this.resource), options.name);
      return { entry: done.entry, created: done.created };
    } catch (error) {
      release?.();
      throw error;
    }
  }

  async delete(
    options: DeleteOptions,
    context: WriteContext,
  ): Promise<{ readonly entry: StoredEntry; readonly deleted: boolean }> {
    const about = resourceName(this.resource);
    const done = await this.storage.modify(
      options.namespace,
      options.name,
      async (current) => {
        if (!current) throw StatusError.notFound(about, options.name);
        checkDeletePreconditions(kindName(this.resource), current.object, options.preconditions);
        await options.validateAdmission(undefined, current.object);
        const deletion = computeDeletion(current.object, options, this.strategy, this.#clock.now());
        if (deletion.kind === "remove") return { kind: "delete" };
        return deletion.kind === "pending" ? { kind: "keep" } : { kind: "put", object: deletion.object };
      },
      { dryRun: options.dryRun, signal: context.signal },
    );
    if (!done.entry) throw StatusError.notFound(about, options.name);
    const deleted = done.kind === "delete";
    if (deleted && !options.dryRun) this.#afterWrite(undefined, done.entry.object);
    return { entry: done.entry, deleted };
  }

  async deleteCollection(
    list: ListOptions,
    options: Omit<DeleteOptions, "name">,
    context: WriteContext,
  ): Promise<readonly StoredEntry[]> {
    const { entries } = await this.list(list, context.signal);
    const deleted: StoredEntry[] = [];
    const queue = entries.values();
    const work = async (): Promise<void> => {
      for (const { object } of queue) {
        const { namespace = "", name = "" } = object.metadata;
        const one = await this.#deleteOne({ ...options, namespace, name }, context);
        if (one) deleted.push(one);
      }
    };
    const results = await Promise.allSettled(Array.from({ length: deleteWorkers }, work));
    for (const result of results) if (result.status === "rejected") throw result.reason;
    return deleted;
  }

  /** Undefined: somebody else deleted it. */
  async #deleteOne(options: DeleteOptions, context: WriteContext): Promise<StoredEntry | undefined> {
    try {
      return (await this.delete(options, context)).entry;
    } catch (error) {
      if (error instanceof StatusError && error.reason === "NotFound") return undefined;
      throw error;
    }
  }

  async #createNamed(
    object: KubeObject,
    options: CreateOptions,
    context: WriteContext,
    strategyContext: StrategyContext,
  ): Promise<{ readonly entry: StoredEntry | undefined; readonly existing: StoredEntry | undefined }> {
    const release = await this.#admit(object, undefined, options, context, strategyContext);
    try {
      const { ttlSeconds } = this.strategy;
      const { dryRun } = options;
      const result = await this.storage.create(object, ttlSeconds, { dryRun, signal: context.signal });
      if (!result.entry || dryRun) release?.();
      return result;
    } catch (error) {
      release?.();
      throw error;
    }
  }

  /** Validates the object, takes what it needs from shared pools, and asks admission. Returns how to give it back. */
  async #admit(
    next: KubeObject,
    current: KubeObject | undefined,
    options: Pick<UpdateOptions, "validateAdmission"> & { readonly subresource?: string },
    context: WriteContext,
    strategyContext: StrategyContext,
  ): Promise<Release | undefined> {
    const { resource, strategy } = this;
    const subresource = options.subresource ?? "";
    if (current) assertValidUpdate(next, current, resource, strategy, subresource);
    else assertValidCreate(next, resource, strategy);
    const ofMain = isMain(strategy, subresource);
    if (ofMain) for (const text of strategy.warnings?.(next, current) ?? []) context.warn(text);
    const release = ofMain ? strategy.allocate?.(next, current, strategyContext) : undefined;
    try {
      await options.validateAdmission(next, current);
    } catch (error) {
      release?.();
      throw error;
    }
    return release;
  }

  /** The new object, prepared for the store and not yet validated. */
  async #transform(
    options: UpdateOptions,
    transform: Transform,
    current: StoredEntry | undefined,
    strategyContext: StrategyContext,
  ): Promise<KubeObject> {
    const { resource, strategy } = this;
    const about = resourceName(resource);
    if (!current) {
      const { uid, resourceVersion } = options.preconditions ?? {};
      if (!options.createIfMissing || uid || resourceVersion) throw StatusError.notFound(about, options.name);
      const created = ownCopy(await transform(undefined));
      assertMayCreate(about, options.name, created);
      created.metadata.name ||= options.name;
      prepareCreate(created, resource, strategy, options.namespace, this.#random.uuid(), strategyContext);
      strategy.prepareNamed?.(created);
      return created;
    }
    checkPreconditions(about, current.object, options.preconditions);
    const next = ownCopy(await transform(current.object));
    matchNamespace(next, options.namespace);
    checkVersion(next, current.object, resource);
    prepareUpdate(next, current.object, resource, strategy, options.subresource, strategyContext);
    return next;
  }

  #decideUpdate(next: KubeObject, current: KubeObject | undefined): Decision {
    if (current && isFinishedByUpdate(next, current, this.strategy)) return { kind: "delete" };
    return { kind: "put", object: next, ttlSeconds: this.strategy.ttlSeconds };
  }

  /** Gives back what is not held any more. `next` undefined: the object is gone. */
  #afterWrite(next: KubeObject | undefined, current: KubeObject | undefined): void {
    if (!current) return;
    if (next) this.strategy.releaseUnused?.(next, current);
    else this.strategy.release?.(current);
  }

  async #read(namespace: string, name: string, resourceVersion: string): Promise<StoredEntry | undefined> {
    const { cache } = this.storage;
    const revision = parseResourceVersion(resourceVersion);
    if (resourceVersion === "" || !cache.synced) return this.storage.get(namespace, name);
    if (cache.revision < revision && !(await this.#hub.waitFor(revision))) {
      throw tooLargeRevision(revision, cache.revision);
    }
    return cache.get(namespace, name);
  }

  #select(request: SelectionRequest): Selection {
    return compileSelection(request, this.resource.namespaced, this.strategy.selectableFields?.bind(this.strategy));
  }

  #strategyContext(context: WriteContext, dryRun: boolean): StrategyContext {
    return { nowMs: this.#clock.now(), user: context.user, dryRun };
  }

  #alreadyExists(name: string, existing: StoredEntry | undefined): StatusError {
    const error = StatusError.alreadyExists(resourceName(this.resource), name);
    if (!existing?.object.metadata.deletionTimestamp) return error;
    return new StatusError({ ...error.status, message: `object is being deleted: ${error.status.message}` });
  }

  #noFreeName(name: string): StatusError {
    const { status } = StatusError.alreadyExists(resourceName(this.resource), name);
    return new StatusError({
      ...status,
      message: `${status.message}, the server was not able to generate a unique name for the object`,
      details: { ...status.details, retryAfterSeconds: 1 },
    });
  }
}

/** Throws when the client thinks of an object that exists. */
function assertMayCreate(about: ResourceName, name: string, { metadata }: KubeObject): void {
  if (metadata.uid) {
    const why = `uid mismatch: the provided object specified uid ${metadata.uid}, and no existing object was found`;
    throw StatusError.conflict(about, name, why);
  }
  if (metadata.resourceVersion) throw StatusError.notFound(about, name);
}
