/** The strategies of the kinds around pods, services and workloads, by their resource. */
import type { Strategy } from "../registry/strategy.ts";
import { clusterRoleBindingStrategy, clusterRoleStrategy, roleBindingStrategy, roleStrategy } from "./rbac.ts";

export const otherStrategies: Readonly<Record<string, Strategy>> = {
  "clusterrolebindings.rbac.authorization.k8s.io": clusterRoleBindingStrategy as Strategy,
  "clusterroles.rbac.authorization.k8s.io": clusterRoleStrategy as Strategy,
  "rolebindings.rbac.authorization.k8s.io": roleBindingStrategy as Strategy,
  "roles.rbac.authorization.k8s.io": roleStrategy as Strategy,
};
