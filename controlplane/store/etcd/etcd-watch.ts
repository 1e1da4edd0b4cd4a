/**
 * One watch on a real etcd: a gRPC stream of its own, so that one slow or broken watch never touches another. When the
 * stream is lost the watch ends with "Unavailable"; whoever watches resumes from the last revision it saw.
 */
import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import type { Clock, Timer } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { compactedError, etcdError, findEtcdError } from "../etcd-errors.ts";
import type * as pb from "../generated/etcd.ts";
import type { WatchHandle, WatchReceiver, WatchRequest } from "../store.ts";
import { watchService } from "./descriptor.ts";
import { type EtcdConnection, toStoreError } from "./etcd-connection.ts";
import { numberOf } from "./request-messages.ts";
import { fromEvent } from "./response-messages.ts";

/** Time after which an unanswered progress request is made again. */
const progressRetryMs = 100;

type Stream = ClientDuplexStream<MessageInput<pb.WatchRequest>, pb.WatchResponse>;

export interface EtcdWatchOptions {
  readonly connection: EtcdConnection;
  readonly clock: Clock;
  /** The servers' answers to progress requests can be trusted. */
  readonly canRequestProgress: boolean;
  readonly onEnd: (watch: EtcdWatch) => void;
}

export class EtcdWatch implements WatchHandle {
  readonly ready: Promise<void>;
  readonly #receiver: WatchReceiver;
  readonly #stream: Stream;
  readonly #path: string;
  readonly #streamFailed: () => void;
  readonly #options: EtcdWatchOptions;
  #progressTimer: Timer | undefined;
  #markReady!: () => void;
  #isOpen = true;

  constructor(options: EtcdWatchOptions, request: WatchRequest, receiver: WatchReceiver) {
    const method = watchService["Watch"];
    if (method === undefined) throw new BerthError("Internal", "the descriptor has no Watch");
    this.#path = method.path;
    this.#receiver = receiver;
    this.#options = options;
    this.ready = new Promise((resolve) => {
      this.#markReady = resolve;
    });
    // A member without a leader ends the stream instead of going silent.
    const { stream, failed } = options.connection.converse<MessageInput<pb.WatchRequest>, pb.WatchResponse>(method, {
      hasleader: "true",
    });
    this.#stream = stream;
    this.#streamFailed = failed;
    stream.on("data", (response: pb.WatchResponse) => this.#receive(response));
    stream.on("error", (error: ServiceError) => {
      this.#streamFailed();
      this.#end(lostError(toStoreError(error, this.#path)));
    });
    stream.on("end", () => this.#end(new BerthError("Unavailable", "etcd ended the watch")));
    const { start, end, startRevision = 0, prevKv = false } = request;
    stream.write({ createRequest: { key: start, rangeEnd: end ?? null, startRevision, prevKv, progressNotify: true } });
  }

  /** Servers that answer before they have delivered everything are not asked: they send progress at times, in order. */
  requestProgress(): void {
    if (!this.#isOpen || !this.#options.canRequestProgress) return;
    this.#stream.write({ progressRequest: {} });
    this.#progressTimer?.cancel();
    // A server drops the request when a watch of the stream still has to catch up, so it is made again.
    this.#progressTimer = this.#options.clock.setTimer(progressRetryMs, () => this.requestProgress());
  }

  close(): void {
    this.#end(undefined);
  }

  #receive(response: pb.WatchResponse): void {
    if (!this.#isOpen) return;
    if (response.canceled) this.#end(cancelError(response));
    else if (response.created) this.#markReady();
    else if (response.events.length > 0) this.#receiveEvents(response);
    else this.#receiveProgress(response);
  }

  #receiveEvents(response: pb.WatchResponse): void {
    const events = response.events.map(fromEvent);
    this.#receiver.events(events, events.at(-1)?.kv.modRevision ?? 0);
  }

  #receiveProgress(response: pb.WatchResponse): void {
    this.#progressTimer?.cancel();
    this.#receiver.progress(numberOf(response.header?.revision));
  }

  #end(error: Error | undefined): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#progressTimer?.cancel();
    this.#stream.cancel();
    this.#options.onEnd(this);
    this.#receiver.closed(error);
    this.#markReady();
  }
}

function cancelError(response: pb.WatchResponse): BerthError {
  const compactRevision = numberOf(response.compactRevision);
  if (compactRevision > 0) return compactedError(compactRevision);
  const known = findEtcdError(response.cancelReason);
  if (known !== undefined) return lostError(etcdError(known));
  return new BerthError("Unavailable", `etcd cancelled the watch: ${response.cancelReason || "no reason given"}`);
}

/** Whatever ended the stream, a new watch may work; only a compacted start and bad input never will. */
function lostError(error: BerthError): BerthError {
  if (error.code === "Expired" || error.code === "Invalid" || error.code === "Unauthorized") return error;
  return new BerthError("Unavailable", error.message, { cause: error });
}
