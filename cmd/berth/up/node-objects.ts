/** The right of nodes to see each other: the agent keeps routes to the pods of all nodes, which upstream leaves to add-ons. Pure. */
import type { KubeObject } from "#pkg/api/meta/object.ts";

const name = "system:berth-node-routes";
const apiGroup = "rbac.authorization.k8s.io";
const apiVersion = `${apiGroup}/v1`;

export function buildNodeObjects(): readonly KubeObject[] {
  return [
    {
      apiVersion,
      kind: "ClusterRole",
      metadata: { name },
      rules: [{ apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "watch"] }],
    },
    {
      apiVersion,
      kind: "ClusterRoleBinding",
      metadata: { name },
      roleRef: { apiGroup, kind: "ClusterRole", name },
      subjects: [{ apiGroup, kind: "Group", name: "system:nodes" }],
    },
  ];
}
