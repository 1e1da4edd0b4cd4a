/** A pod as the runtime has it: what decisions and statuses are computed from. Plain data, times in ms. */

export type ObservedContainerState = "created" | "running" | "exited" | "unknown";

export interface ObservedContainer {
  readonly id: string;
  readonly sandboxId: string;
  readonly name: string;
  readonly state: ObservedContainerState;
  readonly createdAtMs: number;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly exitCode: number;
  /** The runtime's own: "Completed", "Error", "OOMKilled", "StartError". */
  readonly reason: string;
  /** The termination message, or the runtime's words. */
  readonly message: string;
  /** Reference as it stands in the spec. */
  readonly image: string;
  /** By digest where there is one. */
  readonly imageId: string;
  readonly restartCount: number;
  /** See container-hash.ts; "" when the container is not marked with one. */
  readonly hash: string;
  readonly logFile: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly user?: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] } | undefined;
}

export interface ObservedSandbox {
  readonly id: string;
  readonly attempt: number;
  readonly isReady: boolean;
  readonly createdAtMs: number;
  readonly isHostNetwork: boolean;
  /** Empty for the host's network. */
  readonly ips: readonly string[];
}

export interface ObservedPod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** Newest first. */
  readonly sandboxes: readonly ObservedSandbox[];
  /** Newest first. */
  readonly containers: readonly ObservedContainer[];
}

export function emptyPod(identity: {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
}): ObservedPod {
  return { ...identity, sandboxes: [], containers: [] };
}

/** The newest container of that name, in any sandbox. */
export function newestContainer(pod: ObservedPod, name: string): ObservedContainer | undefined {
  return pod.containers.find((container) => container.name === name);
}

/** The newest container of that name in the sandbox. */
export function containerIn(pod: ObservedPod, sandboxId: string, name: string): ObservedContainer | undefined {
  return pod.containers.find((container) => container.sandboxId === sandboxId && container.name === name);
}

export function hasRunningContainers(pod: ObservedPod): boolean {
  return pod.containers.some(({ state }) => state === "running" || state === "unknown");
}
