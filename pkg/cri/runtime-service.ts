/**
 * The CRI v1 runtime as ports, cut by who needs what. Messages are those of the protocol: what a request leaves out is the
 * protocol's zero value.
 * Errors: "NotFound" (no such sandbox or container), "Unsupported" (this runtime does not know the call), "Timeout",
 * "Unavailable" (the runtime cannot be reached), "AlreadyExists", "Invalid", "Internal" with the runtime's own words.
 */
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import type {
  AttachRequest,
  Container,
  ContainerConfig,
  ContainerFilter,
  ContainerStatus,
  ExecRequest,
  LinuxContainerResources,
  PodSandbox,
  PodSandboxConfig,
  PodSandboxFilter,
  PodSandboxStatus,
  StatusResponse,
  VersionResponse,
} from "./generated/cri.ts";

export interface SandboxRuntime {
  /** Makes a sandbox with its network; returns its ID. `handler` "" is the default runtime. */
  runPodSandbox(config: MessageInput<PodSandboxConfig>, handler: string, signal?: AbortSignal): Promise<string>;
  /** Kills what is inside and takes the network down. Idempotent, also for one that is gone. */
  stopPodSandbox(id: string): Promise<void>;
  /** Stops it too when needed. Idempotent. */
  removePodSandbox(id: string): Promise<void>;
  podSandboxStatus(id: string): Promise<PodSandboxStatus>;
  listPodSandbox(filter?: MessageInput<PodSandboxFilter>): Promise<readonly PodSandbox[]>;
}

export interface ContainerRuntime {
  createContainer(
    sandboxId: string,
    config: MessageInput<ContainerConfig>,
    sandboxConfig: MessageInput<PodSandboxConfig>,
  ): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Sends the stop signal, and SIGKILL after `graceSeconds`. Idempotent, also for one that is gone. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  listContainers(filter?: MessageInput<ContainerFilter>): Promise<readonly Container[]>;
  containerStatus(id: string): Promise<ContainerStatus>;
  updateContainerResources(id: string, linux: MessageInput<LinuxContainerResources>): Promise<void>;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** exec, attach and portForward return a URL on which the streams are served. */
export interface ContainerAccess {
  /** Throws "Timeout" when the command did not end in time; 0: no limit. */
  execSync(id: string, command: readonly string[], timeoutSeconds: number): Promise<ExecResult>;
  exec(request: MessageInput<ExecRequest>): Promise<string>;
  attach(request: MessageInput<AttachRequest>): Promise<string>;
  portForward(sandboxId: string, ports: readonly number[]): Promise<string>;
  /** Makes the runtime open the log file anew, after it was renamed. */
  reopenContainerLog(id: string): Promise<void>;
}

export interface ContainerEvent {
  /** Of a container, or of a sandbox. */
  readonly containerId: string;
  readonly kind: "created" | "started" | "stopped" | "deleted" | "oom";
}

export interface RuntimeInfo {
  version(): Promise<VersionResponse>;
  status(verbose: boolean): Promise<StatusResponse>;
  /** Tells the runtime the node's pod CIDR. */
  updateRuntimeConfig(podCidr: string): Promise<void>;
  /** The driver the runtime asks for; throws "Unsupported" before CRI 1.28. */
  cgroupDriver(): Promise<"cgroupfs" | "systemd">;
  /**
   * What happens to containers, as it happens, until the signal fires; throws when the stream breaks. Runtimes without CRI
   * events are listened to on containerd's own stream; throws "Unsupported" where there is neither.
   */
  containerEvents(signal: AbortSignal): AsyncIterable<ContainerEvent>;
}

export interface RuntimeService extends SandboxRuntime, ContainerRuntime, ContainerAccess, RuntimeInfo {}
