import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { keepTimesOfUnchanged } from "./field-manager.ts";
import {
  configMap,
  configMaps,
  deployment,
  deploymentStatus,
  deployments,
  owners,
  start,
  write,
} from "./testing/managed-objects.ts";

describe("updateManagedFields", () => {
  test("writes the entry that upstream writes on create", () => {
    const created = write(configMaps, undefined, configMap({ a: "1" }, { labels: { app: "x" } }), "kubectl-create");
    expect(created.metadata.managedFields).toEqual([
      {
        manager: "kubectl-create",
        operation: "Update",
        apiVersion: "v1",
        time: "2026-01-02T03:04:05Z",
        fieldsType: "FieldsV1",
        fieldsV1: {
          "f:data": { ".": {}, "f:a": {} },
          "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
        },
      },
    ]);
  });

  test("owns nothing of names, ids, versions, or what the endpoint cannot write", () => {
    const next = deployment({ replicas: 1 }, { status: { replicas: 3 } });
    Object.assign(next.metadata, {
      uid: "u",
      resourceVersion: "5",
      generation: 2,
      creationTimestamp: "2026-01-01T00:00:00Z",
    });
    expect(owners(write(deployments, undefined, next, "m"))).toEqual({ "m Update": '{"f:spec":{"f:replicas":{}}}' });
  });

  test("gives a changed field to who changed it and leaves the rest where it was", () => {
    const live = write(configMaps, undefined, configMap({ a: "1", b: "1" }), "one");
    const next = structuredClone(live);
    next["data"] = { a: "2", b: "1", c: "1" };
    expect(owners(write(configMaps, live, next, "two", start + 1000))).toEqual({
      "one Update": '{"f:data":{".":{},"f:b":{}}}',
      "two Update": '{"f:data":{"f:a":{},"f:c":{}}}',
    });
  });

  test("takes a removed field from everybody, and an entry that owns nothing goes", () => {
    const live = write(configMaps, undefined, configMap({ a: "1" }), "one");
    const { data: _, ...without } = structuredClone(live);
    expect(write(configMaps, live, without as KubeObject, "two").metadata.managedFields).toBeUndefined();
  });

  test("a write that changes nothing keeps entries and times", () => {
    const live = write(configMaps, undefined, configMap({ a: "1" }), "one");
    const next = structuredClone(live);
    expect(write(configMaps, live, next, "two", start + 5000).metadata.managedFields).toEqual(
      live.metadata.managedFields,
    );
  });

  test("adds to the manager's own entry and renews its time", () => {
    const live = write(configMaps, undefined, configMap({ a: "1" }), "one");
    const next = write(configMaps, live, configMap({ a: "1", b: "1" }), "one", start + 5000);
    expect(owners(next)).toEqual({ "one Update": '{"f:data":{".":{},"f:a":{},"f:b":{}}}' });
    expect(next.metadata.managedFields?.[0]?.time).toBe("2026-01-02T03:04:10Z");
  });

  test("status has an entry of its own", () => {
    const live = write(deployments, undefined, deployment({ replicas: 1 }), "one");
    const next = { ...structuredClone(live), spec: { replicas: 9 }, status: { replicas: 1 } };
    expect(owners(write(deploymentStatus, live, next, "one"))).toEqual({
      "one Update": '{"f:spec":{"f:replicas":{}}}',
      "one Update/status": '{"f:status":{"f:replicas":{}}}',
    });
  });

  test("a client that leaves managedFields out does not lose them", () => {
    const live = write(configMaps, undefined, configMap({ a: "1" }), "one");
    const next = structuredClone(live);
    delete next.metadata.managedFields;
    expect(write(configMaps, live, next, "two").metadata.managedFields).toEqual(live.metadata.managedFields);
  });

  test.each([[[]], [[{}]]])(
    "managedFields %j reset them, and updates are not tracked from then on",
    (managedFields) => {
      const live = write(configMaps, undefined, configMap({ a: "1" }), "one");
      const reset = write(configMaps, live, { ...live, metadata: { ...live.metadata, managedFields } }, "two");
      expect(reset.metadata.managedFields).toBeUndefined();
      expect(write(configMaps, reset, configMap({ a: "2" }), "three").metadata.managedFields).toBeUndefined();
    },
  );

  test("managedFields sent to a subresource, or that make no sense, do not count", () => {
    const live = write(deployments, undefined, deployment({ replicas: 1 }), "one");
    const sent = [
      { manager: "evil", operation: "Update", apiVersion: "apps/v1", fieldsType: "FieldsV1", fieldsV1: {} },
    ];
    const toStatus = { ...live, metadata: { ...live.metadata, managedFields: sent } };
    expect(owners(write(deploymentStatus, live, toStatus, "two"))).toEqual(owners(live));
    for (const bad of [{ operation: "Zap" }, { apiVersion: "" }, { fieldsType: "FieldsV2" }, { fieldsV1: { a: 1 } }]) {
      const next = { ...live, metadata: { ...live.metadata, managedFields: [{ ...sent[0], ...bad } as object] } };
      expect(owners(write(deployments, live, next, "two"))).toEqual(owners(live));
    }
  });

  test("keeps ten updaters and puts older ones together as ancient-changes", () => {
    let live = write(configMaps, undefined, configMap({ k0: "1" }), "m0", start);
    for (let round = 1; round <= 14; round++) {
      const data = { ...(live["data"] as object), [`k${round}`]: "1" };
      live = write(configMaps, live, configMap(data), `m${round}`, start + round * 1000);
    }
    const names = live.metadata.managedFields?.map((entry) => entry.manager);
    expect(names).toEqual(["ancient-changes", "m6", "m7", "m8", "m9", "m10", "m11", "m12", "m13", "m14"]);
    expect(owners(live)["ancient-changes Update"]).toBe(
      '{"f:data":{".":{},"f:k0":{},"f:k1":{},"f:k2":{},"f:k3":{},"f:k4":{},"f:k5":{}}}',
    );
  });

  test("an object whose lists cannot be told apart by key ends up unmanaged", () => {
    const next = deployment({ template: { spec: { containers: [{ image: "x" }] } } });
    expect(write(deployments, undefined, next, "m").metadata.managedFields).toBeUndefined();
  });

  test("drops managers of versions that nobody serves any more", () => {
    const live = write(configMaps, undefined, configMap({ a: "1" }), "one");
    live.metadata.managedFields?.push({
      manager: "old",
      operation: "Update",
      apiVersion: "v1beta1",
      fieldsType: "FieldsV1",
      fieldsV1: { "f:data": { "f:a": {} } },
    });
    expect(Object.keys(owners(write(configMaps, live, configMap({ a: "2" }), "two")))).toEqual([
      "one Update",
      "two Update",
    ]);
  });
});

describe("keepTimesOfUnchanged", () => {
  const live = write(configMaps, undefined, configMap({ a: "1" }), "one");
  const later = structuredClone(live);
  later.metadata.managedFields![0]!.time = "2027-01-01T00:00:00Z";

  test("puts old times back when nothing else changed", () => {
    const next = structuredClone(later);
    keepTimesOfUnchanged(next, live);
    expect(next).toEqual(live);
  });

  test("leaves new times when the object or an owner changed", () => {
    const changed = { ...structuredClone(later), data: { a: "2" } };
    keepTimesOfUnchanged(changed, live);
    expect(changed.metadata.managedFields).toEqual(later.metadata.managedFields);
    const renamed = structuredClone(later);
    renamed.metadata.managedFields![0]!.manager = "two";
    keepTimesOfUnchanged(renamed, live);
    expect(renamed.metadata.managedFields?.[0]?.time).toBe("2027-01-01T00:00:00Z");
  });
});
