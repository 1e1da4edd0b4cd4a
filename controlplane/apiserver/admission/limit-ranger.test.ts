import { beforeEach, describe, expect, test } from "vitest";
import type { LimitRangeItem, Pod } from "#pkg/api/core/v1.ts";
import { MemoryObjects } from "../testing/memory-objects.ts";
import { limitRanger } from "./limit-ranger.ts";
import { admit, whyRefused } from "./testing/request.ts";

let objects: MemoryObjects;

beforeEach(() => {
  objects = new MemoryObjects();
});

function limit(name: string, ...limits: LimitRangeItem[]): void {
  objects.put("", "limitranges", { metadata: { namespace: "shop", name }, spec: { limits } });
}

const container = (name: string, requests?: Record<string, string>, limits?: Record<string, string>) => ({
  name,
  ...(requests || limits ? { resources: { ...(requests ? { requests } : {}), ...(limits ? { limits } : {}) } } : {}),
});
const podOf = (...containers: object[]) => ({ spec: { containers } });
const create = (object: object, what = "CREATE pods shop/web") => whyRefused(limitRanger(objects), { what, object });

describe("LimitRanger defaults", () => {
  test("fill in what containers leave open, and are noted on the pod", async () => {
    limit("l", { type: "Container", default: { cpu: "1", memory: "1Gi" }, defaultRequest: { cpu: "100m" } });
    const pod = {
      spec: {
        containers: [container("a"), container("b", { cpu: "2" }, { cpu: "2" })],
        initContainers: [container("i")],
      },
    };
    const { object } = await admit(limitRanger(objects), { what: "CREATE pods shop/web", object: pod });
    const { spec, metadata } = object as Pod;
    const filled = { requests: { cpu: "100m" }, limits: { cpu: "1", memory: "1Gi" } };
    expect(spec.containers.map((one) => one.resources)).toEqual([
      filled,
      { requests: { cpu: "2" }, limits: { cpu: "2", memory: "1Gi" } },
    ]);
    expect(spec.initContainers?.[0]?.resources).toEqual(filled);
    expect(metadata.annotations?.["kubernetes.io/limit-ranger"]).toBe(
      "LimitRanger plugin set: cpu request for container a; cpu, memory limit for container a; " +
        "memory limit for container b; cpu request for init container i; cpu, memory limit for init container i",
    );
  });

  test("of the first range count where two say something", async () => {
    limit("a", { type: "Container", default: { cpu: "1" } });
    limit("b", { type: "Container", default: { cpu: "2", memory: "1Gi" } });
    const { object } = await admit(limitRanger(objects), {
      what: "CREATE pods shop/web",
      object: podOf(container("c")),
    });
    expect((object as Pod).spec.containers[0]?.resources?.limits).toEqual({ cpu: "1", memory: "1Gi" });
  });

  test("of another namespace do nothing", async () => {
    limit("l", { type: "Container", default: { cpu: "1" } });
    const { object } = await admit(limitRanger(objects), {
      what: "CREATE pods depot/web",
      object: podOf(container("c")),
    });
    expect(object).toEqual({ metadata: { namespace: "depot", name: "web" }, spec: { containers: [{ name: "c" }] } });
  });
});

describe("LimitRanger bounds", () => {
  const cpu = (request?: string, most?: string) =>
    podOf(container("c", request ? { cpu: request } : undefined, most ? { cpu: most } : undefined));
  const item = (bounds: Partial<LimitRangeItem>): LimitRangeItem => ({ type: "Container", ...bounds });

  test.each<[string, Partial<LimitRangeItem>, object, string]>([
    ["enough", { min: { cpu: "100m" } }, cpu("100m"), ""],
    [
      "no request",
      { min: { cpu: "100m" } },
      cpu(),
      "minimum cpu usage per Container is 100m.  No request is specified",
    ],
    [
      "a small request",
      { min: { cpu: "100m" } },
      cpu("50m"),
      "minimum cpu usage per Container is 100m, but request is 50m",
    ],
    [
      "a small limit",
      { min: { cpu: "1" } },
      cpu("1", "500m"),
      "minimum cpu usage per Container is 1, but limit is 500m",
    ],
    ["no limit", { max: { cpu: "1" } }, cpu("500m"), "maximum cpu usage per Container is 1.  No limit is specified"],
    ["a large limit", { max: { cpu: "1" } }, cpu("500m", "2"), "maximum cpu usage per Container is 1, but limit is 2"],
    ["a large request", { max: { cpu: "1" } }, cpu("2", "1"), "maximum cpu usage per Container is 1, but request is 2"],
    ["the very limit", { max: { cpu: "1" } }, cpu("1000m", "1000m"), ""],
    ["the very ratio", { maxLimitRequestRatio: { cpu: "2" } }, cpu("500m", "1"), ""],
    [
      "too wide a ratio",
      { maxLimitRequestRatio: { cpu: "2" } },
      cpu("300m", "1"),
      "cpu max limit to request ratio per Container is 2, but provided ratio is 3.333333",
    ],
    [
      "a ratio without request",
      { maxLimitRequestRatio: { cpu: "2" } },
      cpu(undefined, "1"),
      "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
    ],
  ])("judge a container with %s", async (_what, bounds, pod, why) => {
    limit("l", item(bounds));
    expect(await create(pod)).toBe(why);
  });

  test("name every problem", async () => {
    limit("l", item({ max: { cpu: "1", memory: "1Gi" } }));
    expect(await create(cpu("1"))).toBe(
      "[maximum cpu usage per Container is 1.  No limit is specified, maximum memory usage per Container is 1Gi.  No limit is specified]",
    );
  });

  test("of type Pod hold for the sum", async () => {
    limit("l", { type: "Pod", max: { memory: "3Gi" } });
    const two = container("c", { memory: "2Gi" }, { memory: "2Gi" });
    expect(await create(podOf(two))).toBe("");
    expect(await create(podOf(two, { ...two, name: "d" }))).toBe(
      "maximum memory usage per Pod is 3Gi, but limit is 4Gi",
    );
  });

  test("of type PersistentVolumeClaim hold for the size asked for, also when it grows", async () => {
    limit("l", { type: "PersistentVolumeClaim", min: { storage: "1Gi" }, max: { storage: "10Gi" } });
    const claim = (storage: string) => ({ spec: { resources: { requests: { storage } } } });
    const what = "CREATE persistentvolumeclaims shop/data";
    expect(await create(claim("5Gi"), what)).toBe("");
    expect(await create(claim("500Mi"), what)).toBe(
      "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi",
    );
    expect(await create(claim("11Gi"), what.replace("CREATE", "UPDATE"))).toBe(
      "maximum storage usage per PersistentVolumeClaim is 10Gi, but request is 11Gi",
    );
  });

  test("hold for a pod that is resized and not for one that is only updated", async () => {
    limit("l", item({ max: { cpu: "1" } }));
    const oldObject = cpu("1", "1");
    const update = (what: string) => whyRefused(limitRanger(objects), { what, object: cpu("2", "2"), oldObject });
    expect(await update("UPDATE pods shop/web")).toBe("");
    expect(await update("UPDATE pods/resize shop/web")).toMatch(/^maximum cpu usage/);
  });

  test("do not hold back an object that is going", async () => {
    limit("l", { type: "PersistentVolumeClaim", max: { storage: "1Gi" } });
    const object = { spec: { resources: { requests: { storage: "2Gi" } } } };
    const oldObject = { ...object, metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } };
    expect(
      await whyRefused(limitRanger(objects), { what: "UPDATE persistentvolumeclaims shop/d", object, oldObject }),
    ).toBe("");
  });
});
