/** RuntimeClass: a pod gets the overhead and the scheduling rules of its runtime class, and no others. */
import type { Pod } from "#pkg/api/core/v1.ts";
import type { RuntimeClass } from "#pkg/api/node/v1.ts";
import { parseQuantity } from "#pkg/api/quantity.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { isRequest, refuse } from "./attributes.ts";
import { mergeTolerations } from "./merge-tolerations.ts";

const mismatch = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

export function runtimeClass(reader: ObjectReader): AdmissionPlugin {
  return {
    name: "RuntimeClass",
    handles: (attributes) => isRequest(attributes, "pods", "CREATE"),
    async mutate(attributes) {
      const pod = attributes.object as Pod;
      const found = await find(attributes, pod, reader);
      if (found?.overhead) setOverhead(attributes, pod, found.overhead.podFixed ?? {});
      if (found?.scheduling) setScheduling(attributes, pod, found.scheduling);
    },
    async validate(attributes) {
      const pod = attributes.object as Pod;
      const defined = (await find(attributes, pod, reader))?.overhead;
      if (!defined) {
        if (!pod.spec.overhead) return;
        throw refuse(attributes, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
      }
      if (!areEqualAmounts(defined.podFixed, pod.spec.overhead)) throw refuse(attributes, mismatch);
    },
  };
}

async function find(
  attributes: AdmissionAttributes,
  { spec }: Pod,
  reader: ObjectReader,
): Promise<RuntimeClass | undefined> {
  const name = spec.runtimeClassName;
  if (name === undefined) return undefined;
  const found =
    reader.get("node.k8s.io", "runtimeclasses", "", name) ??
    (await reader.getLive("node.k8s.io", "runtimeclasses", "", name));
  if (!found) throw refuse(attributes, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  return found as RuntimeClass;
}

function setOverhead(attributes: AdmissionAttributes, pod: Pod, podFixed: Record<string, string>): void {
  const given = pod.spec.overhead ?? {};
  if (Object.keys(given).length > 0 && !areEqualAmounts(podFixed, given)) throw refuse(attributes, mismatch);
  pod.spec.overhead = { ...podFixed };
}

function setScheduling(
  attributes: AdmissionAttributes,
  pod: Pod,
  { nodeSelector, tolerations }: NonNullable<RuntimeClass["scheduling"]>,
): void {
  const given = pod.spec.nodeSelector ?? {};
  for (const [key, value] of Object.entries(nodeSelector ?? {})) {
    const own = Object.hasOwn(given, key) ? given[key] : undefined;
    if (own === undefined || own === value) continue;
    const why = `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`;
    throw refuse(attributes, why);
  }
  if (nodeSelector) pod.spec.nodeSelector = { ...given, ...nodeSelector };
  if (tolerations?.length) pod.spec.tolerations = mergeTolerations(pod.spec.tolerations ?? [], tolerations);
}

/** "1Gi" and "1024Mi" are the same overhead. */
function areEqualAmounts(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => {
    const [left, right] = [a[name], b[name]];
    return left !== undefined && right !== undefined && parseQuantity(left).equals(parseQuantity(right));
  });
}
