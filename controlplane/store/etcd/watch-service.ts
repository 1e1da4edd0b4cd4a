/**
 * etcd's Watch service over a Store. One stream carries many watches; each of them is a watch of the store.
 *
 * When a client takes events more slowly than they come, its watches are put down instead of queueing without end, and
 * taken up again from where they were once the client has caught up: history is the queue, and a client that stays
 * behind for longer than history is kept gets the compaction error, as with etcd.
 */
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import type { Clock, Timer } from "#pkg/system/clock.ts";
import { BerthError, hasCode, messageOf } from "#pkg/system/errors.ts";
import { etcdErrors } from "../etcd-errors.ts";
import type * as pb from "../generated/etcd.ts";
import type { Store, WatchEvent, WatchHandle, WatchRequest } from "../store.ts";
import { watchService } from "./descriptor.ts";
import type { GrpcHandler, GrpcStream, GrpcStreamHandler } from "./grpc-server.ts";
import { numberOf } from "./request-messages.ts";
import { type HeaderOf, toEvent } from "./response-messages.ts";
import { streaming } from "./service-handlers.ts";
import { splitEvents } from "./split-events.ts";

type Response = MessageInput<pb.WatchResponse>;

export interface WatchServiceOptions {
  readonly store: Store;
  readonly headerOf: HeaderOf;
  readonly clock: Clock;
  /** How often a quiet watch that asked for it is told the revision. etcd's default is 10 minutes. */
  readonly progressIntervalMs: number;
  /** Answers larger than this are cut for clients that asked for fragments. */
  readonly fragmentBytes: number;
}

export function watchHandlers(options: WatchServiceOptions): readonly GrpcHandler[] {
  return [streaming(watchService, "Watch", (stream: GrpcStream<Response>) => new WatchStream(options, stream))];
}

interface ServedWatch {
  readonly id: bigint;
  readonly request: WatchRequest;
  readonly keep: (event: WatchEvent) => boolean;
  readonly fragment: boolean;
  readonly progressNotify: boolean;
  /** First revision not sent yet; 0: from now on. */
  next: number;
  /** Undefined while it is put down for a slow client. */
  handle: WatchHandle | undefined;
  /** Something was sent since the last round of progress notices. */
  wasActive: boolean;
}

class WatchStream implements GrpcStreamHandler<pb.WatchRequest> {
  readonly #options: WatchServiceOptions;
  readonly #stream: GrpcStream<Response>;
  readonly #watches = new Map<bigint, ServedWatch>();
  /** Watches whose progress a client's request waits for; undefined: none is being made. */
  #progressPending: Map<ServedWatch, number | undefined> | undefined;
  #turn: Promise<void> = Promise.resolve();
  #nextId = 0n;
  #isSlow = false;
  #timer: Timer | undefined;

  constructor(options: WatchServiceOptions, stream: GrpcStream<Response>) {
    this.#options = options;
    this.#stream = stream;
  }

  message(request: pb.WatchRequest): void {
    this.#inTurn(async () => {
      if (request.createRequest) await this.#create(request.createRequest);
      else if (request.cancelRequest) await this.#cancel(request.cancelRequest.watchId);
      else if (request.progressRequest) await this.#requestProgress();
    });
  }

  ended(): void {
    this.#inTurn(async () => this.#stream.end());
  }

  /** Requests of one stream take effect in the order they came. */
  #inTurn(action: () => Promise<void>): void {
    this.#turn = this.#turn.then(action).catch((error: unknown) => this.#stream.end(error));
  }

  drained(): void {
    if (!this.#isSlow) return;
    this.#isSlow = false;
    for (const watch of [...this.#watches.values()]) if (watch.handle === undefined) this.#start(watch);
  }

  closed(): void {
    this.#timer?.cancel();
    const watches = [...this.#watches.values()];
    this.#watches.clear();
    for (const watch of watches) watch.handle?.close();
  }

  async #create(create: pb.WatchCreateRequest): Promise<void> {
    const { revision } = await this.#options.store.status();
    const header = this.#options.headerOf(revision);
    const id = create.watchId !== 0n ? create.watchId : this.#freeId();
    if (this.#watches.has(id)) {
      const cancelReason = "etcdserver: duplicate watch ID";
      this.#stream.send({ header, watchId: -1, created: true, canceled: true, cancelReason });
      return;
    }
    const start = numberOf(create.startRevision);
    const watch: ServedWatch = {
      id,
      request: fromCreateRequest(create),
      keep: buildFilter(create.filters),
      fragment: create.fragment,
      progressNotify: create.progressNotify,
      next: start > 0 ? start : revision + 1,
      handle: undefined,
      wasActive: false,
    };
    this.#watches.set(id, watch);
    this.#stream.send({ header, watchId: id, created: true });
    if (create.progressNotify) this.#armProgress();
    if (!this.#isSlow) this.#start(watch);
  }

  #freeId(): bigint {
    while (this.#watches.has(this.#nextId)) this.#nextId += 1n;
    return this.#nextId++;
  }

  #start(watch: ServedWatch): void {
    try {
      watch.handle = this.#options.store.watch(
        { ...watch.request, startRevision: watch.next },
        {
          events: (events, revision) => this.#sendEvents(watch, events, revision),
          progress: (revision) => this.#gotProgress(watch, revision),
          closed: (error) => this.#inTurn(() => this.#ended(watch, error)),
        },
      );
      if (this.#progressPending?.has(watch)) watch.handle.requestProgress();
    } catch (error) {
      this.#inTurn(() => this.#ended(watch, BerthError.from(error)));
    }
  }

  #sendEvents(watch: ServedWatch, events: readonly WatchEvent[], revision: number): void {
    watch.next = revision + 1;
    watch.wasActive = true;
    const kept = events.filter(watch.keep);
    if (kept.length === 0) return;
    const header = this.#options.headerOf(revision);
    const parts = watch.fragment ? splitEvents(kept, this.#options.fragmentBytes) : [kept];
    for (const [index, part] of parts.entries()) {
      const fragment = index < parts.length - 1;
      if (!this.#stream.send({ header, watchId: watch.id, events: part.map(toEvent), fragment })) this.#isSlow = true;
    }
    if (this.#isSlow) this.#putDown(watch);
  }

  #putDown(watch: ServedWatch): void {
    const { handle } = watch;
    watch.handle = undefined;
    handle?.close();
  }

  /** The store ended the watch; putting it down ourselves comes here too, and changes nothing. */
  async #ended(watch: ServedWatch, error: Error | undefined): Promise<void> {
    if (error === undefined || this.#watches.get(watch.id) !== watch) return;
    this.#watches.delete(watch.id);
    const compactRevision = hasCode(error, "Expired") ? Number(error.details["compactRevision"] ?? 0) : 0;
    const cancelReason = compactRevision > 0 ? etcdErrors.compacted.text : messageOf(error);
    const header = await this.#header();
    this.#stream.send({ header, watchId: watch.id, canceled: true, compactRevision, cancelReason });
    this.#settleProgress();
  }

  async #cancel(id: bigint): Promise<void> {
    const watch = this.#watches.get(id);
    if (watch === undefined) return;
    this.#watches.delete(id);
    this.#putDown(watch);
    this.#stream.send({ header: await this.#header(), watchId: id, canceled: true });
    this.#settleProgress();
  }

  /** Answered once, for all watches of the stream, when each has everything up to the revision told. */
  async #requestProgress(): Promise<void> {
    if (this.#progressPending !== undefined) return;
    if (this.#watches.size === 0) {
      this.#stream.send({ header: await this.#header(), watchId: -1 });
      return;
    }
    this.#progressPending = new Map([...this.#watches.values()].map((watch) => [watch, undefined]));
    for (const watch of [...this.#progressPending.keys()]) watch.handle?.requestProgress();
  }

  #gotProgress(watch: ServedWatch, revision: number): void {
    watch.next = Math.max(watch.next, revision + 1);
    if (this.#progressPending?.has(watch)) {
      this.#progressPending.set(watch, revision);
      this.#settleProgress();
    } else if (watch.progressNotify) {
      this.#stream.send({ header: this.#options.headerOf(revision), watchId: watch.id });
    }
  }

  #settleProgress(): void {
    const pending = this.#progressPending;
    if (pending === undefined) return;
    for (const watch of pending.keys()) if (this.#watches.get(watch.id) !== watch) pending.delete(watch);
    const revisions = [...pending.values()].filter((revision) => revision !== undefined);
    if (revisions.length < pending.size) return;
    this.#progressPending = undefined;
    if (revisions.length > 0)
      this.#stream.send({ header: this.#options.headerOf(Math.min(...revisions)), watchId: -1 });
  }

  #armProgress(): void {
    this.#timer ??= this.#options.clock.setTimer(this.#options.progressIntervalMs, () => {
      this.#timer = undefined;
      for (const watch of this.#watches.values()) {
        if (watch.progressNotify && !watch.wasActive) watch.handle?.requestProgress();
        watch.wasActive = false;
      }
      this.#armProgress();
    });
  }

  async #header(): Promise<MessageInput<pb.ResponseHeader>> {
    return this.#options.headerOf((await this.#options.store.status()).revision);
  }
}

/** An empty key is the first possible one; see rpc.proto on what the end means. */
function fromCreateRequest({ key, rangeEnd, prevKv }: pb.WatchCreateRequest): WatchRequest {
  return {
    start: key.length === 0 ? Uint8Array.of(0) : key,
    end: rangeEnd.length === 0 ? undefined : rangeEnd,
    prevKv,
  };
}

function buildFilter(filters: readonly pb.WatchCreateRequestFilterType[]): (event: WatchEvent) => boolean {
  const [noPut, noDelete] = [filters.includes("NOPUT"), filters.includes("NODELETE")];
  return (event) => !(event.type === "put" ? noPut : noDelete);
}
