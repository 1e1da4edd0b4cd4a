/**
 * What a pod's worker needs from the rest of the agent, and what the agent's server needs from the workers. Each port is
 * owned here, by its user, and implemented elsewhere: volumes/, environment/, probes/; the fakes are in pods/testing/.
 * Errors thrown by these ports end up in the pod's status word for word, so messages must make sense to a user.
 */

import type { Container, EphemeralContainer, Pod, PodStatus } from "#pkg/api/core/v1.ts";
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import type { DNSConfig, Mount } from "#pkg/cri/generated/cri.ts";
import type { ProbeVerdict } from "#pkg/probes/next-probe-state.ts";

export type CriMount = MessageInput<Mount>;
export type CriDnsConfig = MessageInput<DNSConfig>;
export type AnyContainer = Container | EphemeralContainer;
/** Environment variables in the order in which the container gets them. */
export type EnvironmentVariables = readonly { readonly name: string; readonly value: string }[];

/** The pod's addresses, IPv4 first where there are both; those of the host for a pod in the host's network. */
export interface PodAddresses {
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
}

/** The pod's volumes on this node. Everything is below `<rootDir>/pods/<uid>/` (see pod-folders.ts). */
export interface PodVolumes {
  /**
   * Makes all volumes of the pod present and up to date. Idempotent and cheap when nothing changed: it is called at each sync
   * of the pod, before its containers start. From the first call until remove() the volumes whose content comes from the API
   * follow it by themselves. Throws what keeps the pod from starting: it becomes a FailedMount event, and the call is made
   * again later.
   */
  prepare(pod: Pod, signal: AbortSignal): Promise<void>;
  /**
   * The mounts of one container: its volumeMounts, with subPath, subPathExpr (expanded from `env`), read-only and propagation.
   * Called after prepare(), before the container is created. Throws "Invalid" or "NotFound": the container then waits with
   * CreateContainerConfigError.
   */
  mounts(pod: Pod, container: AnyContainer, env: EnvironmentVariables): Promise<readonly CriMount[]>;
  /**
   * Unmounts and removes all volumes of the pod. Called when no container of it runs any more, also for pods of a former run
   * of the agent of which nothing but the UID is known. Idempotent.
   */
  remove(podUid: string): Promise<void>;
}

/** What a pod and its containers are told about themselves and their surroundings. */
export interface PodEnvironment {
  /** For the sandbox: hostname ("" for a pod in the host's network), at most 63 characters. Throws "Invalid". */
  hostname(pod: Pod): string;
  /** For the sandbox; undefined: the runtime's own resolv.conf is to be left as it is. */
  dnsConfig(pod: Pod): Promise<CriDnsConfig | undefined>;
  /**
   * env, envFrom and service variables with `$(VAR)` expanded. Throws "NotFound" (no such config map, secret or key) or
   * "Invalid": the container then waits with CreateContainerConfigError.
   */
  variables(pod: Pod, container: AnyContainer, addresses: PodAddresses): Promise<EnvironmentVariables>;
  /**
   * Command and args with `$(VAR)` expanded from the variables above.
   */
  expand(words: readonly string[] | undefined, variables: EnvironmentVariables): readonly string[];
  /**
   * Writes the pod's hosts file and returns its mount at /etc/hosts; undefined where the container brings its own. Called
   * before each container is created.
   */
  hostsMount(pod: Pod, container: AnyContainer, addresses: PodAddresses): Promise<CriMount | undefined>;
}

/** The verdicts on one container; undefined: it has no such probe. */
export interface ContainerVerdicts {
  readonly startup: ProbeVerdict | undefined;
  readonly liveness: ProbeVerdict | undefined;
  readonly readiness: ProbeVerdict | undefined;
}

/** What the probes need to know of a pod; `status` is the one just computed, with container IDs and states. */
export interface ProbedPod {
  readonly pod: Pod;
  readonly status: PodStatus;
  /** Liveness and startup probes end, readiness goes on until the containers have stopped. */
  readonly isTerminating: boolean;
}

/**
 * Runs the probes of all pods. It remembers what it was last told of each pod and never asks back. On the first syncPod()
 * after a start of the agent, pod.status is what the API last had: verdicts of a container with the same ID go on from there,
 * so that a restart of the agent does not flip readiness.
 */
export interface ProbeManager {
  /**
   * The pod is as given now: starts probes of containers that are new, ends those that are gone. Idempotent and cheap: it is
   * called after each sync.
   */
  syncPod(pod: ProbedPod): void;
  removePod(podUid: string): void;
  /** For the container with this ID; another ID means another container, whose verdicts are the initial ones. */
  verdicts(podUid: string, containerName: string, containerId: string): ContainerVerdicts;
  /** Called whenever a verdict changes; the worker then looks at the pod at once. */
  onChange(listener: (podUid: string) => void): Disposable;
}

/** A container as the streaming and log endpoints need it. */
export interface LocatedContainer {
  readonly pod: Pod;
  readonly sandboxId: string;
  readonly containerId: string;
  readonly isRunning: boolean;
  /** Path of its log file as the runtime writes it (CRI log format). */
  readonly logFile: string;
  readonly tty: boolean;
  readonly stdin: boolean;
}

/** The agent's pods as its server shows them. */
export interface PodDirectory {
  /** All pods of this node, with their present status. */
  list(): readonly Pod[];
  get(namespace: string, name: string): Pod | undefined;
  /** ID of the running sandbox. Throws "NotFound" or "Unavailable" (not running yet). */
  findSandbox(namespace: string, name: string, podUid?: string): Promise<string>;
  /**
   * `container` "" is the only one, or the one named by kubectl.kubernetes.io/default-container. `previous`: the run before
   * the present one. Throws "NotFound" (no such pod or container), "Invalid" (container must be named) or "Unavailable" (has
   * not started yet: `container "c" in pod "p" is waiting to start: ContainerCreating`).
   */
  findContainer(request: {
    readonly namespace: string;
    readonly name: string;
    readonly podUid?: string | undefined;
    readonly container: string;
    readonly previous?: boolean | undefined;
  }): Promise<LocatedContainer>;
}

/** Events about objects, for users. */
export interface EventSink {
  record(object: Pod, type: "Normal" | "Warning", reason: string, message: string, fieldPath?: string): void;
}
