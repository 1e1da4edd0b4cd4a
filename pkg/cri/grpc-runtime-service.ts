/** RuntimeService and ImageService over gRPC: containerd 1.6 and later, CRI-O, and Berth's own server for Docker. */
import { loadGrpcDescriptor } from "#pkg/api/schema/grpc.ts";
import { assertNever, hasCode, isNotFound } from "#pkg/system/errors.ts";
import { containerdEvents } from "./containerd-events.ts";
import descriptorJson from "./generated/cri.json" with { type: "json" };
import type {
  AttachResponse,
  ContainerEventResponse,
  ContainerEventType,
  ContainerStatusResponse,
  CreateContainerResponse,
  ExecResponse,
  ExecSyncResponse,
  ImageFsInfoResponse,
  ImageStatusResponse,
  ListContainersResponse,
  ListImagesResponse,
  ListPodSandboxResponse,
  PodSandboxStatusResponse,
  PortForwardResponse,
  PullImageResponse,
  RunPodSandboxResponse,
  RuntimeConfigResponse,
  StatusResponse,
  VersionResponse,
} from "./generated/cri.ts";
import { type CallOptions, GrpcConnection } from "./grpc-connection.ts";
import type { ImageService } from "./image-service.ts";
import type { ContainerEvent, RuntimeService } from "./runtime-service.ts";

/** Upstream's limit for a call; making a sandbox may take twice as long, pulls and streams have none. */
const callTimeoutMs = 120_000;

export interface CriConnection extends AsyncDisposable {
  readonly runtime: RuntimeService;
  readonly images: ImageService;
}

export interface CriConnectionOptions {
  /** Socket of the runtime service. */
  readonly runtimeEndpoint: string;
  /** Socket of the image service; default: the runtime's. */
  readonly imageEndpoint?: string | undefined;
  /** Wall clock in ms. */
  readonly now: () => number;
}

/** Makes no connection yet: the first call does, and every call finds its way back after the runtime restarted. */
export function connectCri(options: CriConnectionOptions): CriConnection {
  const descriptor = loadGrpcDescriptor(descriptorJson, { int64: "number" });
  const connection = new GrpcConnection(options.runtimeEndpoint, options.now);
  const sameSocket = options.imageEndpoint === undefined || options.imageEndpoint === options.runtimeEndpoint;
  const imageConnection = sameSocket ? connection : new GrpcConnection(options.imageEndpoint ?? "", options.now);
  const runtimeMethods = descriptor.service("runtime.v1.RuntimeService");
  const imageMethods = descriptor.service("runtime.v1.ImageService");
  return {
    runtime: createRuntimeService(
      connection,
      (name, request, call) => connection.call(runtimeMethods, name, request, { timeoutMs: callTimeoutMs, ...call }),
      (signal) => connection.stream<ContainerEventResponse>(runtimeMethods, "GetContainerEvents", {}, signal),
    ),
    images: createImageService((name, request, call) =>
      imageConnection.call(imageMethods, name, request, { timeoutMs: callTimeoutMs, ...call }),
    ),
    async [Symbol.asyncDispose]() {
      await connection[Symbol.asyncDispose]();
      if (!sameSocket) await imageConnection[Symbol.asyncDispose]();
    },
  };
}

type Call = <Answer>(name: string, request: object, options?: CallOptions) => Promise<Answer>;
type CriEvents = (signal: AbortSignal) => AsyncIterable<ContainerEventResponse>;

function createRuntimeService(connection: GrpcConnection, call: Call, criEvents: CriEvents): RuntimeService {
  return {
    ...sandboxCalls(call),
    ...containerCalls(call),
    ...accessCalls(call),
    ...infoCalls(connection, call, criEvents),
  };
}

function sandboxCalls(
  call: Call,
): Pick<
  RuntimeService,
  "runPodSandbox" | "stopPodSandbox" | "removePodSandbox" | "podSandboxStatus" | "listPodSandbox"
> {
  return {
    async runPodSandbox(config, handler, signal) {
      const about = `pod ${config.metadata?.namespace}/${config.metadata?.name}`;
      const options = { about, signal, timeoutMs: 2 * callTimeoutMs };
      const { podSandboxId } = await call<RunPodSandboxResponse>(
        "RunPodSandbox",
        { config, runtimeHandler: handler },
        options,
      );
      return podSandboxId;
    },
    stopPodSandbox: (id) => ignoreNotFound(call("StopPodSandbox", { podSandboxId: id }, { about: `sandbox ${id}` })),
    removePodSandbox: (id) =>
      ignoreNotFound(call("RemovePodSandbox", { podSandboxId: id }, { about: `sandbox ${id}` })),
    async podSandboxStatus(id) {
      const about = `sandbox ${id}`;
      const answer = await call<PodSandboxStatusResponse>("PodSandboxStatus", { podSandboxId: id }, { about });
      return required(answer.status, "PodSandboxStatus");
    },
    async listPodSandbox(filter) {
      return (await call<ListPodSandboxResponse>("ListPodSandbox", { filter })).items;
    },
  };
}

function containerCalls(
  call: Call,
): Pick<
  RuntimeService,
  | "createContainer"
  | "startContainer"
  | "stopContainer"
  | "removeContainer"
  | "listContainers"
  | "containerStatus"
  | "updateContainerResources"
> {
  return {
    async createContainer(sandboxId, config, sandboxConfig) {
      const about = `container ${config.metadata?.name} in sandbox ${sandboxId}`;
      const request = { podSandboxId: sandboxId, config, sandboxConfig };
      return (await call<CreateContainerResponse>("CreateContainer", request, { about })).containerId;
    },
    async startContainer(id) {
      await call("StartContainer", { containerId: id }, { about: `container ${id}` });
    },
    stopContainer: (id, graceSeconds) =>
      ignoreNotFound(
        call(
          "StopContainer",
          { containerId: id, timeout: graceSeconds },
          {
            about: `container ${id}`,
            timeoutMs: callTimeoutMs + graceSeconds * 1000,
          },
        ),
      ),
    removeContainer: (id) => ignoreNotFound(call("RemoveContainer", { containerId: id }, { about: `container ${id}` })),
    async listContainers(filter) {
      return (await call<ListContainersResponse>("ListContainers", { filter })).containers;
    },
    async containerStatus(id) {
      const answer = await call<ContainerStatusResponse>(
        "ContainerStatus",
        { containerId: id },
        { about: `container ${id}` },
      );
      return required(answer.status, "ContainerStatus");
    },
    async updateContainerResources(id, linux) {
      await call("UpdateContainerResources", { containerId: id, linux }, { about: `container ${id}` });
    },
  };
}

function accessCalls(
  call: Call,
): Pick<RuntimeService, "execSync" | "exec" | "attach" | "portForward" | "reopenContainerLog"> {
  return {
    async execSync(id, command, timeoutSeconds) {
      // The runtime ends the command; the call gets a little longer, so that its answer arrives.
      const timeoutMs = timeoutSeconds > 0 ? timeoutSeconds * 1000 + callTimeoutMs : undefined;
      const request = { containerId: id, cmd: command, timeout: timeoutSeconds };
      const answer = await call<ExecSyncResponse>("ExecSync", request, { about: `container ${id}`, timeoutMs });
      return { exitCode: answer.exitCode, stdout: answer.stdout, stderr: answer.stderr };
    },
    exec: async (request) =>
      (await call<ExecResponse>("Exec", request, { about: `container ${request.containerId}` })).url,
    attach: async (request) =>
      (await call<AttachResponse>("Attach", request, { about: `container ${request.containerId}` })).url,
    portForward: async (sandboxId, ports) =>
      (
        await call<PortForwardResponse>(
          "PortForward",
          { podSandboxId: sandboxId, port: ports },
          { about: `sandbox ${sandboxId}` },
        )
      ).url,
    async reopenContainerLog(id) {
      await call("ReopenContainerLog", { containerId: id }, { about: `container ${id}` });
    },
  };
}

function infoCalls(
  connection: GrpcConnection,
  call: Call,
  criEvents: CriEvents,
): Pick<RuntimeService, "version" | "status" | "updateRuntimeConfig" | "cgroupDriver" | "containerEvents"> {
  return {
    version: () => call<VersionResponse>("Version", { version: "v1" }),
    status: (verbose) => call<StatusResponse>("Status", { verbose }),
    async updateRuntimeConfig(podCidr) {
      await call("UpdateRuntimeConfig", { runtimeConfig: { networkConfig: { podCidr } } });
    },
    async cgroupDriver() {
      const answer = await call<RuntimeConfigResponse>("RuntimeConfig", {});
      return answer.linux?.cgroupDriver === "CGROUPFS" ? "cgroupfs" : "systemd";
    },
    async *containerEvents(signal) {
      try {
        for await (const event of criEvents(signal)) {
          yield { containerId: event.containerId, kind: eventKind(event.containerEventType) };
        }
      } catch (error) {
        if (!hasCode(error, "Unsupported")) throw error;
        yield* containerdEvents(connection, signal);
      }
    },
  };
}

function createImageService(call: Call): ImageService {
  return {
    listImages: async () => (await call<ListImagesResponse>("ListImages", {})).images,
    async imageStatus(image) {
      const answer = await call<ImageStatusResponse>("ImageStatus", { image }, { about: `image ${image.image}` });
      return answer.image ?? undefined;
    },
    async pullImage(image, auth, sandboxConfig, signal) {
      const options = { about: `image ${image.image}`, timeoutMs: undefined, signal };
      return (await call<PullImageResponse>("PullImage", { image, auth, sandboxConfig }, options)).imageRef;
    },
    removeImage: (image) => ignoreNotFound(call("RemoveImage", { image }, { about: `image ${image.image}` })),
    imageFsInfo: async () => (await call<ImageFsInfoResponse>("ImageFsInfo", {})).imageFilesystems,
  };
}

function eventKind(type: ContainerEventType): ContainerEvent["kind"] {
  switch (type) {
    case "CONTAINER_CREATED_EVENT":
      return "created";
    case "CONTAINER_STARTED_EVENT":
      return "started";
    case "CONTAINER_STOPPED_EVENT":
      return "stopped";
    case "CONTAINER_DELETED_EVENT":
      return "deleted";
    default:
      return assertNever(type, "container event");
  }
}

async function ignoreNotFound(action: Promise<unknown>): Promise<void> {
  try {
    await action;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

function required<T>(value: T | null, name: string): T {
  if (value === null) throw new TypeError(`the runtime answered ${name} without a status`);
  return value;
}
