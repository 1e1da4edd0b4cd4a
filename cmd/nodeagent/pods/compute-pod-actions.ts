/**
 * The heart of the agent: from what the pod shall be and what the runtime has, what to do next. Pure; called again after
 * every change, so it never plans further ahead than what can be done now.
 *
 *   sandbox gone or wrong ──► killPod, createSandbox, first init container or all main containers
 *   init phase           ──► one init container at a time; sidecars beside
 *   main containers      ──► start, restart by policy and back-off, kill what changed or failed its probes
 *   all done             ──► killPod
 *
 * Source: kubelet kuberuntime computePodActions (v1.36).
 */
import type { Container, Pod } from "#pkg/api/core/v1.ts";
import { isSidecar } from "#pkg/api/pod-resources.ts";
import { computeInitActions, hashChanged } from "./compute-init-actions.ts";
import { computeSandboxChange } from "./compute-sandbox-change.ts";
import { type CrashBackoff, restartAllowedAt } from "./crash-backoff.ts";
import { newestContainer, type ObservedContainer, type ObservedPod } from "./observed-pod.ts";
import type { ContainerKind, KillReason, PodAction, VerdictsOf } from "./pod-action.ts";
import type { AnyContainer } from "./ports.ts";
import { policyOf, restartDecision, restartsAfterProbeFailure } from "./restart-policy.ts";

export interface PodActionInput {
  readonly pod: Pod;
  readonly observed: ObservedPod;
  readonly nowMs: number;
  /** By container name. */
  readonly backoffs: ReadonlyMap<string, CrashBackoff>;
  readonly verdictsOf: VerdictsOf;
}

export function computePodActions(input: PodActionInput): readonly PodAction[] {
  const { pod, observed, verdictsOf } = input;
  const change = computeSandboxChange(pod, observed);
  if (change.isNeeded) return planNewSandbox(input, change.attempt, change.why);
  const all = planRestartOfAll(input);
  if (all) return all;
  const ephemeral = (pod.spec.ephemeralContainers ?? [])
    .filter(({ name }) => !newestContainer(observed, name))
    .map((container) => start(container, "ephemeral", undefined));
  const init = computeInitActions(pod, observed, change.sandbox.id, verdictsOf);
  if (init.hasFailed) return [{ kind: "killPod", why: "an init container failed and is not to run again" }];
  const initKills = init.kills.map(({ container, reason, message }) => kill(container, reason, message));
  const initStarts = init.starts.map((container) =>
    startOrWait(input, container, isSidecar(container) ? "sidecar" : "init"),
  );
  if (!init.isInitialized) return [...initKills, ...ephemeral, ...initStarts];
  const main = planMainContainers(input);
  if (main.kept === 0 && main.starts.length === 0)
    return [{ kind: "killPod", why: "all containers of the pod have ended" }];
  return [...initKills, ...main.kills, ...ephemeral, ...initStarts, ...main.starts];
}

function planNewSandbox(input: PodActionInput, attempt: number, why: string): readonly PodAction[] {
  const { pod, observed } = input;
  const isThere = observed.sandboxes.length + observed.containers.length > 0;
  const kills: PodAction[] = isThere ? [{ kind: "killPod", why }] : [];
  const restarts = pod.spec.restartPolicy !== "Never" || pod.spec.containers.some(mayRestart(pod));
  if (!restarts && attempt !== 0 && observed.containers.length > 0) return kills;
  const toStart = pod.spec.containers.filter((container) => !isFinished(pod, container, observed));
  const wasInitialized = pod.spec.containers.some(({ name }) => newestContainer(observed, name));
  if (toStart.length === 0 && wasInitialized) return kills;
  const [firstInit] = pod.spec.initContainers ?? [];
  const starts = firstInit
    ? [startOrWait(input, firstInit, isSidecar(firstInit) ? "sidecar" : "init")]
    : toStart.map((container) => startOrWait(input, container, "regular"));
  return [...kills, { kind: "createSandbox", attempt }, ...starts];
}

const mayRestart =
  (pod: Pod) =>
  (container: Container): boolean =>
    policyOf(pod, container) !== "Never" || (container.restartPolicyRules ?? []).length > 0;

/** It ended, and its policy lets it rest. */
function isFinished(pod: Pod, container: Container, observed: ObservedPod): boolean {
  const found = newestContainer(observed, container.name);
  if (found?.state !== "exited") return false;
  return (
    restartDecision(pod, container, found.exitCode) === "stay" && (found.exitCode === 0 || !mayRestart(pod)(container))
  );
}

interface MainPlan {
  readonly kept: number;
  readonly kills: readonly PodAction[];
  readonly starts: readonly PodAction[];
}

function planMainContainers(input: PodActionInput): MainPlan {
  const { pod, observed } = input;
  const kills: PodAction[] = [];
  const starts: PodAction[] = [];
  let kept = 0;
  for (const container of pod.spec.containers) {
    const found = newestContainer(observed, container.name);
    if (found?.state === "running") {
      const ending = judgeRunning(input, container, found);
      if (!ending) {
        kept++;
        continue;
      }
      kills.push(kill(found, ending.reason, ending.message));
      if (ending.startsAgain) starts.push(startOrWait(input, container, "regular"));
      continue;
    }
    if (!shouldRun(pod, container, found)) continue;
    if (found?.state === "unknown") {
      const message = `Container ${container.name} is in unknown state, try killing it before starting`;
      kills.push(kill(found, "unknown", message));
    }
    starts.push(startOrWait(input, container, "regular"));
  }
  return { kept, kills, starts };
}

function shouldRun(pod: Pod, container: Container, found: ObservedContainer | undefined): boolean {
  if (found?.state !== "exited") return true;
  return restartDecision(pod, container, found.exitCode) !== "stay";
}

function judgeRunning(
  { pod, verdictsOf }: PodActionInput,
  container: Container,
  found: ObservedContainer,
): { readonly reason: KillReason; readonly message: string; readonly startsAgain: boolean } | undefined {
  const verdicts = verdictsOf(container.name, found.id);
  const ending = (reason: KillReason, why: string, startsAgain: boolean) => ({
    reason,
    message: `Container ${container.name} ${why}${startsAgain ? ", will be restarted" : ""}`,
    startsAgain,
  });
  if (hashChanged(container, found)) return ending("changed", "definition changed", true);
  const again = restartsAfterProbeFailure(pod, container);
  if (verdicts.liveness === "failure") return ending("liveness", "failed liveness probe", again);
  if (verdicts.startup === "failure") return ending("startup", "failed startup probe", again);
  return undefined;
}

/** A rule of a container that ended asks to begin the whole pod anew, in its sandbox and with its volumes. */
function planRestartOfAll({ pod, observed }: PodActionInput): readonly PodAction[] | undefined {
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const source = all.find((container) => {
    const found = newestContainer(observed, container.name);
    return found?.state === "exited" && restartDecision(pod, container, found.exitCode) === "restartAll";
  });
  if (!source) return undefined;
  const message = `Container ${source.name} asked for a restart of all containers`;
  const specNames = new Set(all.map(({ name }) => name));
  const concerned = observed.containers.filter(({ name }) => specNames.has(name));
  const order = [...concerned].sort((a, b) => Number(a.name === source.name) - Number(b.name === source.name));
  return order.flatMap((found): PodAction[] => [
    ...(found.state === "running" || found.state === "unknown" ? [kill(found, "restartAll", message)] : []),
    { kind: "removeContainer", containerId: found.id, name: found.name },
  ]);
}

function startOrWait(input: PodActionInput, container: Container, kind: ContainerKind): PodAction {
  const ended = input.observed.containers.find(({ name, state }) => name === container.name && state === "exited");
  if (!ended) return start(container, kind, undefined);
  const backoff = input.backoffs.get(container.name);
  const allowedAt = restartAllowedAt(backoff, ended.finishedAtMs);
  if (allowedAt > input.nowMs)
    return { kind: "backOff", name: container.name, untilMs: allowedAt, delayMs: backoff?.delayMs ?? 0 };
  return start(container, kind, ended.finishedAtMs);
}

function start(container: AnyContainer, containerKind: ContainerKind, lastFinishedAtMs: number | undefined): PodAction {
  return { kind: "startContainer", name: container.name, container, containerKind, lastFinishedAtMs };
}

function kill(container: ObservedContainer, reason: KillReason, message: string): PodAction {
  return { kind: "killContainer", containerId: container.id, name: container.name, reason, message };
}
