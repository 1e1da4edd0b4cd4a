/**
 * Writes pod statuses to the API: one writer per pod, all pods side by side, always the latest status and never an old one.
 *  - a status equal to what the API has is not written; a write is one patch, with nothing read before it;
 *  - what cannot be written is tried again with growing delays, for as long as the pod is there;
 *  - a pod that is done with and marked for deletion is deleted for good, after its last status.
 */
import type { Pod, PodStatus } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { isStatus } from "#pkg/api/status.ts";
import { backoffMs } from "#pkg/kube/backoff.ts";
import type { ResourceClient } from "#pkg/kube/resource-client.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { Logger } from "#pkg/system/log.ts";
import { buildStatusPatch } from "./build-status-patch.ts";

export interface StatusManagerOptions {
  readonly pods: ResourceClient<Pod>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when the API has a pod no more, because it was deleted or replaced. */
  readonly onGone?: ((podUid: string) => void) | undefined;
}

const retry = { baseMs: 200, maxMs: 5000 };

interface Entry {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** As the API last had it, as far as is known here. */
  written: PodStatus;
  wanted: PodStatus;
  /** Of the object after our last write; what a watch brings from before that is no news. */
  version: string;
  deletes: boolean;
  isGone: boolean;
  failures: number;
  /** Something was set that no writer has looked at yet. */
  isDirty: boolean;
  running: Promise<void> | undefined;
}

export class StatusManager implements AsyncDisposable {
  readonly #options: StatusManagerOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #stop = new AbortController();

  constructor(options: StatusManagerOptions) {
    this.#options = options;
  }

  /** The latest status, written or not. */
  get(podUid: string): PodStatus | undefined {
    return this.#entries.get(podUid)?.wanted;
  }

  /** Returns at once; the status is written as soon as the one before it is. */
  set(pod: Pod, status: PodStatus): void {
    const entry = this.#entryOf(pod);
    entry.wanted = status;
    this.#wake(entry);
  }

  /** All that the pod had on this node is gone. If it is marked for deletion it goes from the API too, after its last status. */
  finish(pod: Pod): void {
    const entry = this.#entryOf(pod);
    entry.deletes ||= pod.metadata.deletionTimestamp !== undefined;
    this.#wake(entry);
  }

  /** The API has the pod like this now. Statuses that someone else wrote over ours are written again. */
  noteApiState(pod: Stored<Pod>): void {
    const entry = this.#entries.get(pod.metadata.uid);
    if (!entry || entry.running || isOlder(pod.metadata.resourceVersion, entry.version)) return;
    entry.written = pod.status ?? {};
    this.#wake(entry);
  }

  /** The pod is no longer in the API. */
  forget(podUid: string): void {
    const entry = this.#entries.get(podUid);
    if (entry) entry.isGone = true;
    this.#entries.delete(podUid);
  }

  /** Resolves when all that was to be written has been, or the time is over. */
  async flush(timeoutMs: number): Promise<void> {
    const done = Promise.allSettled([...this.#entries.values()].flatMap(({ running }) => running ?? []));
    await Promise.race([done, this.#options.clock.sleep(timeoutMs, this.#stop.signal).catch(() => undefined)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled([...this.#entries.values()].flatMap(({ running }) => running ?? []));
  }

  #entryOf(pod: Pod): Entry {
    const { uid = "", namespace = "", name = "" } = pod.metadata;
    const known = this.#entries.get(uid);
    if (known) return known;
    const status = pod.status ?? {};
    const entry: Entry = {
      uid,
      namespace,
      name,
      written: status,
      wanted: status,
      version: pod.metadata.resourceVersion ?? "0",
      deletes: false,
      isGone: false,
      failures: 0,
      isDirty: false,
      running: undefined,
    };
    this.#entries.set(uid, entry);
    return entry;
  }

  #wake(entry: Entry): void {
    if (this.#stop.signal.aborted) return;
    entry.isDirty = true;
    entry.running ??= this.#write(entry);
  }

  async #write(entry: Entry): Promise<void> {
    while (entry.isDirty && !entry.isGone && !this.#stop.signal.aborted) {
      entry.isDirty = false;
      try {
        await this.#writeOnce(entry);
        entry.failures = 0;
      } catch (error) {
        if (isStatus(error, "NotFound") || isStatus(error, "Conflict")) {
          this.#drop(entry);
          break;
        }
        entry.isDirty = true;
        entry.failures++;
        const delay = backoffMs(retry, entry.failures);
        const { uid, namespace, name } = entry;
        this.#options.log.warn("a pod's status could not be written", {
          pod: `${namespace}/${name}`,
          uid,
          error,
          delay,
        });
        await this.#options.clock.sleep(delay, this.#stop.signal).catch(() => undefined);
      }
    }
    // In one step with the look at isDirty: a status set from now on starts a new writer.
    entry.running = undefined;
  }

  async #writeOnce(entry: Entry): Promise<void> {
    const pods = this.#options.pods.in(entry.namespace);
    const { signal } = this.#stop;
    const patch = buildStatusPatch(entry.uid, entry.written, entry.wanted);
    if (patch) {
      const options = { subresource: "status", signal };
      const answer = await pods.patch(entry.name, { type: "strategic", body: patch }, options);
      entry.written = answer.status ?? {};
      entry.version = answer.metadata.resourceVersion;
      entry.isDirty ||= entry.deletes;
      return;
    }
    if (!entry.deletes) return;
    await pods.delete(entry.name, { gracePeriodSeconds: 0, preconditions: { uid: entry.uid }, signal });
    entry.deletes = false;
  }

  #drop(entry: Entry): void {
    entry.isGone = true;
    this.#entries.delete(entry.uid);
    this.#options.onGone?.(entry.uid);
  }
}

/** Resource versions of one resource are numbers that grow. */
function isOlder(version: string, than: string): boolean {
  return /^\d+$/.test(version) && /^\d+$/.test(than) && BigInt(version) < BigInt(than);
}
