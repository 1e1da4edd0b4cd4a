/** PodTopologyLabels: a pod carries the zone and the region of the node it is bound to. */
import type { Binding, Pod } from "#pkg/api/core/v1.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { isRequest } from "./attributes.ts";

const copied = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

export function podTopologyLabels(reader: ObjectReader): AdmissionPlugin {
  return {
    name: "PodTopologyLabels",
    handles: (attributes) =>
      isRequest(attributes, "pods", "CREATE") ||
      isRequest(attributes, "pods/binding", "CREATE") ||
      isRequest(attributes, "bindings", "CREATE"),
    async mutate(attributes) {
      const { object, resource, subresource } = attributes;
      if (!object) return;
      const isBinding = subresource === "binding" || resource.resource === "bindings";
      const nodeName = isBinding ? targetNode(object as Binding) : (object as Pod).spec.nodeName;
      const labels = nodeName ? (reader.get("", "nodes", "", nodeName)?.metadata.labels ?? {}) : {};
      const found = Object.entries(labels).filter(([key]) => copied.includes(key));
      if (found.length > 0) object.metadata.labels = { ...object.metadata.labels, ...Object.fromEntries(found) };
    },
  };
}

function targetNode({ target }: Binding): string | undefined {
  return target?.kind === "Node" ? target.name : undefined;
}
