/**
 * What files a volume made from API objects holds. Pure.
 * Source: kubelet volume plugins configmap, secret, downwardapi, projected (v1.36).
 */
import type { ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, Secret } from "#pkg/api/core/v1.ts";
import { BerthError } from "#pkg/system/errors.ts";
import {
  type AllocatableAmounts,
  findContainerOf,
  readContainerResource,
  readPodField,
} from "../environment/pod-field.ts";

export interface PayloadFile {
  readonly content: Uint8Array;
  readonly mode: number;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** By path below the volume, with "/" between its parts. */
export type Payload = ReadonlyMap<string, PayloadFile>;

export const defaultFileMode = 0o644;

export interface KeySelection {
  readonly items?: readonly KeyToPath[] | undefined;
  readonly defaultMode?: number | undefined;
  readonly optional?: boolean | undefined;
}

/** Throws "NotFound" when the object, or a key that is named, is not there and need be. */
export function configMapPayload(name: string, object: ConfigMap | undefined, selection: KeySelection): Payload {
  if (!object && !selection.optional) throw new BerthError("NotFound", `configmap "${name}" not found`);
  const values = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(object?.data ?? {})) values.set(key, Buffer.from(text, "utf8"));
  for (const [key, text] of Object.entries(object?.binaryData ?? {})) values.set(key, Buffer.from(text, "base64"));
  return selectKeys(values, selection, "configmap references non-existent config key");
}

export function secretPayload(name: string, object: Secret | undefined, selection: KeySelection): Payload {
  if (!object && !selection.optional) throw new BerthError("NotFound", `secret "${name}" not found`);
  const values = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(object?.data ?? {})) values.set(key, Buffer.from(text, "base64"));
  return selectKeys(values, selection, "references non-existent secret key");
}

export function downwardPayload(
  pod: Pod,
  items: readonly DownwardAPIVolumeFile[],
  defaultMode: number | undefined,
  allocatable: AllocatableAmounts,
): Payload {
  const files = new Map<string, PayloadFile>();
  for (const { path, fieldRef, resourceFieldRef, mode } of items) {
    const text = fieldRef
      ? readPodField(pod, fieldRef.fieldPath, { podIps: [], hostIps: [] })
      : resourceFieldRef
        ? readContainerResource(
            pod,
            findContainerOf(pod, resourceFieldRef.containerName ?? ""),
            resourceFieldRef,
            allocatable,
          )
        : "";
    files.set(path, { content: Buffer.from(text), mode: mode ?? defaultMode ?? defaultFileMode });
  }
  return files;
}

/**
 * The payload with the owner and the permissions fsGroup asks for: the group may read, and go into folders. Without
 * fsGroup nothing changes.
 */
export function withGroup(payload: Payload, fsGroup: number | undefined): Payload {
  if (fsGroup === undefined) return payload;
  return new Map([...payload].map(([path, file]) => [path, { ...file, gid: fsGroup, mode: file.mode | 0o440 }]));
}

/** The user all containers of the pod run as, when it is one: it owns the tokens. */
export function commonUser(pod: Pod): number | undefined {
  const shared = pod.spec.securityContext?.runAsUser;
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const users = new Set(all.map(({ securityContext }) => securityContext?.runAsUser ?? shared));
  const [user] = users;
  return users.size === 1 ? user : undefined;
}

function selectKeys(
  values: ReadonlyMap<string, Uint8Array>,
  { items, defaultMode = defaultFileMode, optional = false }: KeySelection,
  complaint: string,
): Payload {
  const files = new Map<string, PayloadFile>();
  if (!items || items.length === 0) {
    for (const [key, content] of values) files.set(key, { content, mode: defaultMode });
    return files;
  }
  for (const { key, path, mode } of items) {
    const content = values.get(key);
    if (content) files.set(path, { content, mode: mode ?? defaultMode });
    else if (!optional) throw new BerthError("NotFound", `${complaint}: ${key}`);
  }
  return files;
}
