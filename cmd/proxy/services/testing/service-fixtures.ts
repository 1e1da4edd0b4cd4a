/** Services, slices and a proxy for tests: short to write, real in shape. */
import type { Service, ServicePort, ServiceSpec } from "#pkg/api/core/v1.ts";
import type { Endpoint, EndpointSlice } from "#pkg/api/discovery/v1.ts";
import { FakeIPTables } from "#pkg/network/testing/fake-iptables.ts";
import type { RuleOptions } from "../build-port-rules.ts";
import { buildServiceRules } from "../build-service-rules.ts";
import { RuleWriter } from "../rule-writer.ts";
import { ruleSetInput, ServiceModel } from "../service-model.ts";

export const nodeName = "node-1";
export const nodeAddress = "192.168.0.1";

export const ruleOptions: RuleOptions = {
  family: "IPv4",
  clusterCidr: "10.244.0.0/16",
  serviceCidrs: ["10.96.0.0/16"],
  masqueradesAll: false,
  masqueradeMark: 0x4000,
  nodePortAddresses: [],
  servesLocalhost: true,
  dropsInvalid: true,
};

export const ipv6RuleOptions: RuleOptions = {
  ...ruleOptions,
  family: "IPv6",
  clusterCidr: "fd00:10::/64",
  serviceCidrs: ["fd00:20::/112"],
};

export function service(name: string, spec: ServiceSpec, loadBalancerIps: readonly string[] = []): Service {
  const ports: ServicePort[] = spec.ports ?? [{ port: 80 }];
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { type: "ClusterIP", ...spec, ports },
    status: loadBalancerIps.length > 0 ? { loadBalancer: { ingress: loadBalancerIps.map((ip) => ({ ip })) } } : {},
  };
}

export function slice(
  serviceName: string,
  endpoints: readonly Endpoint[],
  ports: EndpointSlice["ports"] = [{ name: "", port: 8080, protocol: "TCP" }],
  addressType: "IPv4" | "IPv6" = "IPv4",
): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${serviceName}-${addressType.toLowerCase()}`,
      namespace: "default",
      labels: { "kubernetes.io/service-name": serviceName },
    },
    addressType,
    endpoints: [...endpoints],
    ports,
  };
}

export type EndpointState = "ready" | "serving" | "gone";

/** "serving": terminating, but still answering; "gone": neither ready nor serving. */
export function endpoint(address: string, node: string | undefined, state: EndpointState = "ready"): Endpoint {
  return {
    addresses: [address],
    ...(node === undefined ? {} : { nodeName: node }),
    conditions: { ready: state === "ready", serving: state !== "gone", terminating: state !== "ready" },
  };
}

export function modelOf(
  services: readonly Service[],
  slices: readonly EndpointSlice[],
  rules: RuleOptions = ruleOptions,
): ServiceModel {
  const model = new ServiceModel({ nodeName, rules });
  for (const one of services) model.setService(one);
  for (const one of slices) model.setSlice(one);
  return model;
}

/** The rules of these objects, in a table of their own. */
export async function writtenRules(
  services: readonly Service[],
  slices: readonly EndpointSlice[],
  rules: RuleOptions = ruleOptions,
): Promise<FakeIPTables> {
  const iptables = new FakeIPTables(rules.family);
  const input = ruleSetInput(modelOf(services, slices, rules).ports());
  await new RuleWriter(iptables).write(buildServiceRules(input, rules));
  return iptables;
}
