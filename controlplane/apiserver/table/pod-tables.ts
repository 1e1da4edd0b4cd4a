/**
 * Tables of pods and pod templates. The status of a pod is what explains it best: why a container waits or ended before the
 * phase.
 */
import type { Container, ContainerState, ContainerStatus, Pod, PodStatus, PodTemplate } from "#pkg/api/core/v1.ts";
import { ageOf, containerCells, formatLabels, hasTrueCondition, nameOf, orNone } from "./cell-text.ts";
import { formatAge } from "./human-duration.ts";
import { defineTable, type TableKind } from "./table-kind.ts";

export const podTable: TableKind = defineTable<Pod>(
  "Name | Ready | Status | Restarts | Age | IP* | Node* | Nominated Node* | Readiness Gates*",
  (pod, nowMs) => {
    const { reason, ready, total, restarts, lastRestart } = summarizePod(pod);
    const ago = restarts > 0 && lastRestart ? ` (${formatAge(lastRestart, nowMs)} ago)` : "";
    return [
      nameOf(pod),
      `${ready}/${total}`,
      reason,
      `${restarts}${ago}`,
      ageOf(pod, nowMs),
      orNone(pod.status?.podIPs?.[0]?.ip),
      orNone(pod.spec?.nodeName),
      orNone(pod.status?.nominatedNodeName),
      readinessGates(pod),
    ];
  },
);

export const podTemplateTable: TableKind = defineTable<PodTemplate>(
  "Name | Containers | Images | Pod Labels",
  (template) => [
    nameOf(template),
    ...containerCells(template.template?.spec?.containers),
    formatLabels(template.template?.metadata?.labels),
  ],
);

interface PodSummary {
  readonly reason: string;
  readonly ready: number;
  readonly total: number;
  readonly restarts: number;
  /** RFC 3339; "" when no container ended before. */
  readonly lastRestart: string;
}

interface Tally {
  ready: number;
  restarts: number;
  lastRestart: string;
}

function summarizePod(pod: Pod): PodSummary {
  const sidecars = new Set((pod.spec?.initContainers ?? []).filter(isSidecar).map((one) => one.name));
  const total = (pod.spec?.containers ?? []).length + sidecars.size;
  const init = summarizeInit(pod, sidecars);
  let reason = init.reason ?? phaseReason(pod.status);
  let tally = init.all;
  if (init.reason === undefined || hasTrueCondition(pod.status?.conditions, "Initialized")) {
    tally = { ...init.sidecars, ready: init.all.ready };
    reason = summarizeContainers(pod, reason, tally);
  }
  return { reason: deletionReason(pod) ?? reason, total, ...tally };
}

/** A pod that waits for its scheduling gates says so. */
function phaseReason(status: PodStatus | undefined): string {
  const isGated = status?.conditions?.some((one) => one.type === "PodScheduled" && one.reason === "SchedulingGated");
  return isGated ? "SchedulingGated" : status?.reason || status?.phase || "";
}

function deletionReason(pod: Pod): string | undefined {
  if (!pod.metadata.deletionTimestamp) return undefined;
  if (pod.status?.reason === "NodeLost") return "Unknown";
  const isOver = pod.status?.phase === "Failed" || pod.status?.phase === "Succeeded";
  return isOver ? undefined : "Terminating";
}

interface InitSummary {
  /** Undefined: all init containers are done, or are sidecars that run. */
  readonly reason: string | undefined;
  readonly all: Tally;
  readonly sidecars: Tally;
}

function summarizeInit(pod: Pod, sidecars: ReadonlySet<string>): InitSummary {
  const all: Tally = { ready: 0, restarts: 0, lastRestart: "" };
  const ofSidecars: Tally = { ready: 0, restarts: 0, lastRestart: "" };
  const count = (pod.spec?.initContainers ?? []).length;
  for (const [index, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    countRestarts(all, status);
    const isSidecarStatus = sidecars.has(status.name);
    if (isSidecarStatus) countRestarts(ofSidecars, status);
    if (status.state?.terminated?.exitCode === 0 && status.state.terminated) continue;
    if (isSidecarStatus && status.started) {
      if (status.ready) all.ready++;
      continue;
    }
    return { reason: `Init:${initReason(status.state) ?? `${index}/${count}`}`, all, sidecars: ofSidecars };
  }
  return { reason: undefined, all, sidecars: ofSidecars };
}

/** Undefined: nothing to tell but how far initialization got. */
function initReason(state: ContainerState | undefined): string | undefined {
  if (state?.terminated) return terminationReason(state.terminated);
  const reason = state?.waiting?.reason;
  return reason && reason !== "PodInitializing" ? reason : undefined;
}

/** The reason of the first container that has one, else `reason`; counts into `tally`. */
function summarizeContainers(pod: Pod, reason: string, tally: Tally): string {
  let result = reason;
  let hasRunning = false;
  for (const status of (pod.status?.containerStatuses ?? []).toReversed()) {
    countRestarts(tally, status);
    const { waiting, terminated, running } = status.state ?? {};
    if (waiting?.reason) result = waiting.reason;
    else if (terminated) result = terminationReason(terminated);
    else if (status.ready && running) {
      hasRunning = true;
      tally.ready++;
    }
  }
  if (result !== "Completed" || !hasRunning) return result;
  return hasTrueCondition(pod.status?.conditions, "Ready") ? "Running" : "NotReady";
}

function terminationReason(terminated: NonNullable<ContainerState["terminated"]>): string {
  if (terminated.reason) return terminated.reason;
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
}

function countRestarts(tally: Tally, status: ContainerStatus): void {
  tally.restarts += status.restartCount ?? 0;
  const finishedAt = status.lastState?.terminated?.finishedAt;
  if (finishedAt && (!tally.lastRestart || Date.parse(finishedAt) > Date.parse(tally.lastRestart))) {
    tally.lastRestart = finishedAt;
  }
}

function isSidecar(container: Container): boolean {
  return container.restartPolicy === "Always";
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  const open = gates.filter((gate) => hasTrueCondition(pod.status?.conditions, gate.conditionType));
  return `${open.length}/${gates.length}`;
}
