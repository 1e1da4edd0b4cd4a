import { describe, expect, test } from "vitest";
import type { ConfigMap, Namespace, Pod, Secret, ServiceAccount } from "#pkg/api/core/v1.ts";
import { isStatus } from "#pkg/api/status.ts";
import { bindPod } from "./bind-pod.ts";
import { configMapStrategy } from "./config-map.ts";
import { namespaceStrategy } from "./namespace.ts";
import { secretStrategy } from "./secret.ts";
import { serviceAccountStrategy } from "./service-account.ts";
import {
  context,
  created,
  createFaults,
  createMessages,
  nowMs,
  updated,
  updateFaults,
  updateMessages,
} from "./testing/judge.ts";

const metadata = { name: "x", namespace: "n" };
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("ConfigMap", () => {
  test.each<[object, string[]]>([
    [{}, []],
    [{ data: { "a.b-c_d": "x" }, binaryData: { bin: base64("x") } }, []],
    [{ data: { "a/b": "x" } }, ["data[a/b]: Invalid"]],
    [{ data: { "..": "x" } }, ["data[..]: Invalid"]],
    [{ binaryData: { "": "" } }, ["binaryData[]: Invalid"]],
    [{ data: { a: "x" }, binaryData: { a: "eA==" } }, ["data[a]: Invalid"]],
    [{ data: { a: "x".repeat(1024 * 1024 + 1) } }, ["[]: TooLong"]],
    [{ data: { a: "x".repeat(1024 * 1024) } }, []],
  ])("case %#", (fields, faults) => expect(createFaults(configMapStrategy, { metadata, ...fields })).toEqual(faults));

  test("stays as it is once it is immutable", () => {
    const current: ConfigMap = { metadata, data: { a: "b" }, immutable: true };
    const change = (mutate: (next: ConfigMap) => void) => updateMessages(configMapStrategy, current, mutate);
    expect(change((next) => (next.metadata.labels = { a: "b" }))).toEqual([]);
    expect(change((next) => (next.immutable = false))).toEqual([
      "immutable: Forbidden: field is immutable when `immutable` is set",
    ]);
    expect(change((next) => (next.data = { a: "c" }))).toEqual([
      "data: Forbidden: field is immutable when `immutable` is set",
    ]);
    expect(change((next) => (next.binaryData = { c: "" }))).toEqual([
      "binaryData: Forbidden: field is immutable when `immutable` is set",
    ]);
  });

  test("the size text is upstream's", () => {
    const tooLong = { metadata, binaryData: { a: Buffer.alloc(1024 * 1024 + 1).toString("base64") } };
    expect(createMessages(configMapStrategy, tooLong)).toEqual(["[]: Too long: may not be more than 1048576 bytes"]);
  });
});

describe("Secret", () => {
  test.each<[string, object, string[]]>([
    ["Opaque", {}, []],
    ["Opaque", { data: { "a b": "" } }, ["data[a b]: Invalid"]],
    ["kubernetes.io/tls", { data: { "tls.crt": "" } }, ["data[tls.key]: Required"]],
    ["kubernetes.io/tls", { data: { "tls.crt": "", "tls.key": "" } }, []],
    ["kubernetes.io/basic-auth", {}, ["data[username]: Required", "data[password]: Required"]],
    ["kubernetes.io/basic-auth", { stringData: { username: "u" } }, []],
    ["kubernetes.io/ssh-auth", { data: { "ssh-privatekey": "" } }, ["data[ssh-privatekey]: Required"]],
    ["kubernetes.io/dockerconfigjson", {}, ["data[.dockerconfigjson]: Required"]],
    [
      "kubernetes.io/dockerconfigjson",
      { stringData: { ".dockerconfigjson": "{" } },
      ["data[.dockerconfigjson]: Invalid"],
    ],
    ["kubernetes.io/dockercfg", { stringData: { ".dockercfg": "{}" } }, []],
    ["kubernetes.io/service-account-token", {}, ["metadata.annotations[kubernetes.io/service-account.name]: Required"]],
    ["example.com/mine", {}, []],
  ])("%s %j", (type, fields, faults) =>
    expect(createFaults(secretStrategy, { metadata, type, ...fields })).toEqual(faults),
  );

  test("keeps its type, and its data once it is immutable", () => {
    const current: Secret = { metadata, type: "Opaque", data: { a: "eA==" }, immutable: true };
    expect(updateFaults(secretStrategy, current, (next) => (next.type = "other"))).toEqual(["type: Invalid"]);
    expect(updateFaults(secretStrategy, current, (next) => (next.stringData = { a: "x" }))).toEqual([]);
    expect(updateFaults(secretStrategy, current, (next) => (next.stringData = { a: "y" }))).toEqual([
      "data: Forbidden",
    ]);
  });

  test("never shows its content in an error", () => {
    const type = "kubernetes.io/dockerconfigjson";
    const messages = createMessages(secretStrategy, { metadata, type, stringData: { ".dockerconfigjson": "hunter2" } });
    expect(messages).toEqual([
      'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": invalid character in JSON',
    ]);
  });

  test("can be selected by type", () => {
    expect(secretStrategy.selectableFields?.({ metadata } as Secret)).toEqual({ type: "" });
  });
});

describe("Namespace", () => {
  const make = (object: object = {}) => created(namespaceStrategy, { metadata: { name: "x" }, ...object });

  test("starts active, held by its controller, labelled with its name", () => {
    expect(make({ status: { phase: "Terminating" } })).toEqual({
      metadata: { name: "x", labels: { "kubernetes.io/metadata.name": "x" } },
      spec: { finalizers: ["kubernetes"] },
      status: { phase: "Active" },
    });
    expect(make({ spec: { finalizers: ["a.b/c", "kubernetes"] } }).spec.finalizers).toEqual(["a.b/c", "kubernetes"]);
  });

  test("gets its label for a generated name too", () => {
    const namespace = created(namespaceStrategy, { metadata: { generateName: "x-" } });
    namespace.metadata.name = "x-1";
    namespaceStrategy.allocate?.(namespace, undefined, context);
    expect(namespace.metadata.labels).toEqual({ "kubernetes.io/metadata.name": "x-1" });
  });

  test("has a label as its name", () => {
    expect(namespaceStrategy.validateName?.("a.b", false)).toEqual(["must not contain dots"]);
  });

  test("keeps its finalizers but through finalize, where its status stays", () => {
    const current = make();
    const change = (next: Namespace) => {
      next.spec.finalizers = [];
      next.status = { phase: "Terminating" };
    };
    expect(updated(namespaceStrategy, current, change).spec.finalizers).toEqual(["kubernetes"]);
    const finalized = updated(namespaceStrategy, current, change, "finalize");
    expect(finalized).toMatchObject({ spec: { finalizers: [] }, status: { phase: "Active" } });
    const bad = (next: Namespace) => (next.spec.finalizers = ["mine"]);
    expect(updateFaults(namespaceStrategy, current, bad, "finalize")).toEqual(["spec.finalizers[0]: Invalid"]);
  });

  test("is deleted by being marked, and gone when nothing holds it", () => {
    const namespace = make();
    namespaceStrategy.prepareForDeletion?.(namespace);
    expect(namespace.status?.phase).toBe("Terminating");
    expect(namespaceStrategy.isHeld?.(namespace)).toBe(true);
    expect(namespaceStrategy.isHeld?.({ ...namespace, spec: {} })).toBe(false);
  });

  test("has a phase that fits its mark", () => {
    const terminating = (next: Namespace) => (next.status = { phase: "Terminating" });
    expect(updateMessages(namespaceStrategy, make(), terminating, "status")).toEqual([
      "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty",
    ]);
  });
});

describe("ServiceAccount", () => {
  test("keeps of its secrets the names", () => {
    const account = created<ServiceAccount>(serviceAccountStrategy, {
      metadata,
      secrets: [{ name: "s", namespace: "other" }],
    });
    expect(account.secrets).toEqual([{ name: "s" }]);
  });
});

describe("bindPod", () => {
  const pod: Pod = {
    metadata: { name: "p", uid: "1", labels: { a: "b" } },
    spec: { containers: [] },
    status: {
      nominatedNodeName: "m",
      conditions: [
        { type: "PodScheduled", status: "False" },
        { type: "Ready", status: "False" },
      ],
    },
  };
  const binding = {
    metadata: { name: "p", annotations: { k: "v" }, labels: { a: "x", z: "y" } },
    target: { kind: "Node", name: "n" },
  };

  test("puts the pod on the node and says so", () => {
    const before = structuredClone(pod);
    expect(bindPod(pod, binding, nowMs)).toEqual({
      metadata: { name: "p", uid: "1", labels: { a: "b", z: "y" }, annotations: { k: "v" } },
      spec: { containers: [], nodeName: "n" },
      status: {
        conditions: [
          { type: "Ready", status: "False" },
          { type: "PodScheduled", status: "True", lastTransitionTime: "2026-01-02T03:04:05Z" },
        ],
      },
    });
    expect(pod).toEqual(before);
  });

  test.each<[Partial<Pod>, object, string]>([
    [{ spec: { containers: [], nodeName: "m" } }, {}, 'pod p is already assigned to node "m"'],
    [{ spec: { containers: [], schedulingGates: [{ name: "g" }] } }, {}, "pod p has non-empty .spec.schedulingGates"],
    [{ metadata: { name: "p", deletionTimestamp: "x" } }, {}, "pod p is being deleted, cannot be assigned to a host"],
    [{}, { metadata: { uid: "2" } }, "Precondition failed: UID in precondition: 2, UID in object meta: 1"],
  ])("conflict %#", (change, bindingChange, why) => {
    const bind = () => bindPod({ ...pod, ...change }, { ...binding, ...bindingChange }, nowMs);
    expect(bind).toThrow(`Operation cannot be fulfilled on pods/binding "p": ${why}`);
  });

  test.each([{ kind: "Pod", name: "n" }, { kind: "Node" }, { name: "A" }])("refuses the target %j", (target) => {
    try {
      bindPod(pod, { ...binding, target }, nowMs);
      expect.unreachable();
    } catch (thrown) {
      expect(isStatus(thrown, "Invalid")).toBe(true);
    }
  });
});
