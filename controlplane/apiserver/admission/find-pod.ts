/** A pod as the cache has it, or the store when the cache does not know it yet. */
import type { Pod } from "#pkg/api/core/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";

/** Throws StatusError 404. */
export async function findPod(reader: ObjectReader, namespace: string, name: string): Promise<Pod> {
  const pod = reader.get("", "pods", namespace, name) ?? (await reader.getLive("", "pods", namespace, name));
  if (!pod) throw StatusError.notFound({ group: "", resource: "pods" }, name);
  return pod as Pod;
}
