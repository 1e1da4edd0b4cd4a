import { describe, expect, test } from "vitest";
import type { Node, Pod } from "#pkg/api/core/v1.ts";
import { chooseContainer, logQuery, nodeUrl, streamQuery } from "./node-location.ts";
import { parseProxyName, proxyUrl } from "./proxy-target.ts";

const node = (addresses: readonly (readonly [string, string])[], port?: number): Node => ({
  metadata: { name: "n" },
  spec: {},
  status: {
    addresses: addresses.map(([type, address]) => ({ type: type as "InternalIP", address })),
    ...(port ? { daemonEndpoints: { kubeletEndpoint: { Port: port } } } : {}),
  },
});

describe("nodeUrl", () => {
  test.each([
    [
      node(
        [
          ["Hostname", "h"],
          ["InternalIP", "10.0.0.1"],
        ],
        1234,
      ),
      "https://10.0.0.1:1234/",
    ],
    [node([["InternalIP", "fd00::1"]]), "https://[fd00::1]:10250/"],
    [node([["Hostname", "h"]]), "https://h:10250/"],
  ])("%#", (given, expected) => {
    expect(nodeUrl(given).href).toBe(expected);
  });

  test("a node without an address is not available", () => {
    expect(() => nodeUrl(node([]))).toThrow('no preferred addresses found for node "n"');
  });
});

describe("chooseContainer", () => {
  const pod = (...names: string[]): Pod => ({
    metadata: { name: "p" },
    spec: { containers: names.map((name) => ({ name })) },
  });
  test("the only one, the one asked for, or the choice", () => {
    expect(chooseContainer(pod("a"), "")).toBe("a");
    expect(chooseContainer(pod("a", "b"), "b")).toBe("b");
    expect(() => chooseContainer(pod("a", "b"), "")).toThrow("choose one of: [a b]");
    expect(() => chooseContainer(pod("a"), "c")).toThrow("container c is not valid for pod p");
  });
});

describe("queries", () => {
  test("are put in the agent's words, and nothing else is handed on", () => {
    const stream = new URLSearchParams("stdin=true&stdout=1&tty=false&command=a&command=b c&container=x");
    expect(streamQuery(stream).toString()).toBe("input=1&output=1&command=a&command=b+c");
    expect(logQuery(new URLSearchParams("follow=true&container=x&other=1")).toString()).toBe("follow=true");
  });
});

describe("proxyUrl", () => {
  const base = new URL("https://10.0.0.1:10250/");
  test.each([
    ["/api/v1/nodes/n/proxy/metrics/resource", "", "https://10.0.0.1:10250/metrics/resource"],
    ["/api/v1/nodes/n/proxy", "", "https://10.0.0.1:10250/"],
    ["/api/v1/nodes/n/proxy//evil.example/x", "", "https://10.0.0.1:10250//evil.example/x"],
    ["/api/v1/namespaces/a/pods/p/proxy/x%20y", "a", "https://10.0.0.1:10250/x%20y"],
  ])("%s", (path, namespace, expected) => {
    expect(proxyUrl(base, { path, query: new URLSearchParams() }, { namespace }).href).toBe(expected);
  });

  test("names carry a scheme and a port", () => {
    expect(parseProxyName("p")).toEqual({ scheme: "", name: "p", port: "" });
    expect(parseProxyName("p:80")).toEqual({ scheme: "", name: "p", port: "80" });
    expect(parseProxyName("https:p:web")).toEqual({ scheme: "https", name: "p", port: "web" });
    expect(() => parseProxyName("ftp:p:1")).toThrow("invalid proxy request");
  });
});
