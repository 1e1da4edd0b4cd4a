/** Gives roles with an aggregationRule the rules of the roles it selects. */

import { labelSelectorMatcher } from "#pkg/api/labels.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import type { ClusterRole, PolicyRule } from "#pkg/api/rbac/v1.ts";
import { resources } from "#pkg/kube/resources.ts";
import { type ControllerContext, disposeAll, ignoringNotFound, startLoop } from "../controller-context.ts";
import { canonicalJson } from "../template-hash.ts";

export function startClusterRoleAggregationController(context: ControllerContext): AsyncDisposable {
  const { client, informers } = context;
  const roles = informers.for(resources.clusterRoles);
  const reconcile = async (name: string, signal: AbortSignal) => {
    const role = roles.get(name);
    if (!role?.aggregationRule) return {};
    const rules = computeAggregatedRules(role, roles.list());
    if (canonicalJson(rules) === canonicalJson(role.rules ?? [])) return {};
    const { uid, resourceVersion } = role.metadata;
    const body = { metadata: { uid, resourceVersion }, rules };
    await ignoringNotFound(client.clusterRoles.patch(name, { type: "merge", body }, { signal }));
    return {};
  };
  const loop = startLoop(context, { name: "clusterrole-aggregation", reconcile }, 1);
  const onRole = (): void => {
    for (const role of roles.list()) if (role.aggregationRule) loop.enqueue(role.metadata.name);
  };
  const subscriptions = [roles.addHandler({ onAdd: onRole, onUpdate: onRole, onDelete: onRole })];
  informers.start();
  return disposeAll(loop, subscriptions);
}

/** The rules of all selected roles, each once, in the order of the roles' names. Pure. */
export function computeAggregatedRules(
  role: ClusterRole,
  roles: readonly Stored<ClusterRole>[],
): readonly PolicyRule[] {
  const selectors = (role.aggregationRule?.clusterRoleSelectors ?? []).map(labelSelectorMatcher);
  const byName = [...roles].sort((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1));
  const rules = new Map<string, PolicyRule>();
  for (const one of byName) {
    const isSelected = selectors.some((selector) => selector.matches(one.metadata.labels));
    if (!isSelected || one.metadata.name === role.metadata.name) continue;
    for (const rule of one.rules ?? []) rules.set(canonicalJson(rule), rules.get(canonicalJson(rule)) ?? rule);
  }
  return [...rules.values()];
}
