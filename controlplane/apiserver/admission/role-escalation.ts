/**
 * Nobody grants through roles and bindings what they do not hold. Upstream has this in the storage of these kinds; here it
 * is the first of the plugins that judge, under a name of our own.
 */
import type { ClusterRole, ClusterRoleBinding } from "#pkg/api/rbac/v1.ts";
import { isStatus, StatusError } from "#pkg/api/status.ts";
import type { BindingResource, RoleEscalationCheck, RoleResource } from "../authz/role-escalation.ts";
import { equalJson } from "../registry/equal-json.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";

const group = "rbac.authorization.k8s.io";
const kinds: ReadonlySet<string> = new Set(["roles", "clusterroles", "rolebindings", "clusterrolebindings"]);

export function roleEscalation(check: RoleEscalationCheck): AdmissionPlugin {
  return {
    name: "RoleEscalation",
    handles: ({ operation, resource, subresource }) =>
      (operation === "CREATE" || operation === "UPDATE") &&
      resource.group === group &&
      kinds.has(resource.resource) &&
      subresource === "",
    async validate(attributes) {
      if (isOnlyGarbageCollection(attributes)) return;
      const { user, namespace, resource } = attributes;
      const name = attributes.name || (attributes.object?.metadata.name ?? "");
      if (resource.resource === "roles" || resource.resource === "clusterroles") {
        const role = attributes.object as ClusterRole;
        return judgeRole(check, attributes, resource.resource, name, role);
      }
      const { roleRef } = attributes.object as ClusterRoleBinding;
      await check.checkBinding(user, resource.resource as BindingResource, namespace, name, roleRef);
    },
  };
}

async function judgeRole(
  check: RoleEscalationCheck,
  { user, namespace, oldObject }: AdmissionAttributes,
  resource: RoleResource,
  name: string,
  role: ClusterRole,
): Promise<void> {
  await check.checkRole(user, resource, namespace, name, role.rules ?? []);
  // An aggregation rule gathers whatever it comes to select, now or later.
  const old = oldObject as ClusterRole | undefined;
  if (![role, old].some((one) => one?.aggregationRule?.clusterRoleSelectors?.length)) return;
  try {
    await check.checkRole(user, resource, namespace, name, everything);
  } catch (error) {
    if (!isStatus(error, "Forbidden")) throw error;
    const why = "must have cluster-admin privileges to use the aggregationRule";
    throw StatusError.forbidden({ group, resource }, name, why);
  }
}

const everything = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

/** The collector may finish with objects whose rights it does not hold: owners and finalizers alone are free. */
function isOnlyGarbageCollection({ object, oldObject }: AdmissionAttributes): boolean {
  if (!object || !oldObject) return false;
  const strip = (one: typeof object): unknown => {
    const { ownerReferences: _o, finalizers: _f, managedFields: _m, resourceVersion: _r, ...metadata } = one.metadata;
    const { apiVersion: _v, kind: _k, ...rest } = one;
    return { ...rest, metadata };
  };
  return equalJson(strip(object), strip(oldObject));
}
