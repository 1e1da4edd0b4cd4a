/**
 * The cgroups of pods: one for each pod below its QoS tier, made before its sandbox and removed after its last container.
 */
import type { Pod } from "#pkg/api/core/v1.ts";
import { type QosClass, qosClass } from "#pkg/api/pod-resources.ts";
import type { CgroupManager } from "#pkg/cgroups/cgroup-manager.ts";
import { type CgroupPath, kubepodsPath, podPath, podUidOfName, tierPath } from "#pkg/cgroups/hierarchy.ts";
import {
  kubepodsCgroupValues,
  type NodeBudget,
  type PodCgroupOptions,
  podCgroupValues,
  tierCgroupValues,
} from "#pkg/cgroups/pod-cgroup.ts";

const classes: readonly QosClass[] = ["Guaranteed", "Burstable", "BestEffort"];

export interface PodCgroupsOptions extends PodCgroupOptions {
  readonly manager: CgroupManager;
  /** "" or "/berth-a". */
  readonly parent: string;
}

export class PodCgroups {
  readonly #options: PodCgroupsOptions;

  constructor(options: PodCgroupsOptions) {
    this.#options = options;
  }

  pathOf(pod: Pod): CgroupPath {
    return podPath(this.#options.parent, qosClass(pod), pod.metadata.uid ?? "");
  }

  /** The root of all pods and its tiers; what all pods together may use. */
  async ensureRoot(capacity: NodeBudget, reserved: NodeBudget, isEnforced: boolean): Promise<void> {
    const { manager, parent } = this.#options;
    await manager.ensure(kubepodsPath(parent), isEnforced ? kubepodsCgroupValues(capacity, reserved) : {});
    await this.updateTiers([]);
  }

  /** What the tiers weigh follows from the pods that run. */
  async updateTiers(pods: readonly Pod[]): Promise<void> {
    const { manager, parent } = this.#options;
    const values = tierCgroupValues(pods);
    await manager.ensure(tierPath(parent, "Burstable"), values.burstable);
    await manager.ensure(tierPath(parent, "BestEffort"), values.besteffort);
  }

  /** Idempotent; returns the path. */
  async ensure(pod: Pod): Promise<CgroupPath> {
    const path = this.pathOf(pod);
    await this.#options.manager.ensure(path, podCgroupValues(pod, this.#options));
    return path;
  }

  async exists(pod: Pod): Promise<boolean> {
    return this.#options.manager.exists(this.pathOf(pod));
  }

  /** Whatever class it was in. Ends what still runs inside. */
  async remove(podUid: string): Promise<void> {
    const { manager, parent } = this.#options;
    for (const qos of classes) {
      const path = podPath(parent, qos, podUid);
      if (await manager.exists(path)) await manager.remove(path);
    }
  }

  /** UIDs of all pods that have a cgroup. */
  async list(): Promise<readonly string[]> {
    const { manager, parent } = this.#options;
    const names = await Promise.all(classes.map((qos) => manager.children(tierPath(parent, qos))));
    return names.flat().flatMap((name) => podUidOfName(name) ?? []);
  }
}
