/**
 * The init phase: which init container runs next, which sidecars are started again. Pure.
 *
 * The containers are looked at from the last to the first: one that is there proves that all before it have done their work,
 * even when the runtime has removed them since.
 * Source: kubelet computeInitContainerActions (v1.36), KEP-753.
 */
import type { Container, Pod } from "#pkg/api/core/v1.ts";
import { isSidecar } from "#pkg/api/pod-resources.ts";
import { containerHash } from "./container-hash.ts";
import { containerIn, type ObservedContainer, type ObservedPod } from "./observed-pod.ts";
import type { KillReason, VerdictsOf } from "./pod-action.ts";
import { policyOf } from "./restart-policy.ts";

export interface InitKill {
  readonly container: ObservedContainer;
  readonly reason: KillReason;
  readonly message: string;
}

export interface InitPlan {
  /** The main containers may start. */
  readonly isInitialized: boolean;
  /** An init container failed for good. */
  readonly hasFailed: boolean;
  readonly kills: readonly InitKill[];
  /** In spec order. */
  readonly starts: readonly Container[];
}

interface Verdict {
  /** This container's part of the init phase is done. */
  readonly isDone: boolean;
  readonly isFatal?: boolean;
  readonly startsAgain?: boolean;
  readonly kill?: InitKill;
}

export function computeInitActions(
  pod: Pod,
  observed: ObservedPod,
  sandboxId: string,
  verdictsOf: VerdictsOf,
): InitPlan {
  const containers = pod.spec.initContainers ?? [];
  const none = { hasFailed: false, kills: [], starts: [] };
  if (containers.length === 0) return { isInitialized: true, ...none };
  const kills: InitKill[] = [];
  const starts = new Set<Container>();
  let isInitialized = pod.spec.containers.some(({ name }) => containerIn(observed, sandboxId, name) !== undefined);
  /** Something later was seen: all before it are done. */
  let isPast = isInitialized;
  for (let index = containers.length - 1; index >= 0; index--) {
    const container = containers[index] as Container;
    const found = containerIn(observed, sandboxId, container.name);
    if (!found) {
      if (isPast && isSidecar(container)) starts.add(container);
      continue;
    }
    if (isPast && !isSidecar(container)) continue;
    const verdict = isSidecar(container)
      ? judgeSidecar(container, found, verdictsOf)
      : judgeInit(pod, container, found);
    if (verdict.isFatal) return { isInitialized: false, hasFailed: true, kills: [], starts: [] };
    if (verdict.kill) kills.push(verdict.kill);
    if (verdict.startsAgain) starts.add(container);
    const next = containers[index + 1];
    if (verdict.isDone && !next) isInitialized = true;
    else if (verdict.isDone && !isPast && next) starts.add(next);
    isPast = true;
  }
  const [first] = containers;
  if (!isPast && first) starts.add(first);
  return { isInitialized, hasFailed: false, kills, starts: containers.filter((container) => starts.has(container)) };
}

function judgeInit(pod: Pod, container: Container, found: ObservedContainer): Verdict {
  switch (found.state) {
    case "created":
      // Made but never started: the agent or the runtime was interrupted in between.
      return { isDone: false, startsAgain: true };
    case "running":
      return { isDone: false };
    case "exited":
      if (found.exitCode === 0) return { isDone: true };
      return policyOf(pod, container) === "Never"
        ? { isDone: false, isFatal: true }
        : { isDone: false, startsAgain: true };
    case "unknown":
      if (policyOf(pod, container) === "Never") return { isDone: false, isFatal: true };
      return { isDone: false, startsAgain: true, kill: unknownKill(found) };
  }
}

function judgeSidecar(container: Container, found: ObservedContainer, verdictsOf: VerdictsOf): Verdict {
  switch (found.state) {
    case "created":
    case "exited":
      return { isDone: false, startsAgain: true };
    case "unknown":
      return { isDone: false, startsAgain: true, kill: unknownKill(found) };
    case "running":
      return judgeRunningSidecar(container, found, verdictsOf);
  }
}

function judgeRunningSidecar(container: Container, found: ObservedContainer, verdictsOf: VerdictsOf): Verdict {
  const verdicts = verdictsOf(container.name, found.id);
  const replace = (reason: KillReason, why: string, isDone: boolean): Verdict => ({
    isDone,
    startsAgain: true,
    kill: { container: found, reason, message: `Init container ${container.name} ${why}, will be restarted` },
  });
  if (verdicts.startup === "failure") return replace("startup", "failed startup probe", false);
  if (verdicts.startup === "unknown") return { isDone: false };
  if (hashChanged(container, found)) return replace("changed", "definition changed", true);
  if (verdicts.liveness === "failure") return replace("liveness", "failed liveness probe", true);
  return { isDone: true };
}

export function hashChanged(container: Container, found: ObservedContainer): boolean {
  return found.hash !== "" && found.hash !== containerHash(container);
}

function unknownKill(container: ObservedContainer): InitKill {
  const message = `Container ${container.name} is in unknown state, try killing it before starting again`;
  return { container, reason: "unknown", message };
}
