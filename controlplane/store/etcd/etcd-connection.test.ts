import { describe, expect, test } from "vitest";
import { canTrustProgress } from "../etcd-store.ts";
import { EtcdConnection, parseEndpoint } from "./etcd-connection.ts";

describe("parseEndpoint", () => {
  test.each([
    ["https://10.0.0.1:2379", "10.0.0.1:2379", true],
    ["http://etcd.example:2379/", "etcd.example:2379", false],
    ["127.0.0.1:2379", "127.0.0.1:2379", false],
    ["https://[::1]:2379", "[::1]:2379", true],
    ["unix:///run/etcd.sock", "unix:/run/etcd.sock", false],
    ["unixs:///run/etcd.sock", "unix:/run/etcd.sock", true],
  ])("reads %s", (endpoint, target, secure) => {
    expect(parseEndpoint(endpoint)).toEqual({ target, secure });
  });

  test.each(["", "https://", "ftp://host:1"])("refuses %j", (endpoint) => {
    expect(() => parseEndpoint(endpoint)).toThrow("bad etcd endpoint");
  });
});

describe("EtcdConnection", () => {
  test("needs an endpoint", () => {
    const clock = { now: () => 0, monotonic: () => 0, sleep: async () => undefined, setTimer: () => never() };
    expect(() => new EtcdConnection({ endpoints: [], clock, timeoutMs: 1 })).toThrow("at least one endpoint");
  });
});

function never(): never {
  throw new TypeError("no timer is needed");
}

describe("canTrustProgress", () => {
  test.each([
    ["3.4.23", false],
    ["3.4.31", true],
    ["3.5.0", false],
    ["3.5.12", false],
    ["3.5.13", true],
    ["3.6.0-rc.1", true],
    ["3.3.99", false],
    ["4.0.0", true],
    ["unknown", false],
  ])("%s: %s", (version, trusted) => {
    expect(canTrustProgress(version)).toBe(trusted);
  });
});
