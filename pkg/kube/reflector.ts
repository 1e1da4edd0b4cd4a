/**
 * Mirrors one resource into a sink: list, then watch from where the list ended, for ever.
 *  - the first list takes what the server has at hand (resourceVersion 0), in one answer; later ones are read in pages;
 *  - a broken or ended watch goes on from the last event or bookmark; history that is gone (410) means a new, consistent list;
 *  - failures wait with growing, jittered delays; a watch that delivers anything starts over with short ones;
 *  - with `usesWatchList` the list itself comes over the watch, and servers that refuse are listed as before.
 */
import type { KubeObject, Stored } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { isAborted, messageOf } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import { type BackoffPolicy, backoffMs, reflectorBackoff } from "./backoff.ts";
import type { SelectorOptions } from "./request-options.ts";
import type { ResourceClient } from "./resource-client.ts";
import { initialEventsEndAnnotation, type WatchEvent, type WatchStream } from "./watch.ts";

/** Called one at a time, in the order of events. Must not throw. */
export interface ReflectorSink<T extends KubeObject> {
  /** These are all objects there are. */
  replaceAll(objects: readonly Stored<T>[]): void;
  upsert(object: Stored<T>): void;
  remove(object: Stored<T>): void;
}

export interface ReflectorOptions<T extends KubeObject> extends SelectorOptions {
  /** Narrowed to a namespace or not. */
  readonly client: ResourceClient<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Default false. */
  readonly usesWatchList?: boolean | undefined;
  /** Items per page of lists that are read in pages. Default 500. */
  readonly pageSize?: number | undefined;
  readonly backoff?: BackoffPolicy | undefined;
}

/** Watches are ended by the server after a random time in this range, so that clients do not all come back at once. */
const watchSeconds = { least: 300, most: 600 };
/** How long after that time a watch that did not end counts as dead. */
const watchGraceMs = 30_000;
/** A watch that ends sooner, without any event, counts as a failure. */
const shortWatchMs = 1_000;

/** Runs until the signal fires; never rejects for any other reason. */
export async function runReflector<T extends KubeObject>(
  options: ReflectorOptions<T>,
  sink: ReflectorSink<T>,
  signal: AbortSignal,
): Promise<void> {
  await new Reflector(options, sink, signal).run();
}

class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #sink: ReflectorSink<T>;
  readonly #signal: AbortSignal;
  readonly #selectors: SelectorOptions;
  /** Everything up to this version is in the sink; undefined: a list is needed. */
  #version: string | undefined;
  /** What the next list asks for: "0" at first, "" (the latest) once history was lost. */
  #listVersion = "0";
  #failures = 0;
  /** History was lost, and no event has come since. */
  #hasLostHistory = false;
  #usesWatchList: boolean;

  constructor(options: ReflectorOptions<T>, sink: ReflectorSink<T>, signal: AbortSignal) {
    this.#options = options;
    this.#sink = sink;
    this.#signal = signal;
    this.#selectors = { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector };
    this.#usesWatchList = options.usesWatchList ?? false;
  }

  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        if (this.#version === undefined && !this.#usesWatchList) await this.#list();
        await this.#watch();
      } catch (error) {
        if (this.#signal.aborted) return;
        await this.#recover(error);
      }
    }
  }

  async #list(): Promise<void> {
    const { objects, version } = await this.#readPages();
    this.#sink.replaceAll(objects);
    this.#version = version;
  }

  async #readPages(): Promise<{ objects: readonly Stored<T>[]; version: string }> {
    const { client, pageSize = 500 } = this.#options;
    const objects: Stored<T>[] = [];
    let limit = this.#listVersion === "0" ? undefined : pageSize;
    let token: string | undefined;
    for (;;) {
      // A continued list may not name a version: the token does.
      const resourceVersion = token === undefined ? this.#listVersion : undefined;
      try {
        const call = { ...this.#selectors, limit, continue: token, resourceVersion, signal: this.#signal };
        const page = await client.list(call);
        objects.push(...page.items);
        token = page.metadata.continue || undefined;
        if (token === undefined) return { objects, version: page.metadata.resourceVersion ?? "" };
      } catch (error) {
        if (token === undefined || !isHistoryLost(error)) throw error;
        // The pages took longer than the server remembers: everything in one answer cannot expire.
        objects.length = 0;
        token = undefined;
        limit = undefined;
        this.#listVersion = "";
      }
    }
  }

  async #watch(): Promise<void> {
    const { clock, client } = this.#options;
    const timeoutSeconds = this.#timeoutSeconds();
    const startedAt = clock.monotonic();
    await using stream = await this.#open(client, timeoutSeconds);
    using _watchdog = clock.setTimer(timeoutSeconds * 1000 + watchGraceMs, () => {
      void stream[Symbol.asyncDispose]();
    });
    const hadEvents = await this.#consume(stream);
    if (!hadEvents && clock.monotonic() - startedAt < shortWatchMs) throw new ShortWatchError();
    this.#noteSuccess();
  }

  #noteSuccess(): void {
    this.#failures = 0;
    this.#hasLostHistory = false;
  }

  async #open(client: ResourceClient<T>, timeoutSeconds: number): Promise<WatchStream<Stored<T>>> {
    const common = { ...this.#selectors, allowWatchBookmarks: true, timeoutSeconds, signal: this.#signal };
    if (this.#version !== undefined) return await client.watch({ ...common, resourceVersion: this.#version });
    const resourceVersion = this.#listVersion === "0" ? undefined : this.#listVersion;
    return await client.watch({
      ...common,
      resourceVersion,
      sendInitialEvents: true,
      resourceVersionMatch: "NotOlderThan",
    });
  }

  /** True when there was at least one event. */
  async #consume(stream: WatchStream<Stored<T>>): Promise<boolean> {
    let hadEvents = false;
    let initial = this.#version === undefined ? new Map<string, Stored<T>>() : undefined;
    for await (const batch of stream.batches()) {
      hadEvents = true;
      if (initial === undefined) this.#noteSuccess();
      for (const event of batch) {
        if (initial === undefined) this.#apply(event);
        else if (!isInitialEnd(event)) collect(initial, event);
        else {
          this.#sink.replaceAll([...initial.values()]);
          this.#version = event.object.metadata.resourceVersion ?? "";
          initial = undefined;
        }
      }
    }
    if (initial !== undefined) throw new IncompleteListError();
    return hadEvents;
  }

  #apply(event: WatchEvent<Stored<T>>): void {
    switch (event.type) {
      case "ADDED":
      case "MODIFIED":
        this.#sink.upsert(event.object);
        break;
      case "DELETED":
        this.#sink.remove(event.object);
        break;
      case "BOOKMARK":
        break;
    }
    this.#version = event.object.metadata.resourceVersion ?? this.#version;
  }

  async #recover(error: unknown): Promise<void> {
    const { clock, random, log, backoff = reflectorBackoff, client } = this.#options;
    if (isHistoryLost(error)) {
      this.#version = undefined;
      this.#listVersion = "";
      // Once is ordinary and costs nothing to mend at once; again and again is a struggling server.
      if (!this.#hasLostHistory) {
        this.#hasLostHistory = true;
        return;
      }
    } else if (this.#version === undefined && this.#usesWatchList && isRefused(error)) {
      this.#usesWatchList = false;
      return;
    }
    this.#failures++;
    const waitMs = backoffMs(backoff, this.#failures, random);
    log.warn("list or watch failed", { resource: client.ref.plural, error: messageOf(error), retryMs: waitMs });
    try {
      await clock.sleep(waitMs, this.#signal);
    } catch (stopped) {
      if (!isAborted(stopped)) throw stopped;
    }
  }

  #timeoutSeconds(): number {
    const { least, most } = watchSeconds;
    return Math.floor(least + this.#options.random.float() * (most - least));
  }
}

class ShortWatchError extends Error {
  override readonly message = "the watch ended at once, without any event";
}

class IncompleteListError extends Error {
  override readonly message = "the watch ended within its initial events";
}

function isInitialEnd(event: WatchEvent): boolean {
  return event.type === "BOOKMARK" && event.object.metadata.annotations?.[initialEventsEndAnnotation] === "true";
}

function collect<T extends KubeObject>(objects: Map<string, Stored<T>>, event: WatchEvent<Stored<T>>): void {
  if (event.type === "BOOKMARK") return;
  const key = `${event.object.metadata.namespace ?? ""}/${event.object.metadata.name}`;
  if (event.type === "DELETED") objects.delete(key);
  else objects.set(key, event.object);
}

/** 410, or a version that the server has not reached: it was restored from an older state. */
function isHistoryLost(error: unknown): boolean {
  if (!(error instanceof StatusError)) return false;
  if (error.code === 410) return true;
  return error.status.details?.causes?.some((cause) => cause.reason === "ResourceVersionTooLarge") ?? false;
}

function isRefused(error: unknown): boolean {
  return error instanceof StatusError && (error.code === 422 || error.code === 400);
}
