/**
 * The conditions the agent owns: PodReadyToStartContainers, Initialized, ContainersReady, Ready, PodScheduled. Pure.
 * Conditions of others are left as they are.
 * Source: kubelet status/generate.go (v1.36).
 */
import type { ContainerStatus, Pod, PodCondition, PodPhase } from "#pkg/api/core/v1.ts";
import { isSidecar } from "#pkg/api/pod-resources.ts";
import { formatTime } from "#pkg/system/clock.ts";

/** Types of the conditions that are computed here. */
export const agentConditions: ReadonlySet<string> = new Set([
  "PodReadyToStartContainers",
  "Initialized",
  "Ready",
  "ContainersReady",
  "PodScheduled",
]);

export interface ConditionsInput {
  readonly pod: Pod;
  readonly previous: readonly PodCondition[];
  readonly phase: PodPhase;
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
  readonly hasReadySandbox: boolean;
  readonly nowMs: number;
}

interface Finding {
  readonly status: "True" | "False";
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
}

export function computePodConditions(input: ConditionsInput): readonly PodCondition[] {
  const containersReady = findContainersReady(input);
  const found: Readonly<Record<string, Finding>> = {
    PodReadyToStartContainers: { status: input.hasReadySandbox ? "True" : "False" },
    Initialized: findInitialized(input),
    Ready: findReady(input, containersReady),
    ContainersReady: containersReady,
    PodScheduled: { status: "True" },
  };
  const own = Object.entries(found).map(([type, finding]) => toCondition(input, type, finding));
  const others = input.previous.filter(({ type }) => !(type in found));
  return [...own, ...others];
}

function toCondition({ pod, previous, nowMs }: ConditionsInput, type: string, finding: Finding): PodCondition {
  const before = previous.find((condition) => condition.type === type);
  const isSame = before?.status === finding.status;
  const generation = pod.metadata.generation;
  return {
    type,
    status: finding.status,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    lastTransitionTime: (isSame ? before.lastTransitionTime : undefined) ?? formatTime(nowMs),
    ...(finding.reason === undefined ? {} : { reason: finding.reason }),
    ...(finding.message === undefined ? {} : { message: finding.message }),
  };
}

function findInitialized({ pod, phase, initStatuses, statuses }: ConditionsInput): Finding {
  const containers = pod.spec.initContainers ?? [];
  if (phase === "Succeeded") return { status: "True", reason: "PodCompleted" };
  const hasStarted = statuses.some(({ state }) => state?.running || state?.terminated);
  const isDone = (status: ContainerStatus | undefined, sidecar: boolean): boolean =>
    sidecar ? hasStarted || status?.started === true : status?.ready === true || hasStarted;
  const incomplete = containers.flatMap((container) => {
    const status = initStatuses.find(({ name }) => name === container.name);
    return isDone(status, isSidecar(container)) ? [] : [container.name];
  });
  if (incomplete.length === 0) return { status: "True" };
  const message = `containers with incomplete status: ${list(incomplete)}`;
  return { status: "False", reason: "ContainersNotInitialized", message };
}

function findContainersReady({ pod, phase, initStatuses, statuses }: ConditionsInput): Finding {
  if (phase === "Succeeded") return { status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { status: "False", reason: "PodFailed" };
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar);
  const unknown: string[] = [];
  const unready: string[] = [];
  for (const { name } of [...sidecars, ...pod.spec.containers]) {
    const status = statuses.find((one) => one.name === name) ?? initStatuses.find((one) => one.name === name);
    if (!status) unknown.push(name);
    else if (!status.ready) unready.push(name);
  }
  const parts = [
    ...(unknown.length > 0 ? [`containers with unknown status: ${list(unknown)}`] : []),
    ...(unready.length > 0 ? [`containers with unready status: ${list(unready)}`] : []),
  ];
  if (parts.length === 0) return { status: "True" };
  return { status: "False", reason: "ContainersNotReady", message: parts.join(", ") };
}

function findReady({ pod, previous }: ConditionsInput, containersReady: Finding): Finding {
  if (containersReady.status === "False") return containersReady;
  const problems = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = previous.find(({ type }) => type === conditionType);
    if (!condition) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    if (condition.status === "True") return [];
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`];
  });
  if (problems.length === 0) return { status: "True" };
  return { status: "False", reason: "ReadinessGatesNotReady", message: problems.join(", ") };
}

/** As Go prints a list of strings. */
function list(names: readonly string[]): string {
  return `[${names.join(" ")}]`;
}
