/**
 * Finds what belongs to no pod any more: sandboxes and containers in the runtime, cgroups, folders. Looks for it after each
 * listing of the runtime, but not before the API has said which pods there are.
 */
import type { Files } from "#pkg/system/files.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { PodCgroups } from "./pod-cgroups.ts";
import type { AgentFolders, PodIdentity } from "./pod-folders.ts";
import type { RuntimePodSummary } from "./runtime-reader.ts";

export interface HousekeepingInput {
  readonly runtimePods: ReadonlyMap<string, RuntimePodSummary>;
  /** UIDs with a cgroup or a folder on this node. */
  readonly localUids: readonly string[];
  readonly isKnown: (podUid: string) => boolean;
}

/** Pods to be ended. Pure. What only a cgroup or a folder tells of has no name any more. */
export function findOrphans({ runtimePods, localUids, isKnown }: HousekeepingInput): readonly PodIdentity[] {
  const orphans = new Map<string, PodIdentity>();
  for (const [uid, { name, namespace }] of runtimePods) if (!isKnown(uid)) orphans.set(uid, { uid, name, namespace });
  for (const uid of localUids)
    if (!isKnown(uid) && !orphans.has(uid)) orphans.set(uid, { uid, name: "", namespace: "" });
  return [...orphans.values()];
}

export interface HousekeeperOptions {
  readonly cgroups: Pick<PodCgroups, "list">;
  readonly files: Pick<Files, "list">;
  readonly folders: AgentFolders;
  readonly log: Logger;
  readonly isKnown: (podUid: string) => boolean;
  /** The API's pods have been seen. */
  readonly isReady: () => boolean;
  readonly endOrphan: (identity: PodIdentity) => void;
}

export class Housekeeper {
  readonly #options: HousekeeperOptions;

  constructor(options: HousekeeperOptions) {
    this.#options = options;
  }

  async tidy(runtimePods: ReadonlyMap<string, RuntimePodSummary>): Promise<void> {
    const { cgroups, isKnown, isReady, endOrphan, log } = this.#options;
    if (!isReady()) return;
    const localUids = [...(await cgroups.list()), ...(await this.#folderUids())];
    for (const orphan of findOrphans({ runtimePods, localUids, isKnown })) {
      log.info("ending a pod that nobody knows", { ...orphan });
      endOrphan(orphan);
    }
  }

  async #folderUids(): Promise<readonly string[]> {
    return await this.#options.files.list(`${this.#options.folders.root}/pods`).catch(() => []);
  }
}
