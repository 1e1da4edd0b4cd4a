/**
 * UDP flows that the kernel keeps sending to an endpoint that is gone, or to nowhere. Pure.
 * TCP needs no help: its peer answers or the connection ends. Policies and topology are ignored on purpose, so that flows
 * outlive a change of policy; a service without a serving endpoint keeps its flows, as there is nothing better for them.
 * Semantics: kube-proxy's conntrack reconciler.
 */
import type { UdpFlow } from "#pkg/network/conntrack/conntrack.ts";
import type { ModelPort } from "./service-model.ts";

export interface FlowTargets {
  /** "address:port" of services to the endpoints that serve them. */
  readonly byAddress: ReadonlyMap<string, ReadonlySet<string>>;
  readonly byNodePort: ReadonlyMap<number, ReadonlySet<string>>;
}

export function buildFlowTargets(ports: readonly ModelPort[]): FlowTargets {
  const byAddress = new Map<string, ReadonlySet<string>>();
  const byNodePort = new Map<number, ReadonlySet<string>>();
  for (const { port, all } of ports) {
    if (port.protocol !== "udp") continue;
    const serving = new Set(all.filter(({ isServing }) => isServing).map(({ address }) => address));
    if (serving.size === 0) continue;
    for (const address of [port.clusterIp, ...port.externalIps, ...port.loadBalancerIps])
      byAddress.set(`${address}:${port.port}`, serving);
    if (port.nodePort !== 0) byNodePort.set(port.nodePort, serving);
  }
  return { byAddress, byNodePort };
}

/** Text that differs when the targets do. */
export function flowTargetsKey({ byAddress, byNodePort }: FlowTargets): string {
  const lines = [...byAddress, ...byNodePort].map(([to, endpoints]) => `${to}=${[...endpoints].join(",")}`);
  return lines.join("\n");
}

/** Those flows that go to a service, but not to one of its endpoints. */
export function findStaleFlows(flows: readonly UdpFlow[], { byAddress, byNodePort }: FlowTargets): readonly UdpFlow[] {
  return flows.filter((flow) => {
    const endpoints = byAddress.get(`${flow.destination}:${flow.port}`) ?? byNodePort.get(flow.port);
    return endpoints !== undefined && !endpoints.has(flow.answeredBy);
  });
}
