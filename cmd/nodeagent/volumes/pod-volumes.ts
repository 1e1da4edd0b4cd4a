/**
 * All volumes of all pods of this node: made before containers start, kept up to date while the pod is there, unmounted and
 * removed after. Work on one pod is done in turn, whoever asks for it.
 */
import path from "node:path";
import type { Pod } from "#pkg/api/core/v1.ts";
import { type PeriodicSync, startPeriodicSync } from "#pkg/kube/periodic-sync.ts";
import { BerthError, isAborted, messageOf } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import { podFolder, volumesFolder } from "../pods/pod-folders.ts";
import type { AnyContainer, CriMount, EnvironmentVariables, PodVolumes } from "../pods/ports.ts";
import type { AccountTokens } from "./account-tokens.ts";
import { buildContainerMounts } from "./container-mounts.ts";
import { configReferences, isReadOnlyKind, subPathFolder, volumeKind } from "./volume-kind.ts";
import { setUpVolume, type VolumeSetupPorts } from "./volume-setup.ts";
import type { WatchedConfigs } from "./watched-configs.ts";

export interface PodVolumesOptions extends VolumeSetupPorts {
  readonly config: WatchedConfigs;
  readonly tokens: AccountTokens;
  readonly log: Logger;
}

/** How long a change of an object may wait for others, and when everything is looked at anyway (tokens run out). */
const refreshMs = { least: 100, retry: 5_000, most: 60_000 };

export interface AgentVolumes extends PodVolumes, AsyncDisposable {
  /** UIDs of the pods that have volumes on this node, also those of a former run of the agent. */
  podsOnDisk(): Promise<readonly string[]>;
}

export function createPodVolumes(options: PodVolumesOptions): AgentVolumes {
  return new NodeVolumes(options);
}

class NodeVolumes implements AgentVolumes {
  readonly #options: PodVolumesOptions;
  readonly #prepared = new Map<string, Pod>();
  readonly #changed = new Set<string>();
  /** The last piece of work on each pod. */
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #watching: Disposable;
  readonly #refresh: PeriodicSync;
  #lastFull: number;

  constructor(options: PodVolumesOptions) {
    this.#options = options;
    this.#lastFull = options.clock.monotonic();
    this.#watching = options.config.onChange((podUids) => {
      for (const uid of podUids) this.#changed.add(uid);
      this.#refresh.trigger();
    });
    this.#refresh = startPeriodicSync({
      name: "volumes",
      sync: (signal) => this.#refreshChanged(signal),
      minMs: refreshMs.least,
      retryMs: refreshMs.retry,
      maxMs: refreshMs.most,
      clock: options.clock,
      log: options.log,
    });
  }

  async prepare(pod: Pod, signal: AbortSignal): Promise<void> {
    const uid = pod.metadata.uid ?? "";
    await this.#inTurn(uid, async () => {
      this.#options.config.hold(uid, configReferences(pod));
      this.#prepared.set(uid, pod);
      for (const volume of pod.spec.volumes ?? []) await this.#setUp(pod, volume.name, signal);
    });
  }

  async mounts(pod: Pod, container: AnyContainer, env: EnvironmentVariables): Promise<readonly CriMount[]> {
    return await this.#inTurn(pod.metadata.uid ?? "", () => buildContainerMounts(pod, container, env, this.#options));
  }

  async remove(podUid: string): Promise<void> {
    if (podUid === "" || podUid.includes("/") || podUid.startsWith(".")) {
      throw new BerthError("Invalid", `"${podUid}" is no UID of a pod`);
    }
    const { config, tokens } = this.#options;
    this.#prepared.delete(podUid);
    this.#changed.delete(podUid);
    config.hold(podUid, []);
    tokens.forget(podUid);
    await this.#inTurn(podUid, () => this.#removeAll(podUid));
    this.#turns.delete(podUid);
  }

  async podsOnDisk(): Promise<readonly string[]> {
    const { tree, folders } = this.#options;
    return await tree.list(path.join(folders.root, "pods"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watching[Symbol.dispose]();
    await this.#refresh[Symbol.asyncDispose]();
    await Promise.allSettled(this.#turns.values());
  }

  async #setUp(pod: Pod, name: string, signal: AbortSignal): Promise<void> {
    const volume = pod.spec.volumes?.find((one) => one.name === name);
    if (!volume) return;
    try {
      await setUpVolume(pod, volume, this.#options, signal);
    } catch (error) {
      if (isAborted(error)) throw error;
      const message = `MountVolume.SetUp failed for volume "${name}" : ${messageOf(error)}`;
      throw new BerthError(BerthError.from(error).code, message, { cause: error });
    }
  }

  /** Containers run already: only what comes from the API is looked at, and a failure leaves the files as they are. */
  async #refreshChanged(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const isFull = clock.monotonic() - this.#lastFull >= refreshMs.most;
    if (isFull) this.#lastFull = clock.monotonic();
    const due = isFull ? [...this.#prepared.keys()] : [...this.#changed];
    this.#changed.clear();
    for (const uid of due) {
      await this.#inTurn(uid, async () => {
        const pod = this.#prepared.get(uid);
        for (const volume of pod?.spec.volumes ?? []) {
          if (!pod || !isReadOnlyKind(volumeKind(volume))) continue;
          await this.#setUp(pod, volume.name, signal);
        }
      }).catch((error: unknown) => {
        if (!isAborted(error)) log.warn("volumes could not be brought up to date", { pod: uid, error });
      });
    }
  }

  /** What is mounted comes off first, innermost first; while anything is mounted nothing is removed. */
  async #removeAll(podUid: string): Promise<void> {
    const { mounts, tree, folders } = this.#options;
    const pod = podFolder(folders, podUid);
    for (const { target } of await mounts.below(pod)) await mounts.unmount(target);
    const [left] = await mounts.below(pod);
    if (left) throw new BerthError("Conflict", `${left.target} is still mounted; nothing of the pod was removed`);
    await tree.remove(subPathFolder(folders, podUid));
    await tree.remove(volumesFolder(folders, podUid));
  }

  async #inTurn<T>(podUid: string, action: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(podUid) ?? Promise.resolve();
    const work = before.then(action, action);
    this.#turns.set(podUid, work);
    try {
      return await work;
    } finally {
      if (this.#turns.get(podUid) === work) this.#turns.delete(podUid);
    }
  }
}
