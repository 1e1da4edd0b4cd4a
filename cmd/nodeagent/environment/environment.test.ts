import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Service } from "#pkg/api/core/v1.ts";
import { computeVariables, type VariablesInput } from "./container-variables.ts";
import { computeDns, parseResolvConf } from "./dns-config.ts";
import { expandVariables, unknownVariables } from "./expand-variables.ts";
import { computeHostname, computePodNames } from "./hostname.ts";
import { buildHostNetworkHostsFile, buildHostsFile } from "./hosts-file.ts";
import { readContainerResource, readPodField } from "./pod-field.ts";
import { computeServiceVariables } from "./service-variables.ts";
import { makeContainer, makePod } from "./testing/pods.ts";

const addresses = { podIps: ["10.1.0.4", "fd00::4"], hostIps: ["192.0.2.7"] };

describe("expandVariables", () => {
  const values: Record<string, string> = { A: "one", B: "$(A)", EMPTY: "" };
  test.each([
    ["plain", "plain"],
    ["$(A)", "one"],
    ["$(A)$(A)-x", "oneone-x"],
    ["$$(A)", "$(A)"],
    ["$$$(A)", "$one"],
    ["$(B)", "$(A)"],
    ["$(EMPTY)|", "|"],
    ["$(NONE)", "$(NONE)"],
    ["$(A", "$(A"],
    ["$A", "$A"],
    ["$", "$"],
    ["a$", "a$"],
    ["$()", "$()"],
    ["$($(A))", "$($(A))"],
  ])("%s becomes %s", (text, expected) => {
    expect(expandVariables(text, (name) => values[name])).toBe(expected);
  });

  test("text without dollar signs never changes", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const plain = text.replaceAll("$", "");
        expect(expandVariables(plain, () => "x")).toBe(plain);
      }),
    );
  });

  test("text whose dollar signs are doubled comes back as it was", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(expandVariables(text.replaceAll("$", "$$$$"), () => "x")).toBe(text);
      }),
    );
  });

  test("names that are not known are told", () => {
    expect(unknownVariables("$(A)/$(X)/$$(Y)", (name) => values[name])).toEqual(["X"]);
  });
});

function makeService(
  name: string,
  namespace: string,
  ports: readonly [number, string?, ("TCP" | "UDP")?][],
  clusterIP = "10.0.0.1",
): Service {
  return {
    metadata: { name, namespace },
    spec: { clusterIP, ports: ports.map(([port, portName, protocol]) => ({ port, name: portName, protocol })) },
  };
}

describe("computeServiceVariables", () => {
  test("a service becomes host, ports and links", () => {
    const services = [
      makeService(
        "my-db",
        "shop",
        [
          [5432, "sql"],
          [53, "dns-udp", "UDP"],
        ],
        "10.0.0.9",
      ),
    ];
    const variables = computeServiceVariables({ services, namespace: "shop", enableServiceLinks: true });
    expect(Object.fromEntries(variables)).toEqual({
      MY_DB_SERVICE_HOST: "10.0.0.9",
      MY_DB_SERVICE_PORT: "5432",
      MY_DB_SERVICE_PORT_SQL: "5432",
      MY_DB_SERVICE_PORT_DNS_UDP: "53",
      MY_DB_PORT: "tcp://10.0.0.9:5432",
      MY_DB_PORT_5432_TCP: "tcp://10.0.0.9:5432",
      MY_DB_PORT_5432_TCP_PROTO: "tcp",
      MY_DB_PORT_5432_TCP_PORT: "5432",
      MY_DB_PORT_5432_TCP_ADDR: "10.0.0.9",
      MY_DB_PORT_53_UDP: "udp://10.0.0.9:53",
      MY_DB_PORT_53_UDP_PROTO: "udp",
      MY_DB_PORT_53_UDP_PORT: "53",
      MY_DB_PORT_53_UDP_ADDR: "10.0.0.9",
    });
  });

  const services = [
    makeService("kubernetes", "default", [[443]]),
    makeService("other", "default", [[1]]),
    makeService("web", "shop", [[80]]),
    makeService("headless", "shop", [[80]], "None"),
    makeService("nameless", "shop", [[80]], ""),
    makeService("elsewhere", "bank", [[80]]),
  ];
  const hostsOf = (namespace: string, enableServiceLinks: boolean) =>
    [...computeServiceVariables({ services, namespace, enableServiceLinks }).keys()].filter((name) =>
      name.endsWith("_HOST"),
    );

  test.each([
    ["shop", true, ["KUBERNETES_SERVICE_HOST", "WEB_SERVICE_HOST"]],
    ["shop", false, ["KUBERNETES_SERVICE_HOST"]],
    ["default", true, ["KUBERNETES_SERVICE_HOST", "OTHER_SERVICE_HOST"]],
    ["default", false, ["KUBERNETES_SERVICE_HOST"]],
  ])("in %s with links %s", (namespace, links, expected) => {
    expect(hostsOf(namespace, links)).toEqual(expected);
  });

  test("addresses of IPv6 stand in brackets in links only", () => {
    const variables = computeServiceVariables({
      services: [makeService("six", "shop", [[80]], "fd00::1")],
      namespace: "shop",
      enableServiceLinks: true,
    });
    expect(variables.get("SIX_PORT")).toBe("tcp://[fd00::1]:80");
    expect(variables.get("SIX_SERVICE_HOST")).toBe("fd00::1");
  });
});

describe("readPodField", () => {
  const pod = makePod({}, { labels: { app: "web", b: 'q"\n' }, annotations: { "x.y/z": "note" } });
  test.each([
    ["metadata.name", "web"],
    ["metadata.namespace", "shop"],
    ["metadata.uid", "0a1b"],
    ["metadata.labels", 'app="web"\nb="q\\"\\n"'],
    ["metadata.annotations", 'x.y/z="note"'],
    ["metadata.labels['app']", "web"],
    ["metadata.annotations['x.y/z']", "note"],
    ["metadata.labels['none']", ""],
    ["spec.nodeName", "node-1"],
    ["spec.serviceAccountName", "default"],
    ["status.hostIP", "192.0.2.7"],
    ["status.hostIPs", "192.0.2.7"],
    ["status.podIP", "10.1.0.4"],
    ["status.podIPs", "10.1.0.4,fd00::4"],
  ])("%s is %j", (fieldPath, expected) => {
    expect(readPodField(pod, fieldPath, addresses)).toBe(expected);
  });

  test("another path is refused by name", () => {
    expect(() => readPodField(pod, "spec.secret", addresses)).toThrow("unsupported fieldPath: spec.secret");
  });
});

describe("readContainerResource", () => {
  const container = makeContainer({
    resources: { limits: { cpu: "1500m", memory: "100Mi" }, requests: { cpu: "250m" } },
  });
  const allocatable = { cpu: "4", memory: "8Gi", "ephemeral-storage": "10Gi" };
  test.each([
    ["limits.cpu", undefined, "2"],
    ["limits.cpu", "1m", "1500"],
    ["requests.cpu", "1m", "250"],
    ["requests.cpu", undefined, "1"],
    ["limits.memory", "1Mi", "100"],
    ["limits.memory", undefined, "104857600"],
    ["requests.memory", "1Mi", "0"],
    ["limits.ephemeral-storage", "1Gi", "10"],
    ["limits.memory", "0", "104857600"],
  ])("%s by %s is %s", (resource, divisor, expected) => {
    expect(readContainerResource(makePod(), container, { resource, divisor }, allocatable)).toBe(expected);
  });

  test("without a limit it is what the node has", () => {
    expect(readContainerResource(makePod(), makeContainer(), { resource: "limits.cpu" }, allocatable)).toBe("4");
  });

  test("a limit of the whole pod comes before the node's", () => {
    const pod = makePod({ resources: { limits: { cpu: "3" } } });
    expect(readContainerResource(pod, makeContainer(), { resource: "limits.cpu" }, allocatable)).toBe("3");
  });
});

function variablesOf(input: Partial<VariablesInput>): Record<string, string> {
  const { variables } = computeVariables(inputOf(input));
  return Object.fromEntries(variables.map(({ name, value }) => [name, value]));
}

function inputOf(input: Partial<VariablesInput>): VariablesInput {
  return {
    pod: makePod(),
    container: makeContainer(),
    addresses,
    allocatable: {},
    serviceVariables: new Map(),
    sources: new Map(),
    ...input,
  };
}

describe("computeVariables", () => {
  const sources = new Map([
    ["configMap/a", { X: "from-a", Y: "a" }],
    ["secret/b", { X: "from-b" }],
  ]);

  test("later sources win over earlier ones, and env over both", () => {
    const container = makeContainer({
      envFrom: [{ configMapRef: { name: "a" } }, { secretRef: { name: "b" } }],
      env: [{ name: "Y", value: "own" }],
    });
    expect(variablesOf({ container, sources })).toEqual({ X: "from-b", Y: "own" });
  });

  test("a prefix goes before each key", () => {
    const container = makeContainer({ envFrom: [{ prefix: "P_", configMapRef: { name: "a" } }] });
    expect(variablesOf({ container, sources })).toEqual({ P_X: "from-a", P_Y: "a" });
  });

  test("values see what was declared before them, envFrom and services", () => {
    const container = makeContainer({
      envFrom: [{ configMapRef: { name: "a" } }],
      env: [
        { name: "EARLY", value: "$(LATE)" },
        { name: "LATE", value: "$(X):$(S)" },
        { name: "LATER", value: "<$(LATE)>" },
      ],
    });
    const serviceVariables = new Map([["S", "svc"]]);
    expect(variablesOf({ container, sources, serviceVariables })).toMatchObject({
      EARLY: "$(LATE)",
      LATE: "from-a:svc",
      LATER: "<from-a:svc>",
      S: "svc",
    });
  });

  test("a variable keeps its name from a service's", () => {
    const container = makeContainer({ env: [{ name: "S", value: "own" }] });
    expect(variablesOf({ container, serviceVariables: new Map([["S", "svc"]]) })).toEqual({ S: "own" });
  });

  test("fields, resources and keys", () => {
    const container = makeContainer({
      resources: { limits: { cpu: "2" } },
      env: [
        { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
        { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
        { name: "C", valueFrom: { configMapKeyRef: { name: "a", key: "Y" } } },
        { name: "S", valueFrom: { secretKeyRef: { name: "b", key: "X" } } },
        { name: "O", valueFrom: { secretKeyRef: { name: "gone", key: "X", optional: true } } },
        { name: "K", valueFrom: { configMapKeyRef: { name: "a", key: "gone", optional: true } } },
      ],
    });
    expect(variablesOf({ container, sources })).toEqual({ IP: "10.1.0.4", CPU: "2", C: "a", S: "from-b" });
  });

  test.each([
    [{ configMapKeyRef: { name: "gone", key: "X" } }, 'configmap "gone" not found'],
    [{ secretKeyRef: { name: "gone", key: "X" } }, 'secret "gone" not found'],
    [{ configMapKeyRef: { name: "a", key: "Z" } }, "couldn't find key Z in ConfigMap shop/a"],
    [{ secretKeyRef: { name: "b", key: "Z" } }, "couldn't find key Z in Secret shop/b"],
  ])("%j fails with %s", (valueFrom, message) => {
    const container = makeContainer({ env: [{ name: "V", valueFrom }] });
    expect(() => variablesOf({ container, sources })).toThrow(message);
  });

  test("keys that are no names are left out and told", () => {
    const container = makeContainer({ envFrom: [{ configMapRef: { name: "bad" } }] });
    const bad = new Map([["configMap/bad", { "a=b": "1", good: "2" }]]);
    const { variables, skipped } = computeVariables(inputOf({ container, sources: bad }));
    expect(variables).toEqual([{ name: "good", value: "2" }]);
    expect(skipped).toEqual([{ source: "configMap/bad", keys: ["a=b"] }]);
  });
});

describe("computeDns", () => {
  const host = { servers: ["8.8.8.8"], searches: ["corp.example"], options: ["timeout:1"] };
  const settings = { clusterDns: ["10.96.0.10"], clusterDomain: "cluster.local", host };
  const cluster = {
    servers: ["10.96.0.10"],
    searches: ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "corp.example"],
    options: ["ndots:5"],
  };
  test.each([
    ["ClusterFirst", false, cluster],
    ["ClusterFirst", true, host],
    ["ClusterFirstWithHostNet", true, cluster],
    ["Default", false, host],
    ["None", false, { servers: [], searches: [], options: [] }],
  ] as const)("%s with host network %s", (dnsPolicy, hostNetwork, expected) => {
    expect(computeDns(makePod({ dnsPolicy, hostNetwork }), settings)).toEqual({ config: expected, warnings: [] });
  });

  test("dnsConfig adds servers and searches and overrides options", () => {
    const pod = makePod({
      dnsConfig: {
        nameservers: ["10.96.0.10", "1.1.1.1"],
        searches: ["x.y"],
        options: [{ name: "ndots", value: "2" }, { name: "edns0" }],
      },
    });
    const { config } = computeDns(pod, settings);
    expect(config.servers).toEqual(["10.96.0.10", "1.1.1.1"]);
    expect(config.searches.at(-1)).toBe("x.y");
    expect(config.options).toEqual(["ndots:2", "edns0"]);
  });

  test("without a cluster DNS the host's is used, with a warning", () => {
    const { config, warnings } = computeDns(makePod(), { ...settings, clusterDns: [] });
    expect(config).toEqual(host);
    expect(warnings.map(({ reason }) => reason)).toEqual(["MissingClusterDNS"]);
  });

  test("a node without a resolv.conf gives pods an address where nobody answers", () => {
    const { config } = computeDns(makePod({ dnsPolicy: "Default" }), { ...settings, host: undefined });
    expect(config).toEqual({ servers: ["127.0.0.1"], searches: ["."], options: [] });
  });

  test("limits always hold", () => {
    fc.assert(
      fc.property(
        fc.array(fc.ipV4(), { maxLength: 6 }),
        fc.array(fc.domain(), { maxLength: 80 }),
        (nameservers, searches) => {
          const { config, warnings } = computeDns(makePod({ dnsConfig: { nameservers, searches } }), settings);
          expect(config.servers.length).toBeLessThanOrEqual(3);
          expect(config.searches.length).toBeLessThanOrEqual(32);
          expect(config.searches.join(" ").length).toBeLessThanOrEqual(2048);
          const wanted = new Set([...settings.clusterDns, ...nameservers]).size;
          expect(warnings.some(({ message }) => message.startsWith("Nameserver"))).toBe(wanted > 3);
        },
      ),
    );
  });
});

describe("parseResolvConf", () => {
  test("reads servers, the last search line and options", () => {
    const text =
      "# a\nnameserver 1.1.1.1 ; first\nsearch old\nsearch a.b. c .\nnameserver ::1\noptions ndots:1 rotate\n";
    expect(parseResolvConf(text)).toEqual({
      servers: ["1.1.1.1", "::1"],
      searches: ["a.b", "c", "."],
      options: ["ndots:1", "rotate"],
    });
  });
});

describe("computeHostname", () => {
  test.each([
    [{}, "web"],
    [{ hostname: "db-0" }, "db-0"],
    [{ hostname: "db-0", subdomain: "db" }, "db-0"],
    [{ hostname: "db-0", subdomain: "db", setHostnameAsFQDN: true }, "db-0.db.shop.svc.cluster.local"],
    [{ setHostnameAsFQDN: true }, "web"],
    [{ hostNetwork: true }, ""],
    [{ hostnameOverride: "other" }, "other"],
  ])("%j is %s", (spec, expected) => {
    expect(computeHostname(makePod(spec), "cluster.local")).toBe(expected);
  });

  test("a long pod name is cut where a label may end", () => {
    const name = `${"a".repeat(62)}-bcd`;
    expect(computeHostname(makePod({}, { name }), "cluster.local")).toBe("a".repeat(62));
  });

  test("a full name that is too long is refused", () => {
    const pod = makePod({ hostname: "h".repeat(40), subdomain: "sub", setHostnameAsFQDN: true });
    expect(() => computeHostname(pod, "cluster.local")).toThrow("too long");
  });
});

describe("buildHostsFile", () => {
  test("names the pod by all its addresses", () => {
    const pod = makePod({ hostname: "db-0", subdomain: "db" });
    const lines = buildHostsFile(addresses.podIps, computePodNames(pod, "cluster.local"), []).split("\n");
    expect(lines[0]).toBe("# Kubernetes-managed hosts file.");
    expect(lines.slice(7)).toEqual([
      "10.1.0.4\tdb-0.db.shop.svc.cluster.local\tdb-0",
      "fd00::4\tdb-0.db.shop.svc.cluster.local\tdb-0",
      "",
    ]);
  });

  test("aliases come last", () => {
    const text = buildHostsFile(["10.1.0.4"], { hostname: "web", domain: "" }, [
      { ip: "1.2.3.4", hostnames: ["a", "b"] },
    ]);
    expect(text.endsWith("10.1.0.4\tweb\n\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n")).toBe(true);
  });

  test("the host's network has the host's file", () => {
    expect(buildHostNetworkHostsFile("127.0.0.1 localhost\n", [])).toBe(
      "# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n",
    );
  });
});
