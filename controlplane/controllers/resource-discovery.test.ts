import { describe, expect, test } from "vitest";
import { computeDiscovery } from "./resource-discovery.ts";

const resource = (plural: string, scope = "Namespaced") => ({
  resource: plural,
  responseKind: { group: "", version: "", kind: "Kind" },
  scope,
  singularResource: "",
  verbs: ["list"],
});

describe("computeDiscovery", () => {
  test("takes each resource once, from the version that its group names first", () => {
    const { resources } = computeDiscovery([
      { metadata: {}, items: [{ metadata: {}, versions: [{ version: "v1", resources: [resource("pods")] }] }] },
      {
        metadata: {},
        items: [
          {
            metadata: { name: "autoscaling" },
            versions: [
              { version: "v2", resources: [resource("scalers", "Cluster")] },
              { version: "v1", resources: [resource("scalers"), resource("olds")] },
            ],
          },
        ],
      },
    ]);
    expect(resources.map((one) => [one.group, one.version, one.plural, one.namespaced])).toEqual([
      ["", "v1", "pods", true],
      ["autoscaling", "v2", "scalers", false],
      ["autoscaling", "v1", "olds", true],
    ]);
  });

  test("names the groups that did not answer", () => {
    const items = [{ metadata: { name: "x.io" }, versions: [{ version: "v1", freshness: "Stale" }] }];
    expect(computeDiscovery([{ metadata: {}, items }]).failedGroups).toEqual(["x.io/v1"]);
  });
});
