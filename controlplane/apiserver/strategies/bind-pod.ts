/** Putting a pod on a node: what POST pods/x/binding does to the pod. */
import type { Binding, Pod } from "#pkg/api/core/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { validateBinding } from "./validation/pod.ts";

const bindingResource = { group: "", resource: "pods/binding" };

/**
 * The pod as it is after the binding; `pod` is left alone. Write it with subresource "binding". Throws 422 for a bad
 * binding, 409 when the pod cannot be put on a node (any more).
 */
export function bindPod(pod: Pod, binding: Binding, nowMs: number): Pod {
  const name = pod.metadata.name ?? "";
  const errors = validateBinding(binding);
  if (!errors.isEmpty) throw StatusError.invalid({ group: "", resource: "Binding" }, name, errors.list);
  const refusal = whyNot(pod, binding);
  if (refusal) throw StatusError.conflict(bindingResource, name, refusal);
  const { nominatedNodeName: _, ...status } = pod.status ?? {};
  const conditions = (status.conditions ?? []).filter((condition) => condition.type !== "PodScheduled");
  const scheduled = { type: "PodScheduled", status: "True", lastTransitionTime: formatTime(nowMs) };
  return {
    ...pod,
    metadata: { ...pod.metadata, ...mergedMetadata(pod, binding) },
    spec: { ...pod.spec, nodeName: binding.target.name ?? "" },
    status: { ...status, conditions: [...conditions, scheduled] },
  };
}

function whyNot({ metadata, spec }: Pod, binding: Binding): string | undefined {
  const { uid, resourceVersion } = binding.metadata ?? {};
  if (uid && uid !== metadata.uid) {
    return `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid ?? ""}`;
  }
  if (resourceVersion && resourceVersion !== metadata.resourceVersion) {
    return `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${metadata.resourceVersion ?? ""}`;
  }
  if (metadata.deletionTimestamp) return `pod ${metadata.name} is being deleted, cannot be assigned to a host`;
  if (spec.nodeName) return `pod ${metadata.name} is already assigned to node "${spec.nodeName}"`;
  return spec.schedulingGates?.length ? `pod ${metadata.name} has non-empty .spec.schedulingGates` : undefined;
}

/** Annotations of the binding go onto the pod; its labels only where the pod has none of the name. */
function mergedMetadata(pod: Pod, { metadata }: Binding) {
  const annotations = metadata?.annotations
    ? { annotations: { ...pod.metadata.annotations, ...metadata.annotations } }
    : {};
  const labels = metadata?.labels ? { labels: { ...metadata.labels, ...pod.metadata.labels } } : {};
  return { ...annotations, ...labels };
}
