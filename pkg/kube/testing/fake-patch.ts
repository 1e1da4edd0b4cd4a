/**
 * Patches as the fake API server applies them: JSON patch and merge patch exactly, strategic merge patch and server-side apply
 * closely enough for tests of clients (merge keys by field name, no field ownership).
 */
import rfc6902 from "rfc6902";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";

type JsonMap = Record<string, unknown>;

/** The patched object, made anew. Throws StatusError for what a server would refuse. */
export function applyPatch(contentType: string, object: KubeObject, patch: unknown): KubeObject {
  switch (contentType.split(";")[0] ?? "") {
    case "application/json-patch+json":
      return jsonPatch(object, patch);
    case "application/merge-patch+json":
      return mergePatch(object, patch) as KubeObject;
    case "application/strategic-merge-patch+json":
    case "application/apply-patch+yaml":
      return strategicMerge(object, patch, "") as KubeObject;
    default:
      throw StatusError.unsupportedMediaType(
        `the body of the request was in an unknown format - accepted media types include: ` +
          "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
      );
  }
}

function jsonPatch(object: KubeObject, patch: unknown): KubeObject {
  if (!Array.isArray(patch)) throw StatusError.badRequest("a JSON patch is a list of operations");
  const copy = structuredClone(object);
  const failure = rfc6902.applyPatch(copy, patch).find((error) => error !== null);
  if (failure) throw StatusError.invalid({ group: "", resource: "" }, object.metadata.name ?? "", []);
  return copy;
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  const merged: JsonMap = isMap(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

/** Which lists are merged, and by which field of their items. */
const mergeKeys: Readonly<Record<string, string>> = {
  addresses: "type",
  conditions: "type",
  containers: "name",
  env: "name",
  ephemeralContainers: "name",
  hostAliases: "ip",
  hostIPs: "ip",
  imagePullSecrets: "name",
  initContainers: "name",
  ownerReferences: "uid",
  podIPs: "ip",
  ports: "port",
  secrets: "name",
  volumeMounts: "mountPath",
  volumes: "name",
};
const mergedPrimitiveLists: ReadonlySet<string> = new Set(["finalizers", "podCIDRs"]);

function strategicMerge(target: unknown, patch: unknown, field: string): unknown {
  if (Array.isArray(patch)) return mergeList(Array.isArray(target) ? target : [], patch, field);
  if (!isMap(patch)) return patch;
  const { $patch: directive, ...rest } = patch;
  const merged: JsonMap = isMap(target) && directive !== "replace" ? { ...target } : {};
  for (const [key, value] of Object.entries(rest)) {
    if (key.startsWith("$deleteFromPrimitiveList/")) {
      const list = key.slice("$deleteFromPrimitiveList/".length);
      const removed = new Set(value as unknown[]);
      merged[list] = ((merged[list] as unknown[] | undefined) ?? []).filter((item) => !removed.has(item));
    } else if (key.startsWith("$")) continue;
    else if (value === null) delete merged[key];
    else merged[key] = strategicMerge(merged[key], value, key);
  }
  return merged;
}

function mergeList(target: readonly unknown[], patch: readonly unknown[], field: string): unknown[] {
  if (mergedPrimitiveLists.has(field)) return [...new Set([...target, ...patch])];
  const key = mergeKeyOf(field, patch);
  if (key === undefined) return [...patch];
  const merged = [...target];
  for (const item of patch as readonly JsonMap[]) {
    const at = merged.findIndex((one) => isMap(one) && one[key] === item[key]);
    if (item["$patch"] === "delete") {
      if (at >= 0) merged.splice(at, 1);
    } else if (at >= 0) merged[at] = strategicMerge(merged[at], item, "");
    else merged.push(strategicMerge({}, item, ""));
  }
  return merged;
}

/** `ports` of a container go by containerPort, those of a Service by port. */
function mergeKeyOf(field: string, items: readonly unknown[]): string | undefined {
  const keys = field === "ports" ? ["containerPort", "port"] : [mergeKeys[field]];
  return keys.find((key) => key !== undefined && items.every((item) => isMap(item) && key in item));
}

function isMap(value: unknown): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
