/** Which kind of volume a pod's volume is, and where it lies on this node. Pure. */
import path from "node:path";
import type { Pod, Volume } from "#pkg/api/core/v1.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { type AgentFolders, podFolder, volumesFolder } from "../pods/pod-folders.ts";
import type { ConfigReference } from "./watched-configs.ts";

export type VolumeKind = "emptyDir" | "hostPath" | "configMap" | "secret" | "downwardAPI" | "projected";

/** Upstream's names of the plugins, with "~" for "/". */
const folderNames: Readonly<Record<Exclude<VolumeKind, "hostPath">, string>> = {
  emptyDir: "kubernetes.io~empty-dir",
  configMap: "kubernetes.io~configmap",
  secret: "kubernetes.io~secret",
  downwardAPI: "kubernetes.io~downward-api",
  projected: "kubernetes.io~projected",
};

/** Throws "Unsupported" for a kind that this agent cannot mount. */
export function volumeKind(volume: Volume): VolumeKind {
  const { name, ...sources } = volume;
  if (sources.hostPath) return "hostPath";
  for (const kind of Object.keys(folderNames) as Exclude<VolumeKind, "hostPath">[]) if (sources[kind]) return kind;
  const [other] = Object.entries(sources).flatMap(([key, value]) => (value === undefined ? [] : key));
  // A volume without a source is an emptyDir.
  if (other === undefined) return "emptyDir";
  throw new BerthError("Unsupported", `volumes of type ${other} are not supported yet`, { details: { volume: name } });
}

/** What is mounted into containers: a folder of ours, or the host's own path. */
export function volumePath(folders: AgentFolders, podUid: string, volume: Volume): string {
  const kind = volumeKind(volume);
  if (kind === "hostPath") return volume.hostPath?.path ?? "";
  return path.join(volumesFolder(folders, podUid), folderNames[kind], volume.name);
}

export function subPathFolder(folders: AgentFolders, podUid: string): string {
  return path.join(podFolder(folders, podUid), "volume-subpaths");
}

/** Volumes made from API objects are never writable: the next update would throw the change away. */
export function isReadOnlyKind(kind: VolumeKind): boolean {
  return kind !== "emptyDir" && kind !== "hostPath";
}

/** The config maps and secrets the pod's volumes are made from. */
export function configReferences(pod: Pod): readonly ConfigReference[] {
  const namespace = pod.metadata.namespace ?? "";
  const refer = (kind: ConfigReference["kind"], name: string | undefined): readonly ConfigReference[] =>
    name ? [{ kind, namespace, name }] : [];
  return (pod.spec.volumes ?? []).flatMap(({ configMap, secret, projected }) => [
    ...refer("configMap", configMap?.name),
    ...refer("secret", secret?.secretName),
    ...(projected?.sources ?? []).flatMap((source) => [
      ...refer("configMap", source.configMap?.name),
      ...refer("secret", source.secret?.name),
    ]),
  ]);
}
