import { describe, expect, test } from "vitest";
import { rowOf } from "./testing/row-of.ts";

describe("tables of networking", () => {
  const rows: [typeName: string, what: string, object: object, cells: unknown[]][] = [
    [
      "core/v1.Service",
      "of type ClusterIP",
      {
        spec: {
          type: "ClusterIP",
          clusterIPs: ["10.0.0.1"],
          ports: [{ port: 80, protocol: "TCP" }],
          selector: { a: "b" },
        },
      },
      ["x", "ClusterIP", "10.0.0.1", "<none>", "80/TCP", "5m", "a=b"],
    ],
    [
      "core/v1.Service",
      "of type NodePort with external addresses",
      {
        spec: {
          type: "NodePort",
          externalIPs: ["1.1.1.1", "2.2.2.2"],
          ports: [
            { port: 80, nodePort: 30080, protocol: "TCP" },
            { port: 53, protocol: "UDP" },
          ],
        },
      },
      ["x", "NodePort", "<none>", "1.1.1.1,2.2.2.2", "80:30080/TCP,53/UDP", "5m", "<none>"],
    ],
    [
      "core/v1.Service",
      "that waits for its load balancer",
      { spec: { type: "LoadBalancer", clusterIPs: ["None"] } },
      ["x", "LoadBalancer", "None", "<pending>", "<none>", "5m", "<none>"],
    ],
    [
      "core/v1.Service",
      "that has its load balancer",
      {
        spec: { type: "LoadBalancer", externalIPs: ["9.9.9.9"] },
        status: { loadBalancer: { ingress: [{ hostname: "lb.example.com" }, { ip: "3.3.3.3" }, { ip: "3.3.3.3" }] } },
      },
      ["x", "LoadBalancer", "<none>", "3.3.3.3,lb.example.com,9.9.9.9", "<none>", "5m", "<none>"],
    ],
    [
      "core/v1.Service",
      "that is a name elsewhere",
      { spec: { type: "ExternalName", externalName: "example.com" } },
      ["x", "ExternalName", "<none>", "example.com", "<none>", "5m", "<none>"],
    ],
    [
      "networking/v1.Ingress",
      "",
      {
        spec: {
          ingressClassName: "haproxy",
          rules: [{ host: "a" }, { host: "b" }, { host: "c" }, { host: "d" }],
          tls: [{}],
        },
        status: { loadBalancer: { ingress: [{ ip: "1.1.1.1" }] } },
      },
      ["x", "haproxy", "a,b,c + 1 more...", "1.1.1.1", "80, 443", "5m"],
    ],
    ["networking/v1.Ingress", "for every host", { spec: { rules: [{}] } }, ["x", "<none>", "*", "", "80", "5m"]],
    [
      "networking/v1.IngressClass",
      "",
      { spec: { controller: "c", parameters: { apiGroup: "g.io", kind: "P", name: "p" } } },
      ["x", "c", "P.g.io/p", "5m"],
    ],
    ["networking/v1.NetworkPolicy", "", { spec: { podSelector: {} } }, ["x", "<none>", "5m"]],
    [
      "networking/v1.ServiceCIDR",
      "",
      { spec: { cidrs: ["10.0.0.0/16", "fd00::/64"] } },
      ["x", "10.0.0.0/16,fd00::/64", "5m"],
    ],
    [
      "networking/v1.IPAddress",
      "",
      { spec: { parentRef: { group: "", resource: "services", namespace: "d", name: "s" } } },
      ["x", "services/d/s"],
    ],
    [
      "core/v1.Endpoints",
      "",
      { subsets: [{ addresses: [{ ip: "1.1.1.1" }, { ip: "fd00::1" }], ports: [{ port: 80 }, { port: 81 }] }] },
      ["x", "1.1.1.1:80,[fd00::1]:80,1.1.1.1:81 + 1 more...", "5m"],
    ],
    ["core/v1.Endpoints", "without ports", { subsets: [{ addresses: [{ ip: "1.1.1.1" }] }] }, ["x", "1.1.1.1", "5m"]],
    ["core/v1.Endpoints", "without addresses", {}, ["x", "<none>", "5m"]],
    [
      "discovery/v1.EndpointSlice",
      "",
      {
        addressType: "IPv4",
        ports: [{ port: 80 }, { name: "x" }, {}, { port: 1 }],
        endpoints: [{ addresses: ["1.1.1.1"] }],
      },
      ["x", "IPv4", "80,x,* + 1 more...", "1.1.1.1", "5m"],
    ],
    [
      "discovery/v1.EndpointSlice",
      "that is empty",
      { addressType: "IPv6", endpoints: [] },
      ["x", "IPv6", "<unset>", "<unset>", "5m"],
    ],
  ];

  test.each(rows)("%s %s", (typeName, _, object, cells) => {
    expect(rowOf(typeName, object)).toEqual(cells);
  });
});
