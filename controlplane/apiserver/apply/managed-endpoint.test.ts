import { describe, expect, test } from "vitest";
import { FieldSet } from "./field-set.ts";
import { formatFieldSet } from "./fields-v1.ts";
import { managedEndpoint } from "./managed-endpoint.ts";
import { parsePathElement } from "./path-element.ts";

const set = (...paths: string[]) =>
  FieldSet.of(...paths.map((path) => path.split(" ").map((text) => parsePathElement(text)!)));

const everything = set(
  "f:metadata f:labels f:a",
  "f:metadata f:ownerReferences",
  "f:spec f:nodeName",
  'f:spec f:containers k:{"name":"a"} f:image',
  'f:spec f:containers k:{"name":"a"} f:resources f:limits f:cpu',
  'f:spec f:ephemeralContainers k:{"name":"e"} f:image',
  "f:status f:phase",
  "f:status f:conditions",
  "f:status f:certificate",
);

function writable(group: string, kind: string, resource: string, subresource: string): string[] {
  const gvk = { group, version: "v1", kind };
  const endpoint = managedEndpoint({ gvk, resource, subresource, hasStatus: true });
  return [...endpoint.writable(everything).paths()].map((path) => path.map((step) => step.text).join(" "));
}

describe("managedEndpoint", () => {
  const metadata = ["f:metadata f:ownerReferences", "f:metadata f:labels f:a"];
  const status = ["f:status f:certificate", "f:status f:conditions", "f:status f:phase"];

  test.each([
    ["", "Service", "services", "status", [...metadata, ...status]],
    ["", "Pod", "pods", "status", ["f:metadata f:labels f:a", ...status]],
    ["", "Pod", "pods", "ephemeralcontainers", ['f:spec f:ephemeralContainers k:{"name":"e"} f:image']],
    ["", "Pod", "pods", "resize", ['f:spec f:containers k:{"name":"a"} f:resources f:limits f:cpu']],
    ["apps", "Deployment", "deployments", "status", ["f:metadata f:ownerReferences", ...status]],
    ["storage.k8s.io", "VolumeAttachment", "volumeattachments", "status", status],
    ["certificates.k8s.io", "CertificateSigningRequest", "certificatesigningrequests", "", metadata],
    [
      "certificates.k8s.io",
      "CertificateSigningRequest",
      "certificatesigningrequests",
      "approval",
      [...metadata, "f:status f:conditions", "f:status f:phase"],
    ],
  ])("%s %s: %s/%s can own its own fields only", (group, kind, resource, subresource, expected) => {
    expect(writable(group, kind, resource, subresource)).toEqual(expected);
  });

  test("the main endpoint owns everything but status", () => {
    expect(writable("", "Pod", "pods", "").some((path) => path.startsWith("f:status"))).toBe(false);
    expect(writable("", "Pod", "pods", "")).toHaveLength(6);
  });

  test("a kind without a status subresource owns all it has", () => {
    const endpoint = managedEndpoint({
      gvk: { group: "", version: "v1", kind: "ComponentStatus" },
      resource: "componentstatuses",
      subresource: "",
      hasStatus: false,
    });
    expect(formatFieldSet(endpoint.writable(everything))).toEqual(formatFieldSet(everything));
  });

  test("knows no versions but its own without a converter", () => {
    const gvk = { group: "autoscaling", version: "v2", kind: "HorizontalPodAutoscaler" };
    const options = { gvk, resource: "horizontalpodautoscalers", subresource: "", hasStatus: true };
    expect(managedEndpoint(options).schemaIn("autoscaling/v1")).toBeUndefined();
    const converting = managedEndpoint({ ...options, convert: (object) => object });
    expect(converting.schemaIn("autoscaling/v1")?.field("spec")).toBeDefined();
  });

  test("refuses a kind that has no schema", () => {
    const gvk = { group: "example.com", version: "v1", kind: "Panda" };
    expect(() => managedEndpoint({ gvk, resource: "pandas", subresource: "", hasStatus: false })).toThrow(
      "no schema for example.com/v1 Panda",
    );
  });
});
