import { describe, expect, test } from "vitest";
import { collectSchemas, type Dialect, type JsonSchema, schemaName } from "./json-schema.ts";

const pod = (dialect: Dialect) => collectSchemas(["core/v1.Pod"], dialect);
const propertiesOf = (schemas: Record<string, JsonSchema>, name: string) =>
  schemas[name]?.["properties"] as Record<string, JsonSchema>;

describe("schemaName", () => {
  test.each([
    ["core/v1.Pod", "io.k8s.api.core.v1.Pod"],
    ["meta/v1.ObjectMeta", "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"],
    [
      "apiextensions/v1.CustomResourceDefinition",
      "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    ],
    ["apiregistration/v1.APIService", "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService"],
    ["quantity", "io.k8s.apimachinery.pkg.api.resource.Quantity"],
    ["intOrString", "io.k8s.apimachinery.pkg.util.intstr.IntOrString"],
    ["rawExtension", "io.k8s.apimachinery.pkg.runtime.RawExtension"],
  ])("%s is %s", (typeName, name) => {
    expect(schemaName(typeName)).toBe(name);
  });
});

describe("collectSchemas", () => {
  test("describes a kind with its group and version and what it requires", () => {
    const schema = pod("v3")["io.k8s.api.core.v1.Pod"];
    expect(schema).toMatchObject({
      type: "object",
      "x-kubernetes-group-version-kind": [{ group: "", kind: "Pod", version: "v1" }],
      properties: {
        apiVersion: { type: "string" },
        kind: { type: "string" },
        metadata: { $ref: "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" },
      },
    });
    expect(pod("v3")["io.k8s.api.core.v1.PodSpec"]?.["required"]).toEqual(["containers"]);
  });

  test("tells how lists and maps merge", () => {
    const spec = propertiesOf(pod("v2"), "io.k8s.api.core.v1.PodSpec");
    expect(spec["volumes"]).toEqual({
      type: "array",
      items: { $ref: "#/definitions/io.k8s.api.core.v1.Volume" },
      "x-kubernetes-list-map-keys": ["name"],
      "x-kubernetes-list-type": "map",
      "x-kubernetes-patch-merge-key": "name",
      "x-kubernetes-patch-strategy": "merge,retainKeys",
    });
    expect(spec["tolerations"]).toMatchObject({ "x-kubernetes-list-type": "atomic" });
    expect(spec["nodeSelector"]).toEqual({
      type: "object",
      additionalProperties: { type: "string" },
      "x-kubernetes-map-type": "atomic",
    });
  });

  test("writes references beside other keys as version 3 wants them", () => {
    const types = ["apps/v1.Deployment"];
    const name = "io.k8s.api.apps.v1.DeploymentSpec";
    expect(propertiesOf(collectSchemas(types, "v3"), name)["strategy"]).toEqual({
      allOf: [{ $ref: "#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy" }],
      "x-kubernetes-patch-strategy": "retainKeys",
    });
    expect(propertiesOf(collectSchemas(types, "v2"), name)["strategy"]).toEqual({
      $ref: "#/definitions/io.k8s.api.apps.v1.DeploymentStrategy",
      "x-kubernetes-patch-strategy": "retainKeys",
    });
  });

  test("gives scalars, enumerations and defaults their forms", () => {
    const port = propertiesOf(pod("v3"), "io.k8s.api.core.v1.ContainerPort");
    expect(port["containerPort"]).toEqual({ type: "integer", format: "int32" });
    expect(port["protocol"]).toEqual({ type: "string", enum: ["SCTP", "TCP", "UDP"], default: "TCP" });
    const secret = collectSchemas(["core/v1.Secret"], "v3");
    expect(propertiesOf(secret, "io.k8s.api.core.v1.Secret")["data"]).toEqual({
      type: "object",
      additionalProperties: { type: "string", format: "byte" },
    });
  });

  test("quantities and int-or-string differ between the versions", () => {
    const [two, three] = [pod("v2"), pod("v3")];
    expect(two["io.k8s.apimachinery.pkg.api.resource.Quantity"]).toEqual({ type: "string" });
    expect(three["io.k8s.apimachinery.pkg.api.resource.Quantity"]).toEqual({
      oneOf: [{ type: "string" }, { type: "number" }],
    });
    expect(two["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]).toEqual({ type: "string", format: "int-or-string" });
    expect(three["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]).toEqual({
      format: "int-or-string",
      oneOf: [{ type: "integer" }, { type: "string" }],
    });
  });

  test("ends on types that contain themselves", () => {
    const schemas = collectSchemas(["apiextensions/v1.CustomResourceDefinition"], "v3");
    expect(Object.keys(schemas).some((name) => name.endsWith(".JSONSchemaProps"))).toBe(true);
    expect(Object.keys(schemas)).toEqual(Object.keys(schemas).toSorted());
  });
});
