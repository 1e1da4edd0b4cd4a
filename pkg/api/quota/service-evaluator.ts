/** Services in quotas: their number, and how many node ports and load balancers they take. */
import type { Service } from "../core/v1.ts";
import { Quantity } from "../quantity.ts";
import type { QuotaEvaluator } from "./evaluator.ts";

const names: ReadonlySet<string> = new Set([
  "count/services",
  "services",
  "services.nodeports",
  "services.loadbalancers",
]);

export const serviceEvaluator: QuotaEvaluator = {
  handles: ({ subresource }) => subresource === "",
  counts: (name) => names.has(name),
  usage(object) {
    const service = object as Service;
    return new Map([
      ["count/services", Quantity.of(1)],
      ["services", Quantity.of(1)],
      ["services.loadbalancers", Quantity.of(service.spec?.type === "LoadBalancer" ? 1 : 0)],
      ["services.nodeports", Quantity.of(nodePorts(service))],
    ]);
  },
  matchesScope: () => false,
};

/** Ports are charged before they are allocated, so it is the intent that counts. */
function nodePorts({ spec }: Service): number {
  const ports = spec?.ports ?? [];
  switch (spec?.type) {
    case "NodePort":
      return ports.length;
    case "LoadBalancer":
      if (spec.allocateLoadBalancerNodePorts !== false) return ports.length;
      return ports.filter((port) => port.nodePort).length;
    default:
      return 0;
  }
}
