/**
 * The end of a pod on this node: containers, sandbox, volumes, cgroup, folders; and its last status. Every step can be done
 * again, so that an agent that was interrupted begins at the start.
 */
import type { Pod } from "#pkg/api/core/v1.ts";
import type { ContainerRuntime, SandboxRuntime } from "#pkg/cri/runtime-service.ts";
import type { Files } from "#pkg/system/files.ts";
import type { ObservedPod } from "./observed-pod.ts";
import type { PodCgroups } from "./pod-cgroups.ts";
import { type AgentFolders, type PodIdentity, podFolder, podLogFolder } from "./pod-folders.ts";
import type { PodKiller } from "./pod-killer.ts";
import type { PodReporter } from "./pod-reporter.ts";
import type { PodVerdict } from "./pod-worker.ts";
import type { PodVolumes, ProbeManager } from "./ports.ts";
import type { RuntimeReader } from "./runtime-reader.ts";

export interface PodTerminatorOptions {
  readonly runtime: Pick<SandboxRuntime, "stopPodSandbox" | "removePodSandbox"> &
    Pick<ContainerRuntime, "removeContainer">;
  readonly reader: RuntimeReader;
  readonly killer: PodKiller;
  readonly reporter: PodReporter;
  readonly probes: Pick<ProbeManager, "removePod">;
  readonly volumes: Pick<PodVolumes, "remove">;
  readonly cgroups: PodCgroups;
  readonly files: Files;
  readonly folders: AgentFolders;
}

export class PodTerminator {
  readonly #options: PodTerminatorOptions;

  constructor(options: PodTerminatorOptions) {
    this.#options = options;
  }

  /** Resolves when nothing of the pod runs any more. `graceSeconds` takes the place of the containers' own grace periods. */
  async stopContainers(
    identity: PodIdentity,
    pod: Pod | undefined,
    verdict: PodVerdict | undefined,
    graceSeconds: number | undefined,
  ): Promise<void> {
    const { reader, killer, runtime } = this.#options;
    const observed = await reader.observe(identity);
    this.#report(pod, observed, verdict);
    await killer.killPod(pod, observed, "", graceSeconds);
    for (const { id } of observed.sandboxes) await runtime.stopPodSandbox(id);
  }

  /** The status as it is now, in the middle of ending. */
  async report(identity: PodIdentity, pod: Pod | undefined, verdict: PodVerdict | undefined): Promise<void> {
    this.#report(pod, await this.#options.reader.observe(identity), verdict);
  }

  /** After stopContainers: takes away all but the status and, for a pod that stays in the API, its logs. */
  async clean(identity: PodIdentity, pod: Pod | undefined, verdict: PodVerdict | undefined): Promise<void> {
    const { reader, probes, volumes, cgroups, runtime, files, folders } = this.#options;
    const observed = await reader.observe(identity);
    this.#report(pod, observed, verdict);
    probes.removePod(identity.uid);
    await volumes.remove(identity.uid);
    await cgroups.remove(identity.uid);
    const staysInApi = pod !== undefined && pod.metadata.deletionTimestamp === undefined;
    // Its containers are kept for their logs until the pod is deleted.
    if (staysInApi) return;
    for (const { id } of observed.containers) await runtime.removeContainer(id);
    for (const { id } of observed.sandboxes) await runtime.removePodSandbox(id);
    await files.remove(podFolder(folders, identity.uid));
    await files.remove(podLogFolder(folders, identity));
  }

  #report(pod: Pod | undefined, observed: ObservedPod, verdict: PodVerdict | undefined): void {
    if (pod) this.#options.reporter.report(pod, observed, { isEnding: true, verdict });
  }
}
