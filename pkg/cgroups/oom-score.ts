/**
 * oom_score_adj of a container: who dies first when the node itself runs out of memory.
 * Source: k8s.io/kubernetes pkg/kubelet/qos/policy.go (v1.36).
 */
import type { Container, Pod } from "#pkg/api/core/v1.ts";
import { isCriticalPod, isSidecar, memoryBytes, podRequests, qosClass } from "#pkg/api/pod-resources.ts";
import { parseQuantity } from "#pkg/api/quantity.ts";

export const agentOomScoreAdj = -999;
const guaranteedOomScoreAdj = -997;
const bestEffortOomScoreAdj = 1000;

export function oomScoreAdj(pod: Pod, container: Container, memoryCapacityBytes: number): number {
  if (isNodeCritical(pod)) return guaranteedOomScoreAdj;
  switch (qosClass(pod)) {
    case "Guaranteed":
      return guaranteedOomScoreAdj;
    case "BestEffort":
      return bestEffortOomScoreAdj;
    case "Burstable":
      return burstableScore(pod, container, memoryCapacityBytes);
  }
}

/** 1000 less the part of the node's memory that was asked for, kept between Guaranteed and BestEffort. */
function burstableScore(pod: Pod, container: Container, capacity: number): number {
  const containers = pod.spec?.containers ?? [];
  let score = scoreOf(memoryRequest(container) + podRemainder(pod), capacity);
  if (isSidecar(container) && pod.spec?.initContainers?.some(({ name }) => name === container.name)) {
    // A sidecar must not die before the containers it serves.
    const smallest = Math.min(...containers.map(memoryRequest));
    score = Math.min(score, scoreOf(smallest, capacity));
  }
  if (score < 1000 + guaranteedOomScoreAdj) return 1000 + guaranteedOomScoreAdj;
  return score === bestEffortOomScoreAdj ? score - 1 : score;
}

function scoreOf(requestBytes: number, capacity: number): number {
  return 1000 - Math.floor((1000 * requestBytes) / capacity);
}

/** What the pod as a whole asks for beyond its containers, in equal parts. */
function podRemainder(pod: Pod): number {
  const podLevel = pod.spec?.resources?.requests?.["memory"];
  if (podLevel === undefined) return 0;
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter(isSidecar)];
  const { resources: _resources, overhead: _overhead, ...spec } = pod.spec ?? { containers: [] };
  const remainder = parseQuantity(podLevel).toBytes() - memoryBytes(podRequests({ spec }));
  return remainder > 0 && containers.length > 0 ? Math.floor(remainder / containers.length) : 0;
}

function memoryRequest(container: Container): number {
  const text = container.resources?.requests?.["memory"];
  return text === undefined ? 0 : parseQuantity(text).toBytes();
}

function isNodeCritical(pod: Pod): boolean {
  return pod.spec?.priorityClassName === "system-node-critical" && isCriticalPod(pod);
}
