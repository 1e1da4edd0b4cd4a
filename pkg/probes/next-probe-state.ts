/**
 * The state machine of one probe of one container, pure.
 *
 *   initial verdict: startup unknown, liveness success, readiness failure
 *   a verdict changes after successThreshold or failureThreshold equal outcomes in a row
 *   after a failed liveness verdict, and after any startup verdict, the probe holds until the container is a new one
 *   an outcome "unknown" counts as nothing
 *
 * Source: k8s.io/kubernetes pkg/kubelet/prober/worker.go (v1.36).
 */
import type { ProbeKind, ProbeOutcome } from "./probe.ts";

export type ProbeVerdict = "success" | "failure" | "unknown";

export interface ProbeState {
  /** The container the state is about; a new ID starts it anew. "" before the first. */
  readonly containerId: string;
  readonly verdict: ProbeVerdict;
  /** Equal outcomes in a row. */
  readonly run: { readonly outcome: "success" | "failure"; readonly length: number } | undefined;
  readonly onHold: boolean;
}

export interface ProbeThresholds {
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

export const initialVerdict: Readonly<Record<ProbeKind, ProbeVerdict>> = {
  startup: "unknown",
  liveness: "success",
  readiness: "failure",
};

export function initialProbeState(kind: ProbeKind, containerId: string): ProbeState {
  return { containerId, verdict: initialVerdict[kind], run: undefined, onHold: false };
}

export function nextProbeState(
  kind: ProbeKind,
  thresholds: ProbeThresholds,
  state: ProbeState,
  outcome: ProbeOutcome,
): ProbeState {
  if (outcome === "unknown") return state;
  const counted = outcome === "failure" ? "failure" : "success";
  const length = state.run?.outcome === counted ? state.run.length + 1 : 1;
  const needed = counted === "failure" ? thresholds.failureThreshold : thresholds.successThreshold;
  const run = { outcome: counted, length } as const;
  if (length < needed) return { ...state, run };
  const holds = kind === "startup" || (kind === "liveness" && counted === "failure");
  return { ...state, verdict: counted, run: holds ? undefined : run, onHold: holds };
}

/** What is known of the container when its probe is due. */
export interface ProbedContainer {
  /** "" before it was created. */
  readonly id: string;
  readonly state: "waiting" | "running" | "terminated";
  /** When it started, ms; only meaningful while running. */
  readonly startedAtMs: number;
  /** status.containerStatuses[].started: startup is over. */
  readonly started: boolean;
  /** Terminated for good: nothing will start it again. */
  readonly isFinal: boolean;
}

export type ProbeDecision =
  /** Look again at the next period. */
  | { readonly kind: "wait" }
  /** Carry the probe out now. */
  | { readonly kind: "probe" }
  /** The container does not run: its verdict is failure until it does. */
  | { readonly kind: "notRunning" }
  /** The worker ends. */
  | { readonly kind: "stop" };

export interface ProbeGate {
  readonly container: ProbedContainer | undefined;
  readonly podIsTerminating: boolean;
  readonly podIsFinished: boolean;
  readonly initialDelayMs: number;
}

/** Whether a probe is to run now. `state` must already be that of the container's present ID. */
export function decideProbe(kind: ProbeKind, gate: ProbeGate, state: ProbeState, nowMs: number): ProbeDecision {
  if (gate.podIsFinished) return { kind: "stop" };
  const { container } = gate;
  if (!container || container.id === "" || state.onHold) return { kind: "wait" };
  if (container.state !== "running") return container.isFinal ? { kind: "stop" } : { kind: "notRunning" };
  // A pod that shuts down is not killed for failing; readiness goes on, so that endpoints follow it.
  if (gate.podIsTerminating && kind !== "readiness") return { kind: "stop" };
  if (nowMs - container.startedAtMs < gate.initialDelayMs) return { kind: "wait" };
  // Before the container has started up only its startup probe runs, afterwards all but that.
  return container.started === (kind === "startup") ? { kind: "wait" } : { kind: "probe" };
}
