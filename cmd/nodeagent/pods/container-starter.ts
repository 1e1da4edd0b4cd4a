/**
 * Starts one container: image, environment, mounts, create, start, postStart. Each step that fails has its own name in the
 * container's status.
 * Source: kubelet startContainer (v1.36).
 */
import type { EphemeralContainer, Pod } from "#pkg/api/core/v1.ts";
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import type { PodSandboxConfig } from "#pkg/cri/generated/cri.ts";
import type { ContainerRuntime } from "#pkg/cri/runtime-service.ts";
import { isAborted, messageOf } from "#pkg/system/errors.ts";
import type { Files } from "#pkg/system/files.ts";
import type { ScratchFiles } from "#pkg/system/scratch-files.ts";
import { fieldPathOf, type ImagePuller, type PresentImage } from "../images/image-puller.ts";
import { buildContainerConfig, defaultMessagePath } from "./build-container-config.ts";
import type { ResourceSettings } from "./container-resources.ts";
import { type HookPorts, runHook } from "./lifecycle-hooks.ts";
import { newestContainer, type ObservedPod } from "./observed-pod.ts";
import { type AgentFolders, podIdentity, podLogFolder, terminationMessageFile } from "./pod-folders.ts";
import type { PodKiller } from "./pod-killer.ts";
import type { AnyContainer, CriMount, EventSink, PodAddresses, PodEnvironment, PodVolumes } from "./ports.ts";
import type { RuntimeReader } from "./runtime-reader.ts";
import { checkNonRoot } from "./security-context.ts";
import { StartFailure } from "./start-failure.ts";

export interface ContainerStarterOptions extends HookPorts {
  readonly runtime: HookPorts["runtime"] & Pick<ContainerRuntime, "createContainer" | "startContainer">;
  readonly reader: RuntimeReader;
  readonly images: ImagePuller;
  readonly volumes: Pick<PodVolumes, "mounts">;
  readonly environment: Pick<PodEnvironment, "variables" | "expand" | "hostsMount">;
  readonly killer: PodKiller;
  readonly events: EventSink;
  readonly files: Pick<Files, "makeFolder">;
  readonly scratch: Pick<ScratchFiles, "makeEmpty">;
  readonly folders: AgentFolders;
  readonly resources: () => ResourceSettings;
}

export interface StartRequest {
  readonly pod: Pod;
  readonly container: AnyContainer;
  readonly observed: ObservedPod;
  readonly sandboxId: string;
  readonly sandboxConfig: MessageInput<PodSandboxConfig>;
  readonly addresses: PodAddresses;
  /** Restarts the API knows of: what is left when the runtime has forgotten the runs before. */
  readonly knownRestarts: number | undefined;
}

export class ContainerStarter {
  readonly #options: ContainerStarterOptions;

  constructor(options: ContainerStarterOptions) {
    this.#options = options;
  }

  /** Resolves when the container runs and its postStart hook is done. Throws StartFailure, or "Aborted". */
  async start(request: StartRequest, signal: AbortSignal): Promise<void> {
    const { pod, container } = request;
    const { runtime, images, reader } = this.#options;
    const image = await images.ensure(pod, container, request.sandboxConfig, signal);
    const config = await this.#step(request, "CreateContainerConfigError", () => this.#configure(request, image));
    const id = await this.#step(request, "CreateContainerError", () =>
      runtime.createContainer(request.sandboxId, config, request.sandboxConfig),
    );
    reader.noteOwner(id, pod.metadata.uid ?? "");
    this.#record(request, "Normal", "Created", "Container created");
    await this.#step(request, "RunContainerError", () => runtime.startContainer(id));
    this.#record(request, "Normal", "Started", "Container started");
    await this.#postStart(request, id, signal);
  }

  async #configure(request: StartRequest, image: PresentImage) {
    const { pod, container, addresses } = request;
    const { environment, volumes, folders } = this.#options;
    const imageUser = { uid: image.uid, username: image.username };
    checkNonRoot(pod, container, imageUser);
    const restartCount = nextRestartCount(request);
    const variables = await environment.variables(pod, container, addresses);
    const mounts = [
      ...(await volumes.mounts(pod, container, variables)),
      ...toList(await environment.hostsMount(pod, container, addresses)),
      await this.#messageMount(pod, container, restartCount),
    ];
    return buildContainerConfig({
      pod,
      container,
      imageRef: image.ref,
      imageUser,
      restartCount,
      command: environment.expand(container.command, variables),
      args: environment.expand(container.args, variables),
      variables,
      mounts,
      resources: this.#options.resources(),
      seccompFolder: `${folders.root}/seccomp`,
      targetContainerId: findTarget(request),
    });
  }

  /** The runtime makes no folders for logs, and mounts only what exists. */
  async #messageMount(pod: Pod, container: AnyContainer, restartCount: number): Promise<CriMount> {
    const { files, folders } = this.#options;
    const file = terminationMessageFile(folders, pod.metadata.uid ?? "", container.name, String(restartCount));
    await this.#options.scratch.makeEmpty(file, 0o666);
    await files.makeFolder(`${podLogFolder(folders, podIdentity(pod))}/${container.name}`, 0o755);
    return { containerPath: container.terminationMessagePath ?? defaultMessagePath, hostPath: file };
  }

  async #postStart(request: StartRequest, containerId: string, signal: AbortSignal): Promise<void> {
    const { pod, container, addresses } = request;
    const handler = container.lifecycle?.postStart;
    if (!handler) return;
    try {
      const call = { handler, container, containerId, podIp: addresses.podIps[0] ?? "", timeoutSeconds: 0 };
      await runHook(this.#options, call, signal);
    } catch (error) {
      if (isAborted(error)) throw error;
      const message = `PostStartHook failed: ${messageOf(error)}`;
      this.#record(request, "Warning", "FailedPostStartHook", message);
      const observed = await this.#options.reader.observe(podIdentity(pod));
      const started = observed.containers.find(({ id }) => id === containerId);
      if (started)
        await this.#options.killer.killContainer({
          pod,
          container: started,
          reason: "podEnding",
          message: "FailedPostStartHook",
          podIp: addresses.podIps[0] ?? "",
        });
      throw new StartFailure("PostStartHookError", message, { cause: error });
    }
  }

  async #step<T>(request: StartRequest, reason: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (isAborted(error)) throw error;
      this.#record(request, "Warning", "Failed", `Error: ${messageOf(error)}`);
      throw new StartFailure(reason, messageOf(error), { cause: error });
    }
  }

  #record({ pod, container }: StartRequest, type: "Normal" | "Warning", reason: string, message: string): void {
    this.#options.events.record(pod, type, reason, message, fieldPathOf(pod, container));
  }
}

function nextRestartCount({ container, observed, knownRestarts }: StartRequest): number {
  const newest = newestContainer(observed, container.name);
  if (newest) return newest.restartCount + 1;
  return knownRestarts ?? 0;
}

/** An ephemeral container may share the processes of another one. */
function findTarget({ container, observed }: StartRequest): string | undefined {
  const name = (container as EphemeralContainer).targetContainerName;
  if (!name) return undefined;
  const target = newestContainer(observed, name);
  if (target?.state !== "running")
    throw new StartFailure("CreateContainerConfigError", `unable to find target container ${name}`);
  return target.id;
}

function toList<T>(item: T | undefined): readonly T[] {
  return item === undefined ? [] : [item];
}
