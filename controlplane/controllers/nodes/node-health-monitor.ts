/**
 * Notices nodes that fell silent: their conditions become Unknown, their pods not ready, and, as fast as the zone allows, they
 * get the taint that drives pods away.
 */
import type { Node } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { isPodFinished, podCondition } from "#pkg/api/pod-status.ts";
import { isStatus } from "#pkg/api/status.ts";
import { startPeriodicSync } from "#pkg/kube/periodic-sync.ts";
import { resources } from "#pkg/kube/resources.ts";
import { TokenBucket } from "#pkg/kube/token-bucket.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { messageOf } from "#pkg/system/errors.ts";
import { type ControllerContext, disposeAll, ignoringNotFound } from "../controller-context.ts";
import { podsByNode } from "../pods-by-node.ts";
import {
  computeLostConditions,
  computeZoneState,
  evictionRate,
  type Heartbeat,
  heartbeatSignature,
  zoneOf,
} from "./compute-node-health.ts";
import { computeNoExecuteTaints, hasNoExecuteTaint, readyCondition, wantedNoExecuteKey } from "./node-taints.ts";

const monitorMs = 5_000;
/** A node that never reported is given more time. */
const startupGraceMs = 60_000;
const leaseNamespace = "kube-node-lease";

export interface NodeHealthOptions {
  /** How long a node may be silent. */
  readonly graceMs: number;
}

export function startNodeHealthMonitor(context: ControllerContext, options: NodeHealthOptions): AsyncDisposable {
  const { informers, clock, log } = context;
  const nodes = informers.for(resources.nodes);
  informers.for(resources.leases);
  podsByNode.ensure(informers.for(resources.pods));
  const monitor = new NodeHealthMonitor(context, options);
  const sync = startPeriodicSync({
    name: "node-health",
    sync: (signal) => monitor.check(signal),
    minMs: 100,
    retryMs: monitorMs,
    maxMs: monitorMs,
    clock,
    log,
    waitForSync: (signal) => informers.waitForSync(signal),
  });
  const subscription = nodes.addHandler({
    onUpdate: (node, previous) => {
      if (readyCondition(node)?.status !== readyCondition(previous)?.status) sync.trigger();
    },
    onDelete: ({ metadata }) => monitor.forget(metadata.name),
  });
  informers.start();
  return disposeAll(sync, [subscription]);
}

class NodeHealthMonitor {
  readonly #context: ControllerContext;
  readonly #options: NodeHealthOptions;
  readonly #heartbeats = new Map<string, Heartbeat>();
  readonly #buckets = new Map<string, { readonly rate: number; readonly bucket: TokenBucket }>();

  constructor(context: ControllerContext, options: NodeHealthOptions) {
    this.#context = context;
    this.#options = options;
  }

  forget(name: string): void {
    this.#heartbeats.delete(name);
  }

  async check(signal: AbortSignal): Promise<void> {
    const nodes = this.#context.informers.for(resources.nodes).list();
    const results = await Promise.allSettled(nodes.map((node) => this.#checkSilence(node, signal)));
    await this.#taint(this.#context.informers.for(resources.nodes).list(), signal);
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  async #checkSilence(node: Stored<Node>, signal: AbortSignal): Promise<void> {
    const { client, clock, events } = this.#context;
    if (!this.#isSilent(node)) return;
    const conditions = computeLostConditions(node, formatTime(clock.now()));
    if (!conditions) return;
    const wasReady = readyCondition(node)?.status === "True";
    const { name, uid, resourceVersion } = node.metadata;
    // With the version: a sign of life that comes in between wins.
    const body = { metadata: { uid, resourceVersion }, status: { conditions } };
    try {
      await client.nodes.patch(name, { type: "merge", body }, { subresource: "status", signal });
    } catch (error) {
      if (isStatus(error, "Conflict") || isStatus(error, "NotFound")) return;
      throw error;
    }
    if (!wasReady) return;
    events.event(node, "Normal", "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
    await this.#markPodsNotReady(name, signal);
  }

  #isSilent(node: Stored<Node>): boolean {
    const { clock, informers } = this.#context;
    const { name } = node.metadata;
    const lease = informers.for(resources.leases).get(`${leaseNamespace}/${name}`);
    const signature = heartbeatSignature(node, lease?.spec?.renewTime);
    const known = this.#heartbeats.get(name);
    if (known?.signature !== signature) {
      this.#heartbeats.set(name, { signature, heardAtMs: clock.monotonic() });
      return false;
    }
    const graceMs = readyCondition(node) ? this.#options.graceMs : Math.max(startupGraceMs, this.#options.graceMs);
    return clock.monotonic() - known.heardAtMs > graceMs;
  }

  /** So that services stop sending to them: nobody on the node can say it any more. */
  async #markPodsNotReady(node: string, signal: AbortSignal): Promise<void> {
    const { client, clock, informers, events, log } = this.#context;
    for (const pod of podsByNode.of(informers.for(resources.pods), node)) {
      if (podCondition(pod, "Ready")?.status !== "True" || isPodFinished(pod)) continue;
      const lastTransitionTime = formatTime(clock.now());
      const condition = { type: "Ready", status: "False", lastTransitionTime };
      const body = { metadata: { uid: pod.metadata.uid }, status: { conditions: [condition] } };
      const pods = client.pods.in(pod.metadata.namespace);
      try {
        await ignoringNotFound(
          pods.patch(pod.metadata.name, { type: "strategic", body }, { subresource: "status", signal }),
        );
        events.event(pod, "Warning", "NodeNotReady", "Node is not ready");
      } catch (error) {
        if (signal.aborted) throw error;
        log.warn("a pod of a lost node could not be marked", { pod: pod.metadata.name, reason: messageOf(error) });
      }
    }
  }

  async #taint(nodes: readonly Stored<Node>[], signal: AbortSignal): Promise<void> {
    const zones = new Map<string, Stored<Node>[]>();
    for (const node of nodes) {
      const zone = zoneOf(node);
      const known = zones.get(zone);
      if (known) known.push(node);
      else zones.set(zone, [node]);
    }
    const states = new Map([...zones].map(([zone, list]) => [zone, computeZoneState(list)]));
    const areAllDown = nodes.length > 0 && [...states.values()].every((state) => state === "full");
    for (const [zone, list] of zones) {
      const rate = evictionRate(states.get(zone) ?? "normal", list.length, areAllDown);
      for (const node of list) await this.#taintOne(node, zone, rate, areAllDown, signal);
    }
  }

  async #taintOne(
    node: Stored<Node>,
    zone: string,
    rate: number,
    areAllDown: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, clock } = this.#context;
    const key = areAllDown ? undefined : wantedNoExecuteKey(node);
    // Only the first taint empties the node; to change or remove it is free.
    const isFirst = key !== undefined && !hasNoExecuteTaint(node);
    const taints = computeNoExecuteTaints(node, key, formatTime(clock.now()));
    if (!taints || (isFirst && !this.#mayEmpty(zone, rate))) return;
    const { name, uid, resourceVersion } = node.metadata;
    const body = { metadata: { uid, resourceVersion }, spec: { taints } };
    try {
      await client.nodes.patch(name, { type: "merge", body }, { signal });
    } catch (error) {
      if (!isStatus(error, "Conflict") && !isStatus(error, "NotFound")) throw error;
    }
  }

  #mayEmpty(zone: string, rate: number): boolean {
    if (rate === 0) return false;
    const nowMs = this.#context.clock.monotonic();
    let known = this.#buckets.get(zone);
    if (known?.rate !== rate) {
      known = { rate, bucket: new TokenBucket({ perSecond: rate, burst: 1 }, nowMs) };
      this.#buckets.set(zone, known);
    }
    return known.bucket.tryTake(nowMs);
  }
}
