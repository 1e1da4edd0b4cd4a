import { describe, expect, test } from "vitest";
import { parseDnsOptions, parseNameServers } from "./options.ts";

const parse = (...argv: string[]) => parseDnsOptions(argv, () => undefined);

describe("parseDnsOptions", () => {
  test("takes several addresses and fills in the rest", () => {
    expect(parse("--kubeconfig", "k", "--listen-address", "10.0.0.1,fd00::1")).toMatchObject({
      addresses: ["10.0.0.1", "fd00::1"],
      port: 53,
      domain: "cluster.local",
      ttlSeconds: 5,
    });
  });

  test.each([
    [["--kubeconfig", "k", "--port", "70000"], /--port/],
    [["--kubeconfig", "k", "--listen-address", "host"], /"host" is not an IP address/],
    [[], /--kubeconfig/],
  ])("refuses %j", (argv, message) => {
    expect(() => parse(...argv)).toThrow(message);
  });
});

describe("parseNameServers", () => {
  const text =
    "# nameserver 9.9.9.9\nnameserver 10.0.0.2\n  nameserver 10.0.0.1 # here\nsearch a b\nnameserver fe80::1%eth0\n";

  test("reads the servers in order", () => {
    expect(parseNameServers(text, { addresses: ["10.0.0.1"], port: 10_053 })).toEqual([
      { address: "10.0.0.2", port: 53 },
      { address: "10.0.0.1", port: 53 },
      { address: "fe80::1", port: 53 },
    ]);
  });

  test("leaves itself out when it answers on the usual port", () => {
    const servers = parseNameServers(text, { addresses: ["10.0.0.1"], port: 53 });
    expect(servers.map(({ address }) => address)).not.toContain("10.0.0.1");
  });
});
