/**
 * The strategy of every built-in resource. Kinds without one of their own get what their type gives them: defaults, and
 * nothing to validate beyond what decoding has checked.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { resources } from "#pkg/api/schema/resources.ts";
import { typeOf } from "#pkg/api/schema/schema.ts";
import type { Strategy } from "../registry/strategy.ts";
import { configMapStrategy } from "./config-map.ts";
import { defineStrategy } from "./define-strategy.ts";
import { namespaceStrategy } from "./namespace.ts";
import { podStrategy } from "./pod.ts";
import { secretStrategy } from "./secret.ts";
import { serviceAccountStrategy } from "./service-account.ts";

const byResource: Readonly<Record<string, Strategy>> = {
  configmaps: configMapStrategy as Strategy,
  namespaces: namespaceStrategy as Strategy,
  pods: podStrategy as Strategy,
  secrets: secretStrategy as Strategy,
  serviceaccounts: serviceAccountStrategy as Strategy,
};

/**
 * `resource` is the plural; the strategy is that of the stored version, for kinds that are served in more than one.
 * Undefined for resources that are not built in.
 */
export function strategyFor(group: string, resource: string): Strategy | undefined {
  const known = byResource[group ? `${resource}.${group}` : resource];
  if (known) return known;
  const row = resources.find((one) => one.group === group && one.plural === resource && one.storagePrefix);
  const typeName = row && typeOf(row.storedAs);
  return typeName === undefined ? undefined : defineStrategy<KubeObject>(typeName);
}
