/**
 * The life of one pod on this node, one step at a time:
 *
 *   syncing ──(deleted, finished, evicted, unknown)──► terminating ──► terminated
 *
 * and never back. While syncing the worker observes, computes, applies and reports; it does so again when something happens to
 * the pod and now and then anyway. Terminating ends the containers; terminated means that nothing of the pod is left here.
 */
import { isDeepStrictEqual } from "node:util";
import type { Pod, PodPhase } from "#pkg/api/core/v1.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { isAborted, messageOf } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import { jitter, type Random } from "#pkg/system/random.ts";
import { agentConditions } from "./compute-pod-conditions.ts";
import { podGraceSeconds } from "./grace-period.ts";
import type { PodIdentity } from "./pod-folders.ts";
import type { PodSyncer, SyncResult } from "./pod-syncer.ts";
import type { PodTerminator } from "./pod-terminator.ts";

export type PodWorkerState = "syncing" | "terminating" | "terminated";

/** Why a pod ends before its time; becomes its phase, reason and message. */
export interface PodVerdict {
  readonly phase: PodPhase;
  readonly reason: string;
  readonly message: string;
}

export interface PodWorkerOptions {
  readonly syncer: PodSyncer;
  readonly terminator: PodTerminator;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly onTerminated: (worker: PodWorker) => void;
}

const resyncMs = 60_000;
const errorMs = 10_000;
const networkMs = 1_000;
const terminateRetryMs = 1_000;

export class PodWorker {
  readonly identity: PodIdentity;
  readonly #options: PodWorkerOptions;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #pod: Pod | undefined;
  #state: PodWorkerState = "syncing";
  #verdict: PodVerdict | undefined;
  #graceOverride: number | undefined;
  #graceSeconds: number | undefined;
  #isWoken = true;
  #wake: (() => void) | undefined;
  /** Ends what the sync is in the middle of, once the pod is to end. */
  #sync = new AbortController();
  #running: Promise<void> | undefined;

  /** Without a pod: one that only the runtime knows, to be ended. */
  constructor(identity: PodIdentity, pod: Pod | undefined, options: PodWorkerOptions) {
    this.identity = identity;
    this.#options = options;
    this.#pod = pod;
    this.#log = options.log.with({ pod: `${identity.namespace}/${identity.name}`, uid: identity.uid });
    if (!pod || pod.metadata.deletionTimestamp) this.#state = "terminating";
  }

  get state(): PodWorkerState {
    return this.#state;
  }

  get pod(): Pod | undefined {
    return this.#pod;
  }

  get verdict(): PodVerdict | undefined {
    return this.#verdict;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** The API has the pod like this now. */
  update(pod: Pod): void {
    const before = this.#pod;
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp) this.#terminate();
    if (!before || isNews(before, pod)) this.wake();
  }

  /** Ends the pod. The grace period can only get shorter. */
  end(options: { readonly verdict?: PodVerdict; readonly graceSeconds?: number } = {}): void {
    this.#verdict ??= options.verdict;
    const { graceSeconds } = options;
    if (graceSeconds !== undefined) this.#graceOverride = Math.min(this.#graceOverride ?? graceSeconds, graceSeconds);
    this.#terminate();
    this.wake();
  }

  /** Something happened to the pod: look at once. */
  wake(): void {
    this.#isWoken = true;
    this.#wake?.();
  }

  /** Leaves the pod as it is. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#sync.abort();
    this.#wake?.();
    await this.#running;
  }

  #terminate(): void {
    if (this.#state === "syncing") this.#state = "terminating";
    this.#sync.abort();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted && this.#state !== "terminated") {
      this.#isWoken = false;
      const delay = this.#state === "syncing" ? await this.#syncOnce() : await this.#terminateOnce();
      if (delay !== undefined) await this.#waitAtMost(delay);
    }
    if (this.#state === "terminated") this.#options.onTerminated(this);
  }

  /** Returns how long nothing has to be done. */
  async #syncOnce(): Promise<number | undefined> {
    const { syncer, random } = this.#options;
    const pod = this.#pod;
    if (!pod) return undefined;
    try {
      const result = await syncer.sync(pod, AbortSignal.any([this.#sync.signal, this.#stop.signal]));
      return this.#afterSync(result);
    } catch (error) {
      if (isAborted(error) || this.#sync.signal.aborted) return undefined;
      this.#log.warn("a pod could not be brought up to date", { error });
      return jitter(random, errorMs, 0.5);
    }
  }

  #afterSync(result: SyncResult): number | undefined {
    const { random, clock } = this.#options;
    switch (result.kind) {
      case "settled":
        return jitter(random, resyncMs, 0.5);
      case "again":
        return 0;
      case "waiting":
        return Math.max(Math.min(result.untilMs - clock.now(), resyncMs), 0);
      case "networkNotReady":
        return jitter(random, networkMs, 0.5);
      case "failed":
        this.#log.debug("a pod is not up to date yet", { reason: result.message });
        return Math.min(jitter(random, errorMs, 0.5), Math.max((result.retryAtMs ?? Infinity) - clock.now(), 0));
      case "finished":
        this.#verdict ??= result.verdict;
        this.#terminate();
        return undefined;
    }
  }

  /** Ends the containers; a grace period that got shorter meanwhile begins to count at once. */
  async #terminateOnce(): Promise<number | undefined> {
    const { terminator } = this.#options;
    try {
      let ending = this.#stopContainers();
      for (let result = await this.#waitOrShorten(ending); result === "shorter"; ) {
        // The first attempt goes on; the runtime ends the container by whichever comes first.
        ending = Promise.all([ending, this.#stopContainers()]).then(() => undefined);
        result = await this.#waitOrShorten(ending);
      }
      if (this.#stop.signal.aborted) return undefined;
      await terminator.clean(this.identity, this.#pod, this.#verdict);
      this.#state = "terminated";
      return undefined;
    } catch (error) {
      this.#log.warn("a pod could not be ended", { error: messageOf(error) });
      return terminateRetryMs;
    }
  }

  #stopContainers(): Promise<void> {
    this.#graceSeconds = podGraceSeconds(this.#pod, this.#graceOverride, this.#graceSeconds);
    const graceSeconds = this.#graceOverride === undefined ? undefined : this.#graceSeconds;
    return this.#options.terminator.stopContainers(this.identity, this.#pod, this.#verdict, graceSeconds);
  }

  async #waitOrShorten(ending: Promise<void>): Promise<"ended" | "shorter"> {
    for (;;) {
      const woken = this.#nextWake();
      const first = await Promise.race([ending.then(() => "ended" as const), woken.then(() => "woken" as const)]);
      if (first === "ended" || this.#stop.signal.aborted) return "ended";
      const grace = podGraceSeconds(this.#pod, this.#graceOverride, this.#graceSeconds);
      if (grace < (this.#graceSeconds ?? Infinity)) return "shorter";
      await this.#options.terminator.report(this.identity, this.#pod, this.#verdict);
    }
  }

  async #waitAtMost(ms: number): Promise<void> {
    if (this.#isWoken || this.#stop.signal.aborted) return;
    const woken = Promise.withResolvers<void>();
    this.#wake = woken.resolve;
    using _timer = this.#options.clock.setTimer(ms, woken.resolve);
    await woken.promise;
    this.#wake = undefined;
  }

  #nextWake(): Promise<void> {
    if (this.#isWoken) {
      this.#isWoken = false;
      return Promise.resolve();
    }
    const woken = Promise.withResolvers<void>();
    this.#wake = () => {
      this.#isWoken = false;
      woken.resolve();
    };
    return woken.promise;
  }
}

/** Anything but the status this agent writes itself. */
function isNews(before: Pod, after: Pod): boolean {
  const relevant = ({ metadata, spec, status }: Pod): unknown => ({
    spec,
    labels: metadata.labels,
    annotations: metadata.annotations,
    deletedAt: metadata.deletionTimestamp,
    grace: metadata.deletionGracePeriodSeconds,
    conditions: status?.conditions?.filter(({ type }) => !agentConditions.has(type)),
  });
  return !isDeepStrictEqual(relevant(before), relevant(after));
}
