/**
 * The phase of a pod from the statuses of its containers. Pure.
 * Source: kubelet getPhase (v1.36).
 */
import type { Container, ContainerStatus, Pod, PodPhase } from "#pkg/api/core/v1.ts";
import { isSidecar } from "#pkg/api/pod-resources.ts";
import { policyOf, restartDecision } from "./restart-policy.ts";

export interface PhaseInput {
  readonly pod: Pod;
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
  /** The pod is over: its containers will not be started again. */
  readonly isEnding: boolean;
}

interface Tally {
  unknown: number;
  running: number;
  waiting: number;
  stopped: number;
  succeeded: number;
  willRestart: number;
}

export function computePodPhase(input: PhaseInput): PodPhase {
  const { pod, statuses } = input;
  const init = tallyInit(input);
  if (init.hasFailed) return "Failed";
  const main: Tally = { unknown: 0, running: 0, waiting: 0, stopped: 0, succeeded: 0, willRestart: 0 };
  const pendingSidecars = tallySidecars(input, main);
  for (const container of pod.spec.containers) tallyMain(pod, container, find(statuses, container.name), main);
  const hasStarted = statuses.some(({ state }) => state?.running || state?.terminated);
  if (init.pending > 0 || (pendingSidecars > 0 && !hasStarted) || main.waiting > 0) return "Pending";
  if (main.unknown > 0) return "Pending";
  if (main.running > 0) return "Running";
  if (main.stopped === 0) return "Pending";
  if (input.isEnding) return main.stopped === main.succeeded ? "Succeeded" : "Failed";
  if (main.willRestart > 0) return "Running";
  return main.stopped === main.succeeded ? "Succeeded" : "Failed";
}

function tallyInit({ pod, initStatuses }: PhaseInput): { readonly pending: number; readonly hasFailed: boolean } {
  let pending = 0;
  let hasFailed = false;
  for (const container of pod.spec.initContainers ?? []) {
    if (isSidecar(container)) continue;
    const status = find(initStatuses, container.name);
    const ended = status?.state?.terminated ?? (status?.state?.waiting && status.lastState?.terminated);
    if (!ended) {
      pending++;
      continue;
    }
    if (ended.exitCode === 0) continue;
    if (policyOf(pod, container) === "Never") hasFailed = true;
    else pending++;
  }
  return { pending, hasFailed };
}

/** Counts sidecars that run; returns how many still have to start for the first time. One that ended counts for nothing. */
function tallySidecars({ pod, initStatuses, isEnding }: PhaseInput, tally: Tally): number {
  if (isEnding) return 0;
  let pending = 0;
  for (const container of pod.spec.initContainers ?? []) {
    if (!isSidecar(container)) continue;
    const status = find(initStatuses, container.name);
    if (!status) tally.unknown++;
    else if (status.state?.running) {
      if (!status.started) pending++;
      tally.running++;
    } else if (status.state?.waiting && !status.lastState?.terminated) {
      pending++;
      tally.waiting++;
    }
  }
  return pending;
}

function tallyMain(pod: Pod, container: Container, status: ContainerStatus | undefined, tally: Tally): void {
  const state = status?.state;
  if (state?.running) {
    tally.running++;
    return;
  }
  const ended = state?.terminated ?? (state?.waiting && status?.lastState?.terminated);
  if (ended) {
    tally.stopped++;
    if (ended.exitCode === 0) tally.succeeded++;
    if (restartDecision(pod, container, ended.exitCode) !== "stay") tally.willRestart++;
  } else if (state?.waiting) tally.waiting++;
  else tally.unknown++;
}

function find(statuses: readonly ContainerStatus[], name: string): ContainerStatus | undefined {
  return statuses.find((status) => status.name === name);
}
