/** The strategies of the kinds around pods, services and workloads, by their resource. */
import type { Strategy } from "../registry/strategy.ts";
import { endpointSliceStrategy } from "./endpoint-slice.ts";
import { endpointsStrategy } from "./endpoints.ts";
import { eventStrategy } from "./event.ts";
import { leaseStrategy } from "./lease.ts";
import { nodeStrategy } from "./node.ts";
import { priorityClassStrategy } from "./priority-class.ts";
import { clusterRoleBindingStrategy, clusterRoleStrategy, roleBindingStrategy, roleStrategy } from "./rbac.ts";
import { runtimeClassStrategy } from "./runtime-class.ts";

export const otherStrategies: Readonly<Record<string, Strategy>> = {
  endpoints: endpointsStrategy as Strategy,
  events: eventStrategy as Strategy,
  nodes: nodeStrategy as Strategy,
  "clusterrolebindings.rbac.authorization.k8s.io": clusterRoleBindingStrategy as Strategy,
  "clusterroles.rbac.authorization.k8s.io": clusterRoleStrategy as Strategy,
  "endpointslices.discovery.k8s.io": endpointSliceStrategy as Strategy,
  "leases.coordination.k8s.io": leaseStrategy as Strategy,
  "priorityclasses.scheduling.k8s.io": priorityClassStrategy as Strategy,
  "rolebindings.rbac.authorization.k8s.io": roleBindingStrategy as Strategy,
  "roles.rbac.authorization.k8s.io": roleStrategy as Strategy,
  "runtimeclasses.node.k8s.io": runtimeClassStrategy as Strategy,
};
