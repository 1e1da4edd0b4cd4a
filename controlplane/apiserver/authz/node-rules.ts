/** What every node may do, whatever it runs; the node authorizer narrows the kinds it knows. The rules of role system:node. */
import type { PolicyRule } from "./authorizer.ts";

const read = ["get", "list", "watch"];

function rule(apiGroups: readonly string[], resources: readonly string[], verbs: readonly string[]): PolicyRule {
  return { apiGroups, resources, verbs };
}

export const nodeRules: readonly PolicyRule[] = [
  rule(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
  rule(["authorization.k8s.io"], ["localsubjectaccessreviews", "subjectaccessreviews"], ["create"]),
  rule([""], ["services"], read),
  rule([""], ["nodes"], ["create", "get", "list", "watch"]),
  rule([""], ["nodes/status"], ["patch", "update"]),
  rule([""], ["nodes"], ["patch", "update"]),
  rule(["", "events.k8s.io"], ["events"], ["create", "patch", "update"]),
  rule([""], ["pods"], read),
  rule([""], ["pods"], ["create", "delete"]),
  rule([""], ["pods/status"], ["patch", "update"]),
  rule([""], ["pods/eviction"], ["create"]),
  rule([""], ["configmaps", "secrets"], read),
  rule([""], ["persistentvolumeclaims", "persistentvolumes"], ["get"]),
  rule([""], ["endpoints"], ["get"]),
  rule(["certificates.k8s.io"], ["certificatesigningrequests"], ["create", "get", "list", "watch"]),
  rule(["coordination.k8s.io"], ["leases"], ["create", "delete", "get", "patch", "update"]),
  rule(["storage.k8s.io"], ["volumeattachments"], ["get"]),
  rule([""], ["serviceaccounts/token"], ["create"]),
  rule([""], ["persistentvolumeclaims/status"], ["get", "patch", "update"]),
  rule(["storage.k8s.io"], ["csidrivers"], read),
  rule(["storage.k8s.io"], ["csinodes"], ["create", "delete", "get", "patch", "update"]),
  rule(["node.k8s.io"], ["runtimeclasses"], read),
  rule(["resource.k8s.io"], ["resourceclaims"], ["get"]),
  rule(["resource.k8s.io"], ["resourceslices"], ["deletecollection"]),
  rule([""], ["serviceaccounts"], ["get"]),
];
