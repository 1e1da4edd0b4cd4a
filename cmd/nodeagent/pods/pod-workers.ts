/**
 * All pods of this node, one worker each. Takes in what the API and the runtime tell and hands it to the worker concerned.
 *  - a pod that the API no longer has is ended and forgotten;
 *  - a pod that only the runtime knows is ended by the marks it carries there;
 *  - a pod whose worker is done stays known until the API drops it, so that nothing of it is started again.
 */
import type { Pod } from "#pkg/api/core/v1.ts";
import type { PodIdentity } from "./pod-folders.ts";
import { podIdentity } from "./pod-folders.ts";
import { type PodVerdict, PodWorker, type PodWorkerOptions, type PodWorkerState } from "./pod-worker.ts";

export interface PodWorkersOptions extends Omit<PodWorkerOptions, "onTerminated"> {
  /** Nothing of the pod is left on this node. */
  readonly onFinished: (identity: PodIdentity, pod: Pod | undefined) => void;
  /** The pod is of no interest any more: whatever is remembered of it can go. */
  readonly onForgotten: (podUid: string) => void;
}

export class PodWorkers implements AsyncDisposable {
  readonly #options: PodWorkersOptions;
  readonly #workers = new Map<string, PodWorker>();
  /** Pods the API had and has no more, while they are being ended. */
  readonly #gone = new Set<string>();

  constructor(options: PodWorkersOptions) {
    this.#options = options;
  }

  /** The API has this pod, as it is now. */
  update(pod: Pod): void {
    const identity = podIdentity(pod);
    const worker = this.#workers.get(identity.uid);
    this.#gone.delete(identity.uid);
    if (!worker) this.#start(identity, pod);
    else if (worker.state !== "terminated") worker.update(pod);
    // It ended by itself and is deleted now: what was kept of it goes too.
    else if (pod.metadata.deletionTimestamp && !worker.pod?.metadata.deletionTimestamp) this.#start(identity, pod);
  }

  /** The API no longer has the pod: it was deleted by force, or while the agent was away. */
  remove(podUid: string): void {
    const worker = this.#workers.get(podUid);
    if (!worker) return;
    this.#gone.add(podUid);
    if (worker.state === "terminated") this.#removeRemains(worker);
    else worker.end(worker.state === "syncing" ? { graceSeconds: 1 } : {});
  }

  /** Ends a pod that the runtime has and nobody else knows of. */
  endOrphan(identity: PodIdentity): void {
    if (this.#workers.has(identity.uid)) return;
    this.#gone.add(identity.uid);
    this.#start(identity, undefined);
  }

  /** Ends a pod of the API for a reason of the node's own. */
  end(podUid: string, verdict: PodVerdict, graceSeconds?: number): void {
    this.#workers.get(podUid)?.end({ verdict, ...(graceSeconds === undefined ? {} : { graceSeconds }) });
  }

  wake(podUid: string): void {
    this.#workers.get(podUid)?.wake();
  }

  wakeAll(): void {
    for (const worker of this.#workers.values()) worker.wake();
  }

  has(podUid: string): boolean {
    return this.#workers.has(podUid);
  }

  state(podUid: string): PodWorkerState | undefined {
    return this.#workers.get(podUid)?.state;
  }

  /** Pods the API knows, with the objects as it last had them. */
  pods(): readonly Pod[] {
    return [...this.#workers.values()].flatMap(({ pod }) => pod ?? []);
  }

  /** Leaves all containers running. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
  }

  #start(identity: PodIdentity, pod: Pod | undefined): void {
    const worker = new PodWorker(identity, pod, { ...this.#options, onTerminated: (done) => this.#finished(done) });
    this.#workers.set(identity.uid, worker);
    worker.start();
  }

  #finished(worker: PodWorker): void {
    this.#options.onFinished(worker.identity, worker.pod);
    if (this.#gone.has(worker.identity.uid)) this.#forget(worker);
  }

  /** A pod that ended by itself keeps its containers, for their logs, until it is deleted. */
  #removeRemains(worker: PodWorker): void {
    if (worker.pod?.metadata.deletionTimestamp) this.#forget(worker);
    else this.#start(worker.identity, undefined);
  }

  #forget(worker: PodWorker): void {
    const { uid } = worker.identity;
    if (this.#workers.get(uid) === worker) this.#workers.delete(uid);
    this.#gone.delete(uid);
    this.#options.onForgotten(uid);
  }
}
