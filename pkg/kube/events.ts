/**
 * Telling people what happened, as core/v1 Events. Recording never fails, never throws and never waits: events go through a
 * bounded queue, are correlated (event-correlator.ts) and written one after the other. What cannot be written is dropped and
 * logged.
 */
import type { Event, ObjectReference } from "#pkg/api/core/v1.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { isStatus, StatusError } from "#pkg/api/status.ts";
import { type Clock, formatTime } from "#pkg/system/clock.ts";
import { isAborted } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import type { KubeClient } from "./client.ts";
import { EventCorrelator, type EventPatch } from "./event-correlator.ts";
import { TokenBucket } from "./token-bucket.ts";

export type EventType = "Normal" | "Warning";

/** What an event is about: an object, or a reference for a part of one or an object nobody has at hand. */
export type EventSubject = ObjectReference | KubeObject;

export interface EventRecorder {
  /** `reason` is one CamelCase word that programs match on; `message` is for people. */
  event(
    about: EventSubject,
    type: EventType,
    reason: string,
    message: string,
    annotations?: Record<string, string>,
  ): void;
}

/** Where events are stored. Both throw StatusError when the server refuses, anything else when it cannot be reached. */
export interface EventSink {
  create(event: Event, signal: AbortSignal): Promise<Event>;
  patch(namespace: string, name: string, patch: EventPatch, signal: AbortSignal): Promise<Event>;
}

export interface EventRecorderOptions {
  readonly sink: EventSink;
  /** Who reports: `kubelet`, `deployment-controller`. */
  readonly component: string;
  /** The node, for those that run on one. */
  readonly host?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Most writes to the server. Default: no limit. */
  readonly limit?: { readonly perSecond: number; readonly burst: number } | undefined;
}

const maxQueued = 1000;
const maxTries = 12;
const retryMs = 10_000;
/** How long dispose lets the last events be written. */
const drainMs = 2_000;

/** Dispose stops recording and gives what is queued one more try each. */
export class QueuedEventRecorder implements EventRecorder, AsyncDisposable {
  readonly #options: EventRecorderOptions;
  readonly #correlator = new EventCorrelator((name) => this.#newName(name));
  readonly #bucket: TokenBucket | undefined;
  readonly #queue: Event[] = [];
  readonly #drain = new AbortController();
  readonly #stop = new AbortController();
  #dropped = 0;
  #names = 0;
  #running: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#bucket = options.limit && new TokenBucket(options.limit, options.clock.monotonic());
  }

  event(
    about: EventSubject,
    type: EventType,
    reason: string,
    message: string,
    annotations?: Record<string, string>,
  ): void {
    if (this.#drain.signal.aborted) return;
    if (this.#queue.length >= maxQueued) {
      this.#dropped++;
      return;
    }
    this.#queue.push(this.#build(referenceTo(about), type, reason, message, annotations));
    this.#running ??= this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#drain.abort();
    using _limit = this.#options.clock.setTimer(drainMs, () => this.#stop.abort());
    await this.#running;
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    for (let event = this.#queue.shift(); event && !this.#stop.signal.aborted; event = this.#queue.shift()) {
      await this.#record(event);
      if (this.#dropped > 0)
        this.#options.log.warn("too many events at once; some were dropped", { dropped: this.#dropped });
      this.#dropped = 0;
    }
    this.#running = undefined;
  }

  async #record(event: Event): Promise<void> {
    const { clock, log } = this.#options;
    const correlated = this.#correlator.correlate(event, clock.now());
    if (correlated.kind === "drop") return;
    const patch = correlated.kind === "repeat" ? correlated.patch : undefined;
    const fields = { reason: event.reason, object: `${event.involvedObject.kind}/${event.involvedObject.name}` };
    for (let tries = 1; !this.#stop.signal.aborted; tries++) {
      try {
        await this.#awaitTurn();
        this.#correlator.noteStored(await this.#write(correlated.event, patch));
        return;
      } catch (error) {
        if (error instanceof StatusError) {
          const isOrdinary = isStatus(error, "AlreadyExists") || isNamespaceGone(error);
          log[isOrdinary ? "debug" : "warn"]("the server refused an event", { ...fields, error });
          return;
        }
        if (this.#drain.signal.aborted || tries >= maxTries) {
          log.warn("an event could not be written", { ...fields, error, tries });
          return;
        }
      }
      await this.#pause(tries === 1 ? retryMs * this.#options.random.float() : retryMs);
    }
  }

  async #write(event: Event, patch: EventPatch | undefined): Promise<Event> {
    const { sink } = this.#options;
    const { name = "", namespace = "" } = event.metadata;
    if (!patch) return await sink.create(event, this.#stop.signal);
    try {
      return await sink.patch(namespace, name, patch, this.#stop.signal);
    } catch (error) {
      // Events live an hour; the one that this repeats is gone.
      if (!isStatus(error, "NotFound")) throw error;
      return await sink.create(event, this.#stop.signal);
    }
  }

  async #awaitTurn(): Promise<void> {
    const { clock } = this.#options;
    while (this.#bucket && !this.#bucket.tryTake(clock.monotonic()) && !this.#drain.signal.aborted) {
      await this.#pause(this.#bucket.waitMs(clock.monotonic()));
    }
  }

  /** Cut short by dispose. */
  async #pause(ms: number): Promise<void> {
    try {
      await this.#options.clock.sleep(ms, this.#drain.signal);
    } catch (error) {
      if (!isAborted(error)) throw error;
    }
  }

  #build(
    about: ObjectReference,
    type: EventType,
    reason: string,
    message: string,
    annotations: Record<string, string> | undefined,
  ): Event {
    const { component, host } = this.#options;
    const now = formatTime(this.#options.clock.now());
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: {
        name: this.#newName(about.name ?? ""),
        namespace: about.namespace || "default",
        ...(annotations ? { annotations } : {}),
      },
      involvedObject: about,
      reason,
      message,
      type,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component, ...(host ? { host } : {}) },
      reportingComponent: component,
      reportingInstance: host ?? "",
    };
  }

  /** `<object>.<nanoseconds in hexadecimal>`; the last digits only count up, for events of the same millisecond. */
  #newName(objectName: string): string {
    const nanoseconds = BigInt(this.#options.clock.now()) * 1_000_000n + BigInt(this.#names++ % 1_000_000);
    const suffix = `.${nanoseconds.toString(16)}`;
    const name = objectName + suffix;
    return name.length <= 253 && isSubdomain.test(name) ? name : this.#options.random.uuid();
  }
}

const isSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Stores events through the API. */
export function clientEventSink(client: KubeClient): EventSink {
  return {
    create: (event, signal) => client.events.in(event.metadata.namespace).create(event, { signal }),
    patch: (namespace, name, patch, signal) =>
      client.events.in(namespace).patch(name, { type: "merge", body: patch }, { signal }),
  };
}

/** A reference to the object; `fieldPath` names a part of it: `spec.containers{app}`. */
export function referenceTo(about: EventSubject, fieldPath?: string): ObjectReference {
  if (!isObject(about)) return fieldPath === undefined ? about : { ...about, fieldPath };
  const { name, namespace, uid, resourceVersion } = about.metadata;
  return {
    kind: about.kind,
    apiVersion: about.apiVersion,
    name,
    namespace,
    uid,
    resourceVersion,
    ...(fieldPath === undefined ? {} : { fieldPath }),
  };
}

function isObject(about: EventSubject): about is KubeObject {
  return "metadata" in about;
}

function isNamespaceGone(error: StatusError): boolean {
  return error.status.details?.causes?.some(({ reason }) => reason === "NamespaceTerminating") ?? false;
}
