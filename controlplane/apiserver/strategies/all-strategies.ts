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
import { dynamicStrategies } from "./dynamic-strategies.ts";
import { namespaceStrategy } from "./namespace.ts";
import { otherStrategies } from "./other-strategies.ts";
import { podStrategy } from "./pod.ts";
import { secretStrategy } from "./secret.ts";
import { type ServicePools, serviceStrategy } from "./service.ts";
import { serviceAccountStrategy } from "./service-account.ts";
import { workloadStrategies } from "./workload-strategies.ts";

const byResource: Readonly<Record<string, Strategy>> = {
  ...dynamicStrategies,
  ...otherStrategies,
  ...workloadStrategies,
  configmaps: configMapStrategy as Strategy,
  namespaces: namespaceStrategy as Strategy,
  pods: podStrategy as Strategy,
  secrets: secretStrategy as Strategy,
  serviceaccounts: serviceAccountStrategy as Strategy,
};

export interface StrategyPorts {
  /** Where cluster IPs and node ports come from. */
  readonly servicePools: ServicePools;
}

/** For a resource served in another form than it is stored in, only what belongs to the served form: its defaults. */
export function createStrategies({ servicePools }: StrategyPorts): (resource: Resource) => Strategy {
  const all = new Map<string, Strategy>([
    ...Object.entries(byResource),
    ["services", serviceStrategy(servicePools) as Strategy],
  ]);
  return ({ group, plural, typeName, storedAs, storagePrefix }) => {
    const isConverted = storagePrefix !== undefined && typeOf(storedAs) !== typeName;
    const own = isConverted ? undefined : all.get(group ? `${plural}.${group}` : plural);
    return own ?? defineStrategy<KubeObject>(typeName);
  };
}
