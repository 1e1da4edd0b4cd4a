/**
 * When a node counts as lost, and how fast lost nodes may be emptied. Pure.
 * Source: pkg/controller/nodelifecycle/node_lifecycle_controller.go (v1.36).
 */
import type { Node, NodeCondition } from "#pkg/api/core/v1.ts";
import { readyCondition } from "./node-taints.ts";

/** What was last heard of a node, on the monotonic clock: other machines' clocks may be wrong. */
export interface Heartbeat {
  readonly signature: string;
  readonly heardAtMs: number;
}

/** What changes whenever the node's agent gives a sign of life. */
export function heartbeatSignature(node: Node, leaseRenewTime: string | undefined): string {
  const ready = readyCondition(node);
  return JSON.stringify([ready?.lastHeartbeatTime, ready?.lastTransitionTime, ready?.status, leaseRenewTime]);
}

const watchedTypes = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] as const;

/** The conditions of a node that fell silent; undefined when they say so already. */
export function computeLostConditions(node: Node, nowText: string): readonly NodeCondition[] | undefined {
  const known = node.status?.conditions ?? [];
  let isChanged = false;
  const replaced = watchedTypes.map((type): NodeCondition => {
    const condition = known.find((one) => one.type === type);
    if (condition?.status === "Unknown") return condition;
    isChanged = true;
    const never = {
      type,
      status: "Unknown" as const,
      reason: "NodeStatusNeverUpdated",
      message: "Kubelet never posted node status.",
      lastHeartbeatTime: node.metadata.creationTimestamp,
      lastTransitionTime: nowText,
    };
    if (!condition) return never;
    const { lastHeartbeatTime } = condition;
    return {
      ...never,
      reason: "NodeStatusUnknown",
      message: "Kubelet stopped posting node status.",
      lastHeartbeatTime,
    };
  });
  const others = known.filter(({ type }) => !(watchedTypes as readonly string[]).includes(type));
  return isChanged ? [...others, ...replaced] : undefined;
}

export type ZoneState = "normal" | "partial" | "full";

export function zoneOf({ metadata }: Node): string {
  const { labels = {} } = metadata;
  return `${labels["topology.kubernetes.io/region"] ?? ""}:${labels["topology.kubernetes.io/zone"] ?? ""}`;
}

const unhealthyShare = 0.55;
const minUnhealthy = 3;
const largeCluster = 50;

export function computeZoneState(nodes: readonly Node[]): ZoneState {
  const lost = nodes.filter((node) => readyCondition(node)?.status !== "True").length;
  if (lost > 0 && lost === nodes.length) return "full";
  return lost >= minUnhealthy && lost / nodes.length >= unhealthyShare ? "partial" : "normal";
}

/** Nodes per second that may be emptied in a zone; when every zone is down the fault is likely ours, and nothing is. */
export function evictionRate(state: ZoneState, zoneSize: number, areAllDown: boolean): number {
  if (areAllDown) return 0;
  if (state === "partial") return zoneSize > largeCluster ? 0.01 : 0;
  return 0.1;
}
