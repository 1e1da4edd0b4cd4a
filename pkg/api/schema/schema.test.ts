import { describe, expect, test } from "vitest";
import { formatField, isBuiltin, parseField } from "./field.ts";
import { enumValues, fieldOf, fieldsOf, gvkOfType, openApiName, typeInfo, typeNames, typeOf } from "./schema.ts";

describe("typeOf", () => {
  test.each([
    [{ group: "", version: "v1", kind: "Pod" }, "core/v1.Pod"],
    [{ group: "rbac.authorization.k8s.io", version: "v1", kind: "Role" }, "rbac/v1.Role"],
    [
      { group: "autoscaling", version: "v2", kind: "HorizontalPodAutoscaler" },
      "autoscaling/v2.HorizontalPodAutoscaler",
    ],
    [{ group: "", version: "v1", kind: "Status" }, "meta/v1.Status"],
    [{ group: "example.com", version: "v1", kind: "DeleteOptions" }, "meta/v1.DeleteOptions"],
    [{ group: "meta.k8s.io", version: "v1", kind: "Table" }, "meta/v1.Table"],
    [{ group: "", version: "v1", kind: "PodSpec" }, undefined],
    [{ group: "", version: "v2", kind: "Pod" }, undefined],
    [{ group: "", version: "v1", kind: "__proto__" }, undefined],
  ])("of %j is %s", (gvk, expected) => {
    expect(typeOf(gvk)).toBe(expected);
  });
});

describe("gvkOfType", () => {
  test("is the reverse of typeOf for every kind", () => {
    for (const name of typeNames()) {
      const gvk = gvkOfType(name);
      if (gvk) expect(typeOf(gvk)).toBe(name);
    }
  });
});

describe("fieldsOf", () => {
  test("puts the fields of inlined structs beside those of their owner", () => {
    const volume = fieldsOf("core/v1.Volume");
    expect([...volume.keys()].slice(0, 3)).toEqual(["name", "hostPath", "emptyDir"]);
    expect(fieldOf("apps/v1.Deployment", "apiVersion")?.number).toBe(2);
    expect(typeInfo("core/v1.Volume").declared).toHaveLength(2);
  });

  test("knows what patching needs", () => {
    expect(fieldOf("core/v1.PodSpec", "topologySpreadConstraints")).toMatchObject({
      number: 33,
      shape: "list",
      patchStrategy: ["merge"],
      patchMergeKey: "topologyKey",
      listType: "map",
      listMapKeys: ["topologyKey", "whenUnsatisfiable"],
    });
    expect(fieldOf("apps/v1.DeploymentSpec", "selector")).toMatchObject({ pointer: true, structType: "atomic" });
  });
});

describe("enumValues", () => {
  test("lists the values of a field's enumeration", () => {
    expect(enumValues(fieldOf("core/v1.Container", "imagePullPolicy")!.enumName!)).toEqual([
      "Always",
      "IfNotPresent",
      "Never",
    ]);
  });
});

describe("typeInfo", () => {
  test("refers only to types that are in the table", () => {
    const missing = typeNames()
      .flatMap((name) => typeInfo(name).declared)
      .filter((field) => !isBuiltin(field.type) && !typeNames().includes(field.type));
    expect(missing).toEqual([]);
  });

  test("refuses names that are not in the table", () => {
    expect(() => typeInfo("core/v1.Nothing")).toThrow("the schema has no type core/v1.Nothing");
    expect(() => typeInfo("constructor")).toThrow();
  });
});

describe("parseField", () => {
  test("reads every line of the table back to the same text", () => {
    for (const field of typeNames().flatMap((name) => typeInfo(name).declared)) {
      expect(parseField(formatField(field))).toEqual(field);
    }
  });

  test.each(["name", "name 1"])("refuses %j", (line) => {
    expect(() => parseField(line)).toThrow(/not a field/);
  });
});

describe("openApiName", () => {
  test.each([
    ["core/v1.Pod", "io.k8s.api.core.v1.Pod"],
    ["meta/v1.ObjectMeta", "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"],
    ["apiregistration/v1.APIService", "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService"],
  ])("of %s is %s", (name, expected) => {
    expect(openApiName(name)).toBe(expected);
  });
});
