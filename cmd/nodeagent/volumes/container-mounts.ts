/**
 * The mounts of one container from its volumeMounts. A subPath is opened step by step and bound to a place of our own, so
 * that the container's processes cannot exchange it for a link into the host meanwhile.
 * Source: kubelet makeMounts, volume/util/subpath (v1.36).
 */
import path from "node:path";
import type { MountPropagationMode, Pod, Volume, VolumeMount } from "#pkg/api/core/v1.ts";
import type { MountPropagation } from "#pkg/cri/generated/cri.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { Mounts } from "#pkg/system/mounts.ts";
import type { TreeFiles } from "#pkg/system/tree-files.ts";
import { expandVariables, unknownVariables } from "../environment/expand-variables.ts";
import type { AgentFolders } from "../pods/pod-folders.ts";
import type { AnyContainer, CriMount, EnvironmentVariables } from "../pods/ports.ts";
import { isReadOnlyKind, subPathFolder, volumeKind, volumePath } from "./volume-kind.ts";

export interface ContainerMountsPorts {
  readonly tree: TreeFiles;
  readonly mounts: Mounts;
  readonly folders: AgentFolders;
}

const propagations: Readonly<Record<MountPropagationMode, MountPropagation>> = {
  None: "PROPAGATION_PRIVATE",
  HostToContainer: "PROPAGATION_HOST_TO_CONTAINER",
  Bidirectional: "PROPAGATION_BIDIRECTIONAL",
};

/** Throws "NotFound" for a volume the pod does not have, "Invalid" for a subPath that leaves its volume. */
export async function buildContainerMounts(
  pod: Pod,
  container: AnyContainer,
  env: EnvironmentVariables,
  ports: ContainerMountsPorts,
): Promise<readonly CriMount[]> {
  const mounts: CriMount[] = [];
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const volume = pod.spec.volumes?.find(({ name }) => name === mount.name);
    if (!volume) throw new BerthError("NotFound", `volume "${mount.name}" of container "${container.name}" not found`);
    mounts.push({
      containerPath: path.posix.resolve("/", mount.mountPath),
      hostPath: await sourceOf({ pod, container, volume, mount, index, env }, ports),
      readonly: (mount.readOnly ?? false) || isReadOnlyKind(volumeKind(volume)),
      propagation: propagations[mount.mountPropagation ?? "None"],
      ...recursiveReadOnly(mount),
    });
  }
  return mounts;
}

interface MountRequest {
  readonly pod: Pod;
  readonly container: AnyContainer;
  readonly volume: Volume;
  readonly mount: VolumeMount;
  /** Place in the container's list: it names the bind mount. */
  readonly index: number;
  readonly env: EnvironmentVariables;
}

async function sourceOf(request: MountRequest, ports: ContainerMountsPorts): Promise<string> {
  const { pod, volume, mount, env } = request;
  const whole = volumePath(ports.folders, pod.metadata.uid ?? "", volume);
  const subPath = mount.subPathExpr ? expandSubPath(mount.subPathExpr, env) : (mount.subPath ?? "");
  if (subPath === "") return whole;
  return await bindSubPath(request, whole, subPath, ports);
}

/** Throws "Invalid" when the expression names a variable the container does not have. */
export function expandSubPath(expression: string, env: EnvironmentVariables): string {
  const values = new Map(env.map(({ name, value }) => [name, value]));
  const lookup = (name: string): string | undefined => values.get(name);
  const [unknown] = unknownVariables(expression, lookup);
  if (unknown !== undefined) {
    throw new BerthError("Invalid", `failed to expand subPath "${expression}": there is no variable "${unknown}"`);
  }
  return expandVariables(expression, lookup);
}

async function bindSubPath(
  { pod, container, volume, index }: MountRequest,
  whole: string,
  subPath: string,
  { tree, mounts, folders }: ContainerMountsPorts,
): Promise<string> {
  const target = path.join(subPathFolder(folders, pod.metadata.uid ?? ""), volume.name, container.name, String(index));
  const base = await tree.lookThrough(whole);
  if (!base) throw new BerthError("NotFound", `volume "${volume.name}" is not mounted`);
  await using source = await tree.openBelow(whole, subPath, base.mode);
  // The mount of the run before may lead to what is there no longer.
  await mounts.unmount(target);
  await tree.remove(target);
  await tree.makeFolder(path.dirname(target), 0o750);
  if (source.kind === "folder") await tree.makeFolder(target, 0o750);
  else await tree.writeFile(target, new Uint8Array(), 0o640);
  await mounts.bind(source.path, target);
  return target;
}

function recursiveReadOnly({ recursiveReadOnly = "Disabled" }: VolumeMount): { readonly recursiveReadOnly?: true } {
  // Without a word from the runtime that it can, "if possible" means no.
  if (recursiveReadOnly !== "Enabled") return {};
  throw new BerthError("Unsupported", "recursiveReadOnly Enabled is not supported yet; use IfPossible or Disabled");
}
