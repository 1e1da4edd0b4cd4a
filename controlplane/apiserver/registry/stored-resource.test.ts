import { describe, expect, test } from "vitest";
import { resourceFor, resources } from "#pkg/api/schema/resources.ts";
import { storedResourceOf } from "./stored-resource.ts";

function stored(group: string, version: string, plural: string) {
  const resource = resourceFor(group, version, plural);
  if (!resource) throw new Error(`no ${plural}`);
  return storedResourceOf(resource);
}

describe("storedResourceOf", () => {
  test.each([
    ["", "v1", "nodes", { prefix: "/registry/minions/", namespaced: false, hasStatus: true }],
    ["", "v1", "services", { prefix: "/registry/services/specs/", allowsCreateOnUpdate: true }],
    ["", "v1", "configmaps", { prefix: "/registry/configmaps/", hasStatus: false, allowsUnconditionalUpdate: true }],
    ["apps", "v1", "deployments", { prefix: "/registry/deployments/", kind: "Deployment" }],
  ])("%s/%s %s", (group, version, plural, expected) => {
    expect(stored(group, version, plural)).toMatchObject(expected);
  });

  test("what is never stored has none", () => {
    expect(stored("", "v1", "bindings")).toBeUndefined();
  });

  test("no prefix is the beginning of another, so that a key belongs to one resource", () => {
    const prefixes = new Set(resources.map((one) => storedResourceOf(one)?.prefix).filter((one) => one !== undefined));
    for (const one of prefixes) {
      expect([...prefixes].filter((other) => other !== one && other.startsWith(one))).toEqual([]);
      expect(one.split("/").length).toBeLessThanOrEqual(5);
    }
  });
});
