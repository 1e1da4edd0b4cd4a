/**
 * The strategy of every built-in resource. Kinds without one of their own get what their type gives them: defaults, and
 * nothing to validate beyond what decoding has checked.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { Resource } from "#pkg/api/schema/resources.ts";
import { typeOf } from "#pkg/api/schema/schema.ts";
import type { Strategy } from "../registry/strategy.ts";
import { configMapStrategy } from "./config-map.ts";
import { defineStrategy } from "./define-strategy.ts";
import { namespaceStrategy } from "./namespace.ts";
import { otherStrategies } from "./other-strategies.ts";
import { podStrategy } from "./pod.ts";
import { secretStrategy } from "./secret.ts";
import { serviceAccountStrategy } from "./service-account.ts";

const byResource: Readonly<Record<string, Strategy>> = {
  ...otherStrategies,
  configmaps: configMapStrategy as Strategy,
  namespaces: namespaceStrategy as Strategy,
  pods: podStrategy as Strategy,
  secrets: secretStrategy as Strategy,
  serviceaccounts: serviceAccountStrategy as Strategy,
};

/** For a resource served in another form than it is stored in, only what belongs to the served form: its defaults. */
export function strategyFor({ group, plural, typeName, storedAs, storagePrefix }: Resource): Strategy {
  const isConverted = storagePrefix !== undefined && typeOf(storedAs) !== typeName;
  const own = isConverted ? undefined : byResource[group ? `${plural}.${group}` : plural];
  return own ?? defineStrategy<KubeObject>(typeName);
}
