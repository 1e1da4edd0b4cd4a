import { describe, expect, test } from "vitest";
import { silentLogger } from "#pkg/system/log.ts";
import { fakeRequest } from "../http/testing/fake-request.ts";
import { HealthHandler, pingCheck } from "./health.ts";

const broken = { name: "etcd", check: () => Promise.reject(new Error("the disk is full")) };
const fine = { name: "etcd", check: async () => undefined };
const health = (etcd: typeof broken | typeof fine) =>
  new HealthHandler({ healthz: [pingCheck, etcd], livez: [pingCheck], readyz: [pingCheck, etcd] }, silentLogger);

async function get(handler: HealthHandler, target: string) {
  const request = fakeRequest("GET", target);
  const response = await handler.find(request.path)?.(request);
  return response && `${response.status} ${response.body}`;
}

describe("HealthHandler", () => {
  test.each([
    ["/healthz", "200 ok"],
    ["/livez/", "200 ok"],
    ["/readyz/ping", "200 ok"],
    ["/readyz?verbose", "200 [+]ping ok\n[+]etcd ok\nreadyz check passed\n"],
    ["/readyz?verbose&exclude=etcd", "200 [+]ping ok\n[+]etcd excluded: ok\nreadyz check passed\n"],
    ["/livez/etcd", undefined],
    ["/healthy", undefined],
  ])("%s while all is well", async (target, wanted) => {
    expect(await get(health(fine), target)).toBe(wanted);
  });

  test.each([
    ["/livez", "200 ok"],
    ["/readyz", "500 [+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n"],
    ["/readyz?exclude=etcd", "200 ok"],
    ["/readyz/etcd", "500 internal server error: the disk is full\n"],
  ])("%s while the store is not", async (target, wanted) => {
    expect(await get(health(broken), target)).toBe(wanted);
  });
});
