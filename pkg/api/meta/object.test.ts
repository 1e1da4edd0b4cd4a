import { describe, expect, expectTypeOf, test } from "vitest";
import type { Deployment } from "../apps/v1.ts";
import type { Pod, Volume } from "../core/v1.ts";
import {
  formatApiVersion,
  formatGvk,
  formatGvr,
  gvkKey,
  gvkOf,
  gvrKey,
  type KubeObject,
  parseApiVersion,
  type Stored,
} from "./object.ts";

const deployments = { group: "apps", version: "v1", resource: "deployments" };
const deployment = { group: "apps", version: "v1", kind: "Deployment" };

describe("parseApiVersion", () => {
  test.each([
    ["v1", { group: "", version: "v1" }],
    ["apps/v1", { group: "apps", version: "v1" }],
    ["", { group: "", version: "" }],
    ["a/b/c", { group: "a", version: "b/c" }],
  ])("splits %j", (text, expected) => {
    expect(parseApiVersion(text)).toEqual(expected);
    expect(formatApiVersion(expected)).toBe(text);
  });
});

describe("gvkOf", () => {
  test("reads what an object says it is", () => {
    expect(gvkOf({ apiVersion: "apps/v1", kind: "Deployment" })).toEqual(deployment);
    expect(gvkOf({})).toEqual({ group: "", version: "", kind: "" });
  });
});

describe("formatGvk and formatGvr", () => {
  test("print as upstream does", () => {
    expect(formatGvk(deployment)).toBe("apps/v1, Kind=Deployment");
    expect(formatGvr(deployments)).toBe("apps/v1, Resource=deployments");
  });
});

describe("gvkKey and gvrKey", () => {
  test("tell apart what differs in one part", () => {
    expect(gvkKey(deployment)).toBe("Deployment.v1.apps");
    expect(gvrKey(deployments)).toBe("deployments.v1.apps");
    expect(gvrKey({ ...deployments, group: "" })).toBe("deployments.v1.");
  });
});

describe("the generated types", () => {
  test("fit the types for objects of any kind", () => {
    expectTypeOf<Pod>().toExtend<KubeObject>();
    expectTypeOf<Stored<Deployment>>().toExtend<Stored>();
    expectTypeOf<Stored<Deployment>["metadata"]["resourceVersion"]>().toEqualTypeOf<string>();
  });

  test("require what is always there and leave the rest open", () => {
    const pod: Pod = { metadata: {}, spec: { containers: [{ name: "a" }] } };
    const volume: Volume = { name: "v", emptyDir: {} };
    expect([pod.status?.phase, volume.configMap]).toEqual([undefined, undefined]);
    expectTypeOf<NonNullable<Pod["spec"]["containers"][number]["imagePullPolicy"]>>().toEqualTypeOf<
      "Always" | "IfNotPresent" | "Never"
    >();
  });
});
