import { beforeEach, describe, expect, test } from "vitest";
import type { Service, ServiceSpec } from "#pkg/api/core/v1.ts";
import type { EndpointSlice } from "#pkg/api/discovery/v1.ts";
import { parseReverse, type Resolution, resolve } from "./resolve.ts";
import { ServiceDirectory } from "./service-directory.ts";

const options = { domain: "cluster.local", ttlSeconds: 5 };
let directory: ServiceDirectory;

const service = (name: string, spec: Partial<ServiceSpec>): Service => ({
  metadata: { namespace: "shop", name },
  spec: { ...spec } as ServiceSpec,
});
const slice = (name: string, of: string, endpoints: EndpointSlice["endpoints"]): EndpointSlice => ({
  metadata: { namespace: "shop", name, labels: { "kubernetes.io/service-name": of } },
  addressType: "IPv4",
  endpoints,
  ports: [{ name: "redis", protocol: "TCP", port: 6379 }],
});

beforeEach(() => {
  directory = new ServiceDirectory();
  directory.setNamespace("shop");
  directory.setService(
    service("web", {
      clusterIP: "10.96.0.5",
      clusterIPs: ["10.96.0.5"],
      ports: [{ name: "http", port: 80, protocol: "TCP" }],
    }),
  );
  directory.setService(service("db", { clusterIP: "None", ports: [{ name: "redis", port: 6379 }] }));
  directory.setService(service("ext", { type: "ExternalName", externalName: "example.com" }));
  directory.setService(service("alias", { type: "ExternalName", externalName: "web.shop.svc.cluster.local." }));
  directory.setService(service("loop", { type: "ExternalName", externalName: "loop.shop.svc.cluster.local" }));
  directory.setSlice(
    slice("db-1", "db", [
      { addresses: ["10.1.0.7"], hostname: "db-0", conditions: { ready: true } },
      { addresses: ["10.1.0.8"], conditions: {} },
      { addresses: ["10.1.0.9"], conditions: { ready: false } },
    ]),
  );
});

const ask = (name: string, type = "A"): Resolution => resolve({ name, type }, directory, options);
/** "rcode" or the sorted data of the answers. */
function short(name: string, type = "A"): unknown {
  const found = ask(name, type);
  if (found.kind !== "answer") return found.kind;
  return found.answers.map((one) => {
    const data = (one as { data: unknown }).data as { target?: string; port?: number };
    return data.target === undefined ? `${one.type} ${String(data)}` : `SRV ${data.port} ${data.target}`;
  });
}

describe("resolve", () => {
  test.each([
    ["web.shop.svc.cluster.local", "A", ["A 10.96.0.5"]],
    ["WEB.Shop.svc.Cluster.LOCAL", "A", ["A 10.96.0.5"]],
    ["web.shop.svc.cluster.local", "AAAA", "noData"],
    ["web.shop.svc.cluster.local", "MX", "noData"],
    ["db.shop.svc.cluster.local", "A", ["A 10.1.0.7", "A 10.1.0.8"]],
    ["db-0.db.shop.svc.cluster.local", "A", ["A 10.1.0.7"]],
    ["10-1-0-8.db.shop.svc.cluster.local", "A", ["A 10.1.0.8"]],
    ["db-9.db.shop.svc.cluster.local", "A", "nxDomain"],
    ["_http._tcp.web.shop.svc.cluster.local", "SRV", ["SRV 80 web.shop.svc.cluster.local"]],
    ["_http._udp.web.shop.svc.cluster.local", "SRV", "nxDomain"],
    [
      "_redis._tcp.db.shop.svc.cluster.local",
      "SRV",
      ["SRV 6379 db-0.db.shop.svc.cluster.local", "SRV 6379 10-1-0-8.db.shop.svc.cluster.local"],
    ],
    ["_http._tcp.web.shop.svc.cluster.local", "A", "noData"],
    ["web.shop.svc.cluster.local", "SRV", ["SRV 80 web.shop.svc.cluster.local"]],
    ["ext.shop.svc.cluster.local", "CNAME", ["CNAME example.com"]],
    ["alias.shop.svc.cluster.local", "A", ["CNAME web.shop.svc.cluster.local", "A 10.96.0.5"]],
    ["1-2-3-4.shop.pod.cluster.local", "A", ["A 1.2.3.4"]],
    ["1-2-3.shop.pod.cluster.local", "A", "nxDomain"],
    ["1-2-3-4.nowhere.pod.cluster.local", "A", "nxDomain"],
    ["dns-version.cluster.local", "TXT", ["TXT 1.1.0"]],
    ["5.0.96.10.in-addr.arpa", "PTR", ["PTR web.shop.svc.cluster.local"]],
    ["7.0.1.10.in-addr.arpa", "PTR", ["PTR db-0.db.shop.svc.cluster.local"]],
    ["9.0.1.10.in-addr.arpa", "PTR", "notOurs"],
    ["shop.svc.cluster.local", "A", "noData"],
    ["nowhere.svc.cluster.local", "A", "nxDomain"],
    ["svc.cluster.local", "A", "noData"],
    ["cluster.local", "A", "noData"],
    ["web.nowhere.svc.cluster.local", "A", "nxDomain"],
    ["a.b.c.web.shop.svc.cluster.local", "A", "nxDomain"],
    ["example.com", "A", "notOurs"],
    ["notcluster.local", "A", "notOurs"],
  ])("%s %s", (name, type, want) => {
    expect(short(name, type)).toEqual(want);
  });

  test("an external name asks the caller to follow it; one that points at itself ends", () => {
    expect(ask("ext.shop.svc.cluster.local")).toMatchObject({ kind: "answer", follow: "example.com" });
    expect(ask("loop.shop.svc.cluster.local").kind).toBe("answer");
  });

  test("SRV answers bring the addresses of their targets", () => {
    const found = ask("_redis._tcp.db.shop.svc.cluster.local", "SRV");
    expect(found.kind === "answer" && found.additionals.map((one) => (one as { data: unknown }).data)).toEqual([
      "10.1.0.7",
      "10.1.0.8",
    ]);
  });

  test("a headless service without ready endpoints does not exist", () => {
    directory.setSlice(slice("db-1", "db", [{ addresses: ["10.1.0.7"], conditions: { ready: false } }]));
    expect(short("db.shop.svc.cluster.local")).toBe("nxDomain");
    expect(short("7.0.1.10.in-addr.arpa", "PTR")).toBe("notOurs");
  });

  test("a service that changes or goes leaves no old address behind", () => {
    directory.setService(service("web", { clusterIP: "10.96.0.6" }));
    expect([short("5.0.96.10.in-addr.arpa", "PTR"), short("6.0.96.10.in-addr.arpa", "PTR")]).toEqual([
      "notOurs",
      ["PTR web.shop.svc.cluster.local"],
    ]);
    directory.removeService("shop/web");
    expect([short("web.shop.svc.cluster.local"), short("6.0.96.10.in-addr.arpa", "PTR")]).toEqual([
      "nxDomain",
      "notOurs",
    ]);
  });
});

describe("parseReverse", () => {
  test.each([
    ["4.3.2.1.in-addr.arpa", "1.2.3.4"],
    ["400.3.2.1.in-addr.arpa", undefined],
    ["3.2.1.in-addr.arpa", undefined],
    [`1.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`, "2001:db8::1"],
  ])("%s", (name, want) => {
    expect(parseReverse(name)).toBe(want);
  });
});
