/**
 * Where the cgroups of pods are: `<root>/kubepods[/burstable|/besteffort]/pod<uid>[/<container id>]` (the cgroupfs driver's
 * names). On v1 the same path exists under each controller's own mount.
 */
import type { QosClass } from "#pkg/api/pod-resources.ts";

/** A path below the hierarchy's mount point, with a leading slash: "/kubepods/burstable/pod1234". */
export type CgroupPath = `/${string}`;

export const tiers = ["burstable", "besteffort"] as const;

/** The root of all pods. `parent` "" or "/berth-a": several agents on one machine each take a subtree. */
export function kubepodsPath(parent: string): CgroupPath {
  return `${trimSlashes(parent)}/kubepods` as CgroupPath;
}

export function tierPath(parent: string, qos: QosClass): CgroupPath {
  const root = kubepodsPath(parent);
  // Guaranteed pods are directly below the root.
  return qos === "Guaranteed" ? root : `${root}/${qos.toLowerCase()}`;
}

export function podPath(parent: string, qos: QosClass, uid: string): CgroupPath {
  return `${tierPath(parent, qos)}/pod${uid}`;
}

/** The pod's UID in the last part of a pod cgroup's path. */
export function podUidOfName(name: string): string | undefined {
  return /^pod([0-9a-zA-Z-]+)$/.exec(name)?.[1];
}

function trimSlashes(parent: string): string {
  const trimmed = parent.replace(/^\/+|\/+$/g, "");
  return trimmed === "" ? "" : `/${trimmed}`;
}
