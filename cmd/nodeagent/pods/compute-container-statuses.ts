/**
 * Container statuses from what the runtime has, what the last sync met, and what was known before. Pure.
 * Source: kubelet convertToAPIContainerStatuses (v1.36).
 */
import type { ContainerState, ContainerStatus, Pod, VolumeMount } from "#pkg/api/core/v1.ts";
import { isSidecar } from "#pkg/api/pod-resources.ts";
import { formatTime } from "#pkg/system/clock.ts";
import type { ObservedContainer, ObservedPod } from "./observed-pod.ts";
import type { ContainerKind, VerdictsOf } from "./pod-action.ts";
import type { AnyContainer } from "./ports.ts";
import { policyOf, restartDecision } from "./restart-policy.ts";

/** Why a container does not start, as the last sync met it. */
export interface ContainerProblem {
  /** "ImagePullBackOff", "CrashLoopBackOff", "CreateContainerConfigError" … */
  readonly reason: string;
  readonly message: string;
}

export interface ContainerStatusesInput {
  readonly pod: Pod;
  readonly observed: ObservedPod;
  readonly previous: readonly ContainerStatus[];
  /** By container name. */
  readonly problems: ReadonlyMap<string, ContainerProblem>;
  readonly verdictsOf: VerdictsOf;
  /** The pod is being ended: nothing will be started again. */
  readonly isEnding: boolean;
  /** "containerd", "cri-o": the scheme of container IDs. */
  readonly runtimeName: string;
}

export function computeContainerStatuses(
  input: ContainerStatusesInput,
  containers: readonly AnyContainer[],
  kindOf: (container: AnyContainer) => ContainerKind,
): ContainerStatus[] {
  return containers.map((container) => containerStatus(input, container, kindOf(container)));
}

function containerStatus(input: ContainerStatusesInput, container: AnyContainer, kind: ContainerKind): ContainerStatus {
  const runs = input.observed.containers.filter(({ name }) => name === container.name);
  const previous = input.previous.find(({ name }) => name === container.name);
  const [latest, before] = runs;
  const base = latest
    ? fromRuntime(input, container, latest, before, previous)
    : notInRuntime(input, container, previous);
  const problem =
    latest && !willStart(input.pod, container, kind, latest) ? undefined : input.problems.get(container.name);
  const status = problem && !input.isEnding ? withProblem(base, problem) : base;
  return { ...status, ...readiness(input, container, kind, status, latest) };
}

function fromRuntime(
  input: ContainerStatusesInput,
  container: AnyContainer,
  latest: ObservedContainer,
  before: ObservedContainer | undefined,
  previous: ContainerStatus | undefined,
): ContainerStatus {
  const lastState = before ? stateOf(before, input.runtimeName) : lastStateBefore(latest, previous, input.runtimeName);
  const isRunning = latest.state === "running";
  const user = latest.user;
  return {
    name: container.name,
    state: stateOf(latest, input.runtimeName),
    lastState: lastState?.terminated ? { terminated: lastState.terminated } : {},
    ready: false,
    restartCount: latest.restartCount,
    image: latest.image,
    imageID: latest.imageId,
    containerID: `${input.runtimeName}://${latest.id}`,
    ...(isRunning && container.resources ? runningResources(container) : {}),
    ...(container.volumeMounts?.length ? { volumeMounts: container.volumeMounts.map(mountStatus) } : {}),
    ...(isRunning && user
      ? { user: { linux: { uid: user.uid, gid: user.gid, supplementalGroups: [...user.groups] } } }
      : {}),
  };
}

function runningResources(container: AnyContainer): Pick<ContainerStatus, "resources" | "allocatedResources"> {
  const { requests, limits } = container.resources ?? {};
  return {
    ...(requests ? { allocatedResources: requests } : {}),
    resources: { ...(limits ? { limits } : {}), ...(requests ? { requests } : {}) },
  };
}

function mountStatus(mount: VolumeMount): NonNullable<ContainerStatus["volumeMounts"]>[number] {
  const { name, mountPath } = mount;
  return mount.readOnly ? { name, mountPath, readOnly: true, recursiveReadOnly: "Disabled" } : { name, mountPath };
}

/** The runtime no longer has the run before: what the API remembers of it. */
function lastStateBefore(
  latest: ObservedContainer,
  previous: ContainerStatus | undefined,
  runtimeName: string,
): ContainerState | undefined {
  const id = `${runtimeName}://${latest.id}`;
  if (previous?.containerID === id || previous?.state?.terminated === undefined) return previous?.lastState;
  return previous.state.terminated.containerID === id ? previous.lastState : previous.state;
}

/** It never ran, was removed after it ended, or was lost while it ran. */
function notInRuntime(
  input: ContainerStatusesInput,
  container: AnyContainer,
  previous: ContainerStatus | undefined,
): ContainerStatus {
  if (previous?.state?.terminated) return previous;
  const hasInit = (input.pod.spec.initContainers ?? []).length > 0;
  const waiting: ContainerState = { waiting: { reason: hasInit ? "PodInitializing" : "ContainerCreating" } };
  const fresh = {
    name: container.name,
    ready: false,
    image: container.image ?? "",
    imageID: "",
  };
  if (!previous?.state?.running)
    return {
      ...fresh,
      state: waiting,
      lastState: previous?.lastState ?? {},
      restartCount: previous?.restartCount ?? 0,
    };
  const what = input.isEnding ? "terminated" : "deleted";
  const terminated = {
    exitCode: 137,
    reason: "ContainerStatusUnknown",
    message: `The container could not be located when the pod was ${what}.  The container used to be Running`,
    ...(previous.containerID ? { containerID: previous.containerID } : {}),
  };
  if (input.isEnding) return { ...fresh, state: { terminated }, lastState: {}, restartCount: previous.restartCount };
  return { ...fresh, state: waiting, lastState: { terminated }, restartCount: previous.restartCount + 1 };
}

export function stateOf(container: ObservedContainer, runtimeName: string): ContainerState {
  switch (container.state) {
    case "running":
      return { running: { startedAt: formatTime(container.startedAtMs) } };
    case "exited":
      return {
        terminated: {
          exitCode: container.exitCode,
          reason: container.reason || (container.exitCode === 0 ? "Completed" : "Error"),
          ...(container.message ? { message: container.message } : {}),
          // A container that never ran has no start of its own.
          startedAt: formatTime(container.startedAtMs || container.createdAtMs),
          finishedAt: formatTime(container.finishedAtMs || container.createdAtMs),
          containerID: `${runtimeName}://${container.id}`,
        },
      };
    case "created":
    case "unknown":
      return { waiting: {} };
  }
}

function willStart(pod: Pod, container: AnyContainer, kind: ContainerKind, latest: ObservedContainer): boolean {
  if (latest.state === "running") return false;
  if (latest.state !== "exited") return true;
  switch (kind) {
    case "ephemeral":
      return false;
    case "sidecar":
      return true;
    case "init":
      return latest.exitCode !== 0 && policyOf(pod, container) !== "Never";
    case "regular":
      return restartDecision(pod, container, latest.exitCode) !== "stay";
  }
}

function withProblem(status: ContainerStatus, { reason, message }: ContainerProblem): ContainerStatus {
  const lastState = status.state?.terminated ? { terminated: status.state.terminated } : (status.lastState ?? {});
  return { ...status, lastState, state: { waiting: { reason, ...(message ? { message } : {}) } } };
}

function readiness(
  { verdictsOf }: ContainerStatusesInput,
  container: AnyContainer,
  kind: ContainerKind,
  status: ContainerStatus,
  latest: ObservedContainer | undefined,
): Pick<ContainerStatus, "ready" | "started"> {
  const isRunning = status.state?.running !== undefined && latest !== undefined;
  if (kind === "init") {
    const isDone = status.state?.terminated?.exitCode === 0;
    return { ready: isDone, started: isRunning };
  }
  if (kind === "ephemeral" || !isRunning) return { ready: false, started: kind === "ephemeral" ? isRunning : false };
  const verdicts = verdictsOf(container.name, latest.id);
  const started = verdicts.startup === undefined || verdicts.startup === "success";
  return { started, ready: started && (verdicts.readiness === undefined || verdicts.readiness === "success") };
}

export function kindOfContainer(pod: Pod): (container: AnyContainer) => ContainerKind {
  const init = new Map((pod.spec.initContainers ?? []).map((container) => [container.name, container]));
  const main = new Set(pod.spec.containers.map(({ name }) => name));
  return ({ name }) => {
    const own = init.get(name);
    if (own) return isSidecar(own) ? "sidecar" : "init";
    return main.has(name) ? "regular" : "ephemeral";
  };
}
