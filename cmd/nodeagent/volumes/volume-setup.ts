/** Makes one volume present and up to date; each kind in its own way. Idempotent. */
import type { Pod, ProjectedVolumeSource, Volume } from "#pkg/api/core/v1.ts";
import { podLimits } from "#pkg/api/pod-resources.ts";
import { parseQuantity } from "#pkg/api/quantity.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { assertNever, BerthError } from "#pkg/system/errors.ts";
import type { Mounts } from "#pkg/system/mounts.ts";
import type { Random } from "#pkg/system/random.ts";
import type { TreeFiles } from "#pkg/system/tree-files.ts";
import type { ConfigReader } from "../environment/config-reader.ts";
import type { AllocatableAmounts } from "../environment/pod-field.ts";
import type { AgentFolders } from "../pods/pod-folders.ts";
import type { AccountTokens } from "./account-tokens.ts";
import { writePayload } from "./atomic-writer.ts";
import { ensureHostPath } from "./host-path.ts";
import { commonUser, configMapPayload, downwardPayload, type Payload, secretPayload, withGroup } from "./payload.ts";
import { applyGroup } from "./volume-group.ts";
import { volumeKind, volumePath } from "./volume-kind.ts";

export interface VolumeSetupPorts {
  readonly tree: TreeFiles;
  readonly mounts: Mounts;
  readonly config: ConfigReader;
  readonly tokens: Pick<AccountTokens, "get">;
  readonly folders: AgentFolders;
  readonly allocatable: () => AllocatableAmounts;
  readonly clock: Clock;
  readonly random: Random;
}

export async function setUpVolume(
  pod: Pod,
  volume: Volume,
  ports: VolumeSetupPorts,
  signal: AbortSignal,
): Promise<void> {
  const kind = volumeKind(volume);
  switch (kind) {
    case "hostPath":
      if (volume.hostPath) await ensureHostPath(volume.hostPath, ports.tree);
      return;
    case "emptyDir":
      return await setUpEmptyDir(pod, volume, ports);
    case "configMap":
    case "secret":
    case "downwardAPI":
    case "projected":
      return await setUpFiles(pod, volume, kind !== "configMap", ports, signal);
    default:
      assertNever(kind);
  }
}

async function setUpEmptyDir(pod: Pod, volume: Volume, ports: VolumeSetupPorts): Promise<void> {
  const { tree, mounts, folders } = ports;
  const folder = volumePath(folders, pod.metadata.uid ?? "", volume);
  const medium = volume.emptyDir?.medium ?? "";
  if (medium !== "" && medium !== "Memory") {
    throw new BerthError("Unsupported", `emptyDir of medium "${medium}" is not supported yet`);
  }
  const isNew = (await tree.look(folder)) === undefined;
  await tree.makeFolder(folder, 0o777);
  const isMounted = medium === "Memory" && (await mounts.below(folder)).some(({ target }) => target === folder);
  if (medium === "Memory" && !isMounted) {
    await mounts.mountTmpfs(folder, { sizeBytes: memorySize(pod, volume, ports.allocatable()) });
  }
  const { fsGroup, fsGroupChangePolicy } = pod.spec.securityContext ?? {};
  if (fsGroup === undefined || (!isNew && (medium !== "Memory" || isMounted))) return;
  await applyGroup(folder, fsGroup, fsGroupChangePolicy ?? "Always", tree);
}

/** The least of the node's memory, the pod's limit and the volume's own; undefined when none is known. */
export function memorySize(pod: Pod, volume: Volume, allocatable: AllocatableAmounts): number | undefined {
  const limit = hasMemoryLimit(pod) ? podLimits(pod).get("memory")?.toString() : undefined;
  const bounds = [allocatable["memory"], limit, volume.emptyDir?.sizeLimit].flatMap((text) =>
    text === undefined ? [] : parseQuantity(text).toBytes(),
  );
  const given = bounds.filter((bytes) => bytes > 0);
  return given.length === 0 ? undefined : Math.min(...given);
}

/** The sum of the limits bounds the pod only when every container has one. */
function hasMemoryLimit(pod: Pod): boolean {
  if (pod.spec.resources?.limits?.["memory"] !== undefined) return true;
  return pod.spec.containers.every(({ resources }) => resources?.limits?.["memory"] !== undefined);
}

async function setUpFiles(
  pod: Pod,
  volume: Volume,
  inMemory: boolean,
  ports: VolumeSetupPorts,
  signal: AbortSignal,
): Promise<void> {
  const folder = volumePath(ports.folders, pod.metadata.uid ?? "", volume);
  // Before anything is made: a volume that cannot be filled leaves nothing behind.
  const payload = await readPayload(pod, volume, ports, signal);
  await ports.tree.makeFolder(folder, 0o777);
  if (inMemory) await ports.mounts.mountTmpfs(folder);
  const group = pod.spec.securityContext?.fsGroup;
  await writePayload(folder, withGroup(payload, group), group, ports);
}

async function readPayload(
  pod: Pod,
  { configMap, secret, downwardAPI, projected }: Volume,
  ports: VolumeSetupPorts,
  signal: AbortSignal,
): Promise<Payload> {
  const { config, allocatable } = ports;
  const namespace = pod.metadata.namespace ?? "";
  if (configMap) {
    const { name = "" } = configMap;
    return configMapPayload(name, await config.configMap(namespace, name), configMap);
  }
  if (secret) {
    const { secretName = "" } = secret;
    return secretPayload(secretName, await config.secret(namespace, secretName), secret);
  }
  if (downwardAPI) return downwardPayload(pod, downwardAPI.items ?? [], downwardAPI.defaultMode, allocatable());
  return await readProjected(pod, projected ?? {}, ports, signal);
}

/** The sources one after the other; a later one wins where two want the same path. */
async function readProjected(
  pod: Pod,
  { sources = [], defaultMode }: ProjectedVolumeSource,
  ports: VolumeSetupPorts,
  signal: AbortSignal,
): Promise<Payload> {
  const { config, tokens, allocatable } = ports;
  const namespace = pod.metadata.namespace ?? "";
  const files = new Map<string, Payload extends ReadonlyMap<string, infer F> ? F : never>();
  const add = (payload: Payload): void => {
    for (const [path, file] of payload) files.set(path, file);
  };
  for (const source of sources) {
    if (source.configMap) {
      const { name = "" } = source.configMap;
      add(configMapPayload(name, await config.configMap(namespace, name), { ...source.configMap, defaultMode }));
    } else if (source.secret) {
      const { name = "" } = source.secret;
      add(secretPayload(name, await config.secret(namespace, name), { ...source.secret, defaultMode }));
    } else if (source.downwardAPI) {
      add(downwardPayload(pod, source.downwardAPI.items ?? [], defaultMode, allocatable()));
    } else if (source.serviceAccountToken) {
      const content = Buffer.from(await tokens.get(pod, source.serviceAccountToken, signal));
      const uid = commonUser(pod);
      const isOwned = uid !== undefined || pod.spec.securityContext?.fsGroup !== undefined;
      const mode = isOwned ? 0o600 : (defaultMode ?? 0o644);
      files.set(source.serviceAccountToken.path, { content, mode, ...(uid === undefined ? {} : { uid }) });
    } else {
      const [what = "nothing"] = Object.keys(source);
      throw new BerthError("Unsupported", `projected sources of type ${what} are not supported yet`);
    }
  }
  return files;
}
