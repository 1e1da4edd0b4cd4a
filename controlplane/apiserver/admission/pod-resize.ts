/** PodResizeValidator: a running pod grows only as far as its node has room in all. */
import type { Node, Pod } from "#pkg/api/core/v1.ts";
import { podRequests } from "#pkg/api/pod-resources.ts";
import { parseQuantity } from "#pkg/api/quantity.ts";
import { equalJson } from "../registry/equal-json.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { isRequest, refuse } from "./attributes.ts";

export function podResizeValidator(reader: ObjectReader): AdmissionPlugin {
  return {
    name: "PodResizeValidator",
    handles: (attributes) => isRequest(attributes, "pods/resize", "UPDATE"),
    async validate(attributes) {
      const pod = attributes.object as Pod;
      const { nodeName } = pod.spec;
      if (!nodeName || equalJson(pod.spec, (attributes.oldObject as Pod).spec)) return;
      const node = reader.get("", "nodes", "", nodeName) as Node | undefined;
      if (!node) throw refuse(attributes, `node ${JSON.stringify(nodeName)} not found`);
      const system = node.metadata.labels?.["kubernetes.io/os"] ?? "linux";
      if (system !== "linux") {
        const why = `pod resize is only supported on linux nodes, node "${nodeName}" is "${system}"`;
        throw refuse(attributes, why, [{ reason: "UnsupportedPlatform" }]);
      }
      const shortages = findShortages(pod, node);
      if (shortages.length === 0) return;
      const why = `node didn't have enough allocatable resources: ${shortages.join("; ")}`;
      throw refuse(attributes, why, [{ reason: "NodeCapacity" }]);
    },
  };
}

function findShortages(pod: Pod, node: Node): readonly string[] {
  const requests = podRequests(pod);
  return ["cpu", "memory"].flatMap((name) => {
    const requested = requests.get(name);
    const allocatable = parseQuantity(node.status?.allocatable?.[name] ?? "0");
    if (!requested || requested.compare(allocatable) <= 0) return [];
    const scale = name === "cpu" ? -3 : 0;
    return [`${name}, requested: ${requested.scaledValue(scale)}, allocatable: ${allocatable.scaledValue(scale)}`];
  });
}
