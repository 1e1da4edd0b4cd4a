import { describe, expect, test } from "vitest";
import { parseServerOptions } from "./options.ts";

const parse = (...argv: string[]) => parseServerOptions(argv, "0.0.0");

describe("parseServerOptions", () => {
  test("has upstream's defaults, and everything below one folder", () => {
    expect(parse()).toMatchObject({
      dataDir: "/var/lib/berth/server",
      kubeconfigFile: "/var/lib/berth/server/kubeconfig",
      securePort: 6443,
      store: { kind: "embedded" },
      serviceCidrs: ["10.96.0.0/16"],
      nodePorts: { first: 30_000, last: 32_767 },
      apiAudiences: ["https://kubernetes.default.svc.cluster.local"],
      anonymousAuth: true,
      runsControllers: true,
      nodeMonitorGracePeriodMs: 50_000,
    });
  });

  test("reads lists, ranges and durations", () => {
    const options = parse(
      "--tls-san=a.example,10.0.0.1",
      "--service-node-port-range=31000-31010",
      "--node-monitor-grace-period=1m30s",
      "--service-cluster-ip-range=10.0.0.0/24,fd00::/108",
    );
    expect(options).toMatchObject({
      tlsSans: ["a.example", "10.0.0.1"],
      nodePorts: { first: 31_000, last: 31_010 },
      nodeMonitorGracePeriodMs: 90_000,
      serviceCidrs: ["10.0.0.0/24", "fd00::/108"],
    });
  });

  test("an etcd cluster takes the store's place", () => {
    expect(parse("--etcd-servers=https://a:2379,https://b:2379", "--etcd-cafile=/ca").store).toEqual({
      kind: "etcd",
      servers: ["https://a:2379", "https://b:2379"],
      caFile: "/ca",
      certFile: undefined,
      keyFile: undefined,
    });
  });

  test.each([
    [["--nonsense"], /unknown option '--nonsense'/],
    [["--secure-port=70000"], /secure-port.*0 to 65535/],
    [["--bind-address=here"], /bind-address.*IP address/],
    [["--service-cluster-ip-range=10.96.0.0"], /service-cluster-ip-range.*CIDR/],
    [["--request-timeout=soon"], /request-timeout.*duration/],
    [["--service-node-port-range=5-1"], /node-port-range.*range of ports/],
    [["--etcd-servers=https://a:1", "--etcd-certfile=/c"], /go together/],
    [["--etcd-servers=https://a:1", "--etcd-listen=127.0.0.1:1"], /cannot go with/],
    [["--log-level=loud"], /log-level/],
  ])("refuses %j and says what it must be", (argv, message) => {
    expect(() => parse(...argv)).toThrow(message);
  });
});
