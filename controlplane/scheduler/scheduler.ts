/**
 * The scheduler: takes pods without a node from the queue, one at a time, decides, and binds without waiting, so that the
 * next decision is made while the last one travels. All it knows comes from informers; all it does goes through the client.
 */
import type { Node, Pod, PodCondition } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import type { PodDisruptionBudget } from "#pkg/api/policy/v1.ts";
import { isStatus } from "#pkg/api/status.ts";
import type { KubeClient } from "#pkg/kube/client.ts";
import type { Informers } from "#pkg/kube/informers.ts";
import { objectKey } from "#pkg/kube/object-store.ts";
import { resources } from "#pkg/kube/resources.ts";
import { type Clock, formatTime, type Timer } from "#pkg/system/clock.ts";
import { messageOf } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import { ClusterCache } from "./cluster-cache.ts";
import { defaultSpreadSelector } from "./default-spread.ts";
import { factsOf } from "./pod-facts.ts";
import { computePreemption, type PreemptionCandidate } from "./preempt.ts";
import { type Decision, schedulePod } from "./schedule-pod.ts";
import { SchedulingQueue } from "./scheduling-queue.ts";

/** Tells people what was decided; the event recorder fits. */
export interface SchedulingEvents {
  event(about: Pod, type: "Normal" | "Warning", reason: string, message: string): void;
}

export interface SchedulerOptions {
  readonly client: KubeClient;
  readonly informers: Informers;
  readonly events: SchedulingEvents;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Pods that name another scheduler are left alone. Default "default-scheduler". */
  readonly schedulerName?: string;
  /** Called after each decision: seconds it took, and how it went. */
  readonly onAttempt?: (result: "scheduled" | "unschedulable" | "error", seconds: number) => void;
}

/** Bindings under way at once; more only wait in line at the server. */
const maxBindings = 64;

export async function startScheduler(options: SchedulerOptions): Promise<AsyncDisposable> {
  const scheduler = new Scheduler(options);
  scheduler.follow();
  return scheduler;
}

class Scheduler implements AsyncDisposable {
  readonly #options: SchedulerOptions;
  readonly #name: string;
  readonly #queue = new SchedulingQueue();
  readonly #cache: ClusterCache;
  readonly #budgets: () => readonly PodDisruptionBudget[];
  readonly #subscriptions: Disposable[] = [];
  readonly #bindings = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #timer: Timer | undefined;
  #running = false;
  #ready = false;
  #startIndex = 0;

  constructor(options: SchedulerOptions) {
    const { informers } = options;
    this.#options = options;
    this.#name = options.schedulerName ?? "default-scheduler";
    const namespaces = informers.for(resources.namespaces);
    const budgets = informers.for(resources.podDisruptionBudgets);
    this.#budgets = () => budgets.list();
    this.#cache = new ClusterCache(
      (name) => namespaces.get(name)?.metadata.labels ?? {},
      defaultSpreadSelector(informers),
    );
  }

  follow(): void {
    const { informers } = this.#options;
    const pods = informers.for(resources.pods);
    const nodes = informers.for(resources.nodes);
    this.#subscriptions.push(
      nodes.addHandler({
        onAdd: (node) => this.#onNode(node, undefined),
        onUpdate: (node, previous) => this.#onNode(node, previous),
        onDelete: (node) => this.#cache.removeNode(node.metadata.name),
      }),
      pods.addHandler({
        onAdd: (pod) => this.#onPod(pod),
        onUpdate: (pod) => this.#onPod(pod),
        onDelete: (pod) => this.#onPodGone(objectKey(pod)),
      }),
    );
    informers.start();
    void informers.waitForSync(this.#stop.signal).then(
      () => {
        this.#ready = true;
        this.#wakeUp();
      },
      () => undefined,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#timer?.cancel();
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    await Promise.allSettled(this.#bindings);
  }

  #onNode(node: Stored<Node>, previous: Stored<Node> | undefined): void {
    this.#cache.setNode(node);
    // Heartbeats change only conditions; they make no room.
    if (previous && !changesRoom(node, previous)) return;
    this.#queue.wake(previous ? "nodeChanged" : "nodeAdded", this.#options.clock.now());
    this.#wakeUp();
  }

  #onPod(pod: Stored<Pod>): void {
    const key = objectKey(pod);
    const phase = pod.status?.phase;
    if (phase === "Succeeded" || phase === "Failed") {
      this.#onPodGone(key);
      return;
    }
    const node = pod.spec?.nodeName;
    if (node) {
      this.#queue.remove(key);
      this.#cache.unnominate(key);
      this.#cache.place(pod, node);
      this.#queue.wake("podAdded", this.#options.clock.now());
      this.#wakeUp();
      return;
    }
    if (pod.metadata.deletionTimestamp || (pod.spec?.schedulerName ?? this.#name) !== this.#name) {
      this.#onPodGone(key);
      return;
    }
    if ((pod.spec?.schedulingGates ?? []).length > 0) {
      this.#queue.remove(key);
      return;
    }
    this.#queue.add(key, pod, this.#options.clock.now());
    this.#wakeUp();
  }

  #onPodGone(key: string): void {
    this.#queue.remove(key);
    this.#cache.unnominate(key);
    if (!this.#cache.remove(key)) return;
    this.#queue.wake("podRemoved", this.#options.clock.now());
    this.#wakeUp();
  }

  /** Starts the loop unless it runs; sets the alarm for pods that back off. */
  #wakeUp(): void {
    if (this.#running || !this.#ready || this.#stop.signal.aborted) return;
    this.#running = true;
    void this.#drain().finally(() => {
      this.#running = false;
      this.#setAlarm();
    });
  }

  #setAlarm(): void {
    this.#timer?.cancel();
    const { clock } = this.#options;
    const next = this.#queue.nextReadyMs(clock.now());
    if (next === undefined || this.#stop.signal.aborted) return;
    this.#timer = clock.setTimer(Math.max(next - clock.now(), 1), () => this.#wakeUp());
  }

  async #drain(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stop.signal.aborted) {
      if (this.#bindings.size >= maxBindings) await Promise.race(this.#bindings);
      const next = this.#queue.pop(clock.now());
      if (!next) return;
      const started = clock.monotonic();
      const result = this.#scheduleOne(next.key, next.pod);
      this.#options.onAttempt?.(result, (clock.monotonic() - started) / 1000);
      // Lets events and answers in between two decisions.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #scheduleOne(key: string, pod: Pod): "scheduled" | "unschedulable" {
    const facts = factsOf(pod);
    const cluster = this.#cache.stateFor(facts);
    const decision = schedulePod(facts, cluster, { random: this.#options.random, startIndex: this.#startIndex });
    this.#startIndex = (this.#startIndex + 1) % Math.max(cluster.nodes.length, 1);
    if (decision.kind === "scheduled") {
      this.#cache.place(pod, decision.node);
      this.#inBackground(this.#bind(key, pod, decision.node));
      return "scheduled";
    }
    const preemption = computePreemption(facts, cluster, decision.rejections, this.#budgets());
    if (preemption.kind === "preempt") {
      this.#cache.nominate(pod, preemption.candidate.node);
      this.#inBackground(this.#preempt(pod, preemption.candidate));
    }
    const message = preemption.kind === "none" ? `${decision.message} ${preemption.message}` : decision.message;
    this.#queue.failed(key, this.#options.clock.now());
    this.#options.events.event(pod, "Warning", "FailedScheduling", message);
    this.#inBackground(
      this.#reportUnschedulable(pod, message, preemption.kind === "preempt" ? preemption.candidate.node : undefined),
    );
    return "unschedulable";
  }

  #inBackground(work: Promise<void>): void {
    const tracked = work.finally(() => this.#bindings.delete(tracked));
    this.#bindings.add(tracked);
  }

  async #bind(key: string, pod: Pod, node: string): Promise<void> {
    const { client, events, clock, log } = this.#options;
    const { name = "", namespace = "", uid } = pod.metadata;
    try {
      const body = {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name, namespace, uid },
        target: { apiVersion: "v1", kind: "Node", name: node },
      };
      await client.pods.in(namespace).postSubresource(name, "binding", body, { signal: this.#stop.signal });
      this.#queue.done(key);
      events.event(pod, "Normal", "Scheduled", `Successfully assigned ${key} to ${node}`);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#cache.remove(key);
      if (isStatus(error, "NotFound")) {
        this.#queue.done(key);
        return;
      }
      log.warn("binding failed", { pod: key, node, reason: messageOf(error) });
      events.event(pod, "Warning", "FailedScheduling", `binding rejected: ${messageOf(error)}`);
      this.#queue.failed(key, clock.now());
      this.#queue.wake("other", clock.now());
      this.#wakeUp();
    }
  }

  /** Tells the victims why, then deletes them; their going wakes the pod up. */
  async #preempt(pod: Pod, candidate: PreemptionCandidate): Promise<void> {
    const { client, events, clock, log } = this.#options;
    for (const { pod: victim } of candidate.victims) {
      const { name = "", namespace = "", uid } = victim.metadata;
      const condition: PodCondition = {
        type: "DisruptionTarget",
        status: "True",
        reason: "PreemptionByScheduler",
        message: `${pod.spec?.schedulerName ?? this.#name}: preempting to accommodate a higher priority pod`,
        lastTransitionTime: formatTime(clock.now()),
      };
      try {
        const inNamespace = client.pods.in(namespace);
        await inNamespace.patch(
          name,
          { type: "strategic", body: { metadata: { uid }, status: { conditions: [condition] } } },
          { subresource: "status" },
        );
        await inNamespace.delete(name, { preconditions: { uid } });
        events.event(victim, "Normal", "Preempted", `Preempted by pod ${pod.metadata.uid} on node ${candidate.node}`);
      } catch (error) {
        if (!isStatus(error, "NotFound"))
          log.warn("preempting failed", { victim: objectKey(victim), reason: messageOf(error) });
      }
    }
  }

  /** Writes the condition only when it says something new: an unschedulable pod must not cost a write per try. */
  async #reportUnschedulable(pod: Pod, message: string, nominatedNodeName: string | undefined): Promise<void> {
    const { client, clock, log } = this.#options;
    const { name = "", namespace = "", uid } = pod.metadata;
    const known = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
    const isSame = known?.status === "False" && known.reason === "Unschedulable" && known.message === message;
    if (isSame && (nominatedNodeName ?? "") === (pod.status?.nominatedNodeName ?? "")) return;
    const condition: PodCondition = {
      type: "PodScheduled",
      status: "False",
      reason: "Unschedulable",
      message,
      lastTransitionTime: known?.status === "False" ? known.lastTransitionTime : formatTime(clock.now()),
    };
    const status = { conditions: [condition], ...(nominatedNodeName ? { nominatedNodeName } : {}) };
    try {
      await client.pods
        .in(namespace)
        .patch(name, { type: "strategic", body: { metadata: { uid }, status } }, { subresource: "status" });
    } catch (error) {
      if (!isStatus(error, "NotFound") && !this.#stop.signal.aborted) {
        log.warn("reporting that a pod does not fit failed", { pod: `${namespace}/${name}`, reason: messageOf(error) });
      }
    }
  }
}

function changesRoom(node: Node, previous: Node): boolean {
  const roomOf = (one: Node): string =>
    JSON.stringify([one.spec?.unschedulable, one.spec?.taints, one.metadata.labels, one.status?.allocatable]);
  return roomOf(node) !== roomOf(previous);
}

export type { Decision };
