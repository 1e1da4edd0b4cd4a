/**
 * The status of a pod, whole. Pure: the same input gives the same status, so that nothing is written when nothing changed.
 * Source: kubelet generateAPIPodStatus (v1.36).
 */
import type { ContainerStatus, Pod, PodPhase, PodStatus } from "#pkg/api/core/v1.ts";
import { qosClass } from "#pkg/api/pod-resources.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { type ContainerProblem, computeContainerStatuses, kindOfContainer } from "./compute-container-statuses.ts";
import { computePodConditions } from "./compute-pod-conditions.ts";
import { computePodPhase } from "./compute-pod-phase.ts";
import type { ObservedPod } from "./observed-pod.ts";
import type { VerdictsOf } from "./pod-action.ts";

export interface PodStatusInput {
  readonly pod: Pod;
  readonly observed: ObservedPod;
  /** The status as it was last known, from this agent or from the API. */
  readonly previous: PodStatus;
  readonly problems: ReadonlyMap<string, ContainerProblem>;
  readonly verdictsOf: VerdictsOf;
  readonly isEnding: boolean;
  /** Set by who ends the pod: DeadlineExceeded, Evicted, OutOfcpu. */
  readonly verdict?: { readonly phase: PodPhase; readonly reason: string; readonly message: string } | undefined;
  readonly hostIps: readonly string[];
  readonly runtimeName: string;
  readonly nowMs: number;
}

/** Messages of all containers of a pod together, in characters. */
const maxMessages = 12 * 1024;

export function generatePodStatus(input: PodStatusInput): PodStatus {
  const { pod, previous, hostIps, nowMs } = input;
  const kindOf = kindOfContainer(pod);
  const compute = (containers: Parameters<typeof computeContainerStatuses>[1], known: ContainerStatus[] | undefined) =>
    shortenMessages(pod, computeContainerStatuses({ ...input, previous: known ?? [] }, containers, kindOf));
  const initStatuses = compute(pod.spec.initContainers ?? [], previous.initContainerStatuses);
  const statuses = compute(pod.spec.containers, previous.containerStatuses);
  const ephemeral = compute(pod.spec.ephemeralContainers ?? [], previous.ephemeralContainerStatuses);
  const phase = computePhase(input, initStatuses, statuses);
  const hasReadySandbox = input.observed.sandboxes.some(
    ({ isReady, ips, isHostNetwork }) => isReady && (isHostNetwork || ips.length > 0),
  );
  const conditions = computePodConditions({
    ...input,
    previous: previous.conditions ?? [],
    phase,
    initStatuses,
    statuses,
    hasReadySandbox,
  });
  const podIps = addressesOf(input);
  const { reason, message } = input.verdict ?? previous;
  const [hostIp] = hostIps;
  const [podIp] = podIps;
  return {
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    conditions: [...conditions],
    ...(message ? { message } : {}),
    ...(reason ? { reason } : {}),
    ...(hostIp ? { hostIP: hostIp, hostIPs: hostIps.map((ip) => ({ ip })) } : {}),
    ...(podIp ? { podIP: podIp, podIPs: podIps.map((ip) => ({ ip })) } : {}),
    startTime: previous.startTime ?? formatTime(nowMs),
    ...(initStatuses.length > 0 ? { initContainerStatuses: initStatuses } : {}),
    containerStatuses: statuses,
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
    qosClass: previous.qosClass ?? qosClass(pod),
  };
}

/** A phase that is final stays. */
function computePhase(
  { pod, previous, verdict, isEnding }: PodStatusInput,
  initStatuses: readonly ContainerStatus[],
  statuses: readonly ContainerStatus[],
): PodPhase {
  if (previous.phase === "Succeeded" || previous.phase === "Failed") return previous.phase;
  if (verdict) return verdict.phase;
  return computePodPhase({ pod, initStatuses, statuses, isEnding });
}

/** A pod keeps its addresses after its sandbox is gone, so that those who look know where it was. */
function addressesOf({ pod, observed, previous, hostIps }: PodStatusInput): readonly string[] {
  const known = (previous.podIPs ?? []).map(({ ip }) => ip);
  const [latest] = observed.sandboxes;
  if (pod.spec.hostNetwork) return latest ? hostIps : known;
  return latest && latest.ips.length > 0 ? latest.ips : known;
}

function shortenMessages(pod: Pod, statuses: ContainerStatus[]): ContainerStatus[] {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  const most = Math.floor(maxMessages / (containers.length + initContainers.length + ephemeralContainers.length));
  const shorten = (state: ContainerStatus["state"]): ContainerStatus["state"] => {
    const message = state?.terminated?.message;
    if (!state?.terminated || message === undefined || message.length <= most) return state;
    const half = Math.floor((most - 5) / 2);
    const cut = `${message.slice(0, half)}\n\n...${message.slice(-half)}`;
    return { ...state, terminated: { ...state.terminated, message: cut.slice(0, most) } };
  };
  return statuses.map((status) => ({
    ...status,
    ...(status.state ? { state: shorten(status.state) } : {}),
    ...(status.lastState ? { lastState: shorten(status.lastState) } : {}),
  }));
}
