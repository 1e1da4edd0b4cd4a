/**
 * Removes pods that nobody else will: those of nodes that are gone, those that were deleted before they had a node, those of
 * nodes that are out of service, and the oldest of too many finished ones.
 * Source: pkg/controller/podgc/gc_controller.go (v1.36).
 */
import type { Pod } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { isPodFinished } from "#pkg/api/pod-status.ts";
import { isStatus } from "#pkg/api/status.ts";
import { objectKey } from "#pkg/kube/object-store.ts";
import { startPeriodicSync } from "#pkg/kube/periodic-sync.ts";
import { resources } from "#pkg/kube/resources.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { messageOf } from "#pkg/system/errors.ts";
import { type ControllerContext, ignoringNotFound } from "../controller-context.ts";
import { outOfServiceKey, readyCondition } from "./node-taints.ts";

const everyMs = 20_000;
/** A node may only be missing from the cache; its pods are safe for this long. */
const quarantineMs = 40_000;
const defaultMaxFinished = 12_500;

export function startPodGarbageCollector(
  context: ControllerContext,
  maxFinished: number = defaultMaxFinished,
): AsyncDisposable {
  const { informers, clock, log } = context;
  informers.for(resources.pods);
  informers.for(resources.nodes);
  const collector = new PodGarbageCollector(context, maxFinished);
  const sync = startPeriodicSync({
    name: "pod-garbage-collector",
    sync: (signal) => collector.collect(signal),
    minMs: everyMs,
    retryMs: everyMs,
    maxMs: everyMs,
    clock,
    log,
    waitForSync: (signal) => informers.waitForSync(signal),
  });
  informers.start();
  return sync;
}

/** The finished pods above the limit, the oldest first. */
export function computeSurplus(pods: readonly Stored<Pod>[], maxFinished: number): readonly Stored<Pod>[] {
  const finished = pods.filter((pod) => isPodFinished(pod) && !pod.metadata.deletionTimestamp);
  const age = ({ metadata }: Stored<Pod>): string => `${metadata.creationTimestamp} ${metadata.name}`;
  return finished
    .sort((left, right) => (age(left) < age(right) ? -1 : 1))
    .slice(0, Math.max(0, finished.length - maxFinished));
}

class PodGarbageCollector {
  readonly #context: ControllerContext;
  readonly #maxFinished: number;
  /** Since when a node that pods name is missing. */
  readonly #missingSince = new Map<string, number>();

  constructor(context: ControllerContext, maxFinished: number) {
    this.#context = context;
    this.#maxFinished = maxFinished;
  }

  async collect(signal: AbortSignal): Promise<void> {
    const { informers } = this.#context;
    const pods = informers.for(resources.pods).list();
    const unscheduled = pods.filter(({ metadata, spec }) => metadata.deletionTimestamp && !spec?.nodeName);
    const stranded = pods.filter((pod) => pod.metadata.deletionTimestamp && this.#isOutOfService(pod));
    for (const pod of computeSurplus(pods, this.#maxFinished)) await this.#remove(pod, undefined, signal);
    for (const pod of unscheduled) await this.#remove(pod, undefined, signal);
    for (const pod of stranded) await this.#remove(pod, undefined, signal);
    const gone = await this.#goneNodes(pods, signal);
    for (const pod of pods.filter(({ spec }) => gone.has(spec?.nodeName ?? "")))
      await this.#remove(pod, "PodGC: node no longer exists", signal);
  }

  async #goneNodes(pods: readonly Stored<Pod>[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { client, informers, clock } = this.#context;
    const nodes = informers.for(resources.nodes);
    const named = new Set(pods.flatMap(({ spec }) => spec?.nodeName || []));
    const missing = [...named].filter((name) => !nodes.get(name));
    for (const name of this.#missingSince.keys()) if (!missing.includes(name)) this.#missingSince.delete(name);
    const gone = new Set<string>();
    for (const name of missing) {
      const since = this.#missingSince.get(name);
      if (since === undefined) this.#missingSince.set(name, clock.monotonic());
      else if (clock.monotonic() - since >= quarantineMs) {
        try {
          await client.nodes.get(name, { signal });
        } catch (error) {
          if (!isStatus(error, "NotFound")) throw error;
          gone.add(name);
        }
      }
    }
    return gone;
  }

  #isOutOfService({ spec }: Pod): boolean {
    const node = spec?.nodeName ? this.#context.informers.for(resources.nodes).get(spec.nodeName) : undefined;
    const isTainted = (node?.spec?.taints ?? []).some(({ key }) => key === outOfServiceKey);
    return node !== undefined && isTainted && readyCondition(node)?.status !== "True";
  }

  /** A pod that did not finish is Failed from now on, and says why when there is a reason to give. */
  async #remove(pod: Stored<Pod>, disruption: string | undefined, signal: AbortSignal): Promise<void> {
    const { client, clock, log } = this.#context;
    const { name, namespace, uid } = pod.metadata;
    const pods = client.pods.in(namespace);
    try {
      if (!isPodFinished(pod)) {
        const condition = {
          type: "DisruptionTarget",
          status: "True",
          reason: "DeletionByPodGC",
          message: disruption,
          lastTransitionTime: formatTime(clock.now()),
        };
        const status = { phase: "Failed", ...(disruption === undefined ? {} : { conditions: [condition] }) };
        const body = { metadata: { uid }, status };
        await ignoringNotFound(pods.patch(name, { type: "strategic", body }, { subresource: "status", signal }));
      }
      await ignoringNotFound(pods.delete(name, { gracePeriodSeconds: 0, preconditions: { uid }, signal }));
    } catch (error) {
      if (signal.aborted) throw error;
      log.warn("a pod could not be removed", { pod: objectKey(pod), reason: messageOf(error) });
    }
  }
}
