import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { serverSideApply } from "./field-manager.ts";
import { lastAppliedAnnotation } from "./last-applied.ts";
import {
  apply,
  configMap,
  configMaps,
  deployment,
  deploymentStatus,
  deployments,
  owners,
  refusal,
  start,
  stored,
  write,
} from "./testing/managed-objects.ts";

describe("serverSideApply", () => {
  test("creates the object as it was applied, owned by its applier", () => {
    const created = serverSideApply({
      endpoint: configMaps,
      live: undefined,
      applied: configMap({ a: "1" }),
      manager: "kubectl",
      force: false,
      nowMs: start,
    });
    expect(created).toEqual({
      ...configMap({ a: "1" }),
      metadata: {
        name: "c",
        namespace: "default",
        managedFields: [
          {
            manager: "kubectl",
            operation: "Apply",
            apiVersion: "v1",
            time: "2026-01-02T03:04:05Z",
            fieldsType: "FieldsV1",
            fieldsV1: { "f:data": { "f:a": {} } },
          },
        ],
      },
    });
  });

  test("applying the same again changes nothing at all, later or not", () => {
    const live = apply(deployments, undefined, deployment({ replicas: 1, selector: { matchLabels: { a: "b" } } }), "a");
    const defaulted = {
      ...live,
      spec: { ...(live["spec"] as object), paused: true, strategy: { type: "RollingUpdate" } },
    };
    const again = apply(
      deployments,
      defaulted,
      deployment({ replicas: 1, selector: { matchLabels: { a: "b" } } }),
      "a",
      {
        at: start + 60_000,
      },
    );
    expect(again).toEqual(defaulted);
  });

  test("refuses to change what another applier owns, naming it and the field", () => {
    const live = apply(deployments, undefined, deployment({ replicas: 1 }), "one");
    const error = refusal(() => apply(deployments, live, deployment({ replicas: 2 }), "two"));
    expect(error.status).toMatchObject({
      code: 409,
      reason: "Conflict",
      message: 'Apply failed with 1 conflict: conflict with "one": .spec.replicas',
      details: {
        causes: [{ reason: "FieldManagerConflict", message: 'conflict with "one"', field: ".spec.replicas" }],
      },
    });
  });

  test("names the version of an updater, its subresource, and counts the conflicts", () => {
    const live = write(deployments, undefined, deployment({ replicas: 1, paused: true }), "kubectl-client-side-apply");
    const one = refusal(() => apply(deployments, live, deployment({ replicas: 2 }), "a"));
    expect(one.message).toBe(
      'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas',
    );
    const scaled = structuredClone(live);
    scaled.metadata.managedFields![0]!.subresource = "scale";
    const two = refusal(() => apply(deployments, scaled, deployment({ replicas: 2, paused: false }), "a"));
    expect(two.message).toBe(
      'Apply failed with 2 conflicts: conflicts with "kubectl-client-side-apply" with subresource "scale" using apps/v1:\n- .spec.paused\n- .spec.replicas',
    );
  });

  test("an empty map in a configuration is owned, and is no change to an object without it", () => {
    const live = stored({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", namespace: "default" } });
    const next = apply(configMaps, live, configMap({}), "one");
    expect(owners(next)).toEqual({ "one Apply": '{"f:data":{}}' });
    expect(next["data"]).toBeUndefined();
    expect(apply(configMaps, next, configMap({}), "one", { at: start + 1000 })).toEqual(next);
  });

  test("force takes over, and only that", () => {
    const live = apply(deployments, undefined, deployment({ replicas: 1, paused: true }), "one");
    const next = apply(deployments, live, deployment({ replicas: 2 }), "two", { force: true });
    expect(next["spec"]).toEqual({ replicas: 2, paused: true });
    expect(owners(next)).toEqual({
      "one Apply": '{"f:spec":{"f:paused":{}}}',
      "two Apply": '{"f:spec":{"f:replicas":{}}}',
    });
  });

  test("two appliers that agree share a field; it stays until both give it up", () => {
    const one = apply(deployments, undefined, deployment({ replicas: 1 }), "one");
    const both = apply(deployments, one, deployment({ replicas: 1 }), "two", { at: start + 1000 });
    expect(owners(both)).toEqual({
      "one Apply": '{"f:spec":{"f:replicas":{}}}',
      "two Apply": '{"f:spec":{"f:replicas":{}}}',
    });
    const { spec: _, ...nothing } = deployment({});
    const left = apply(deployments, both, nothing as KubeObject, "one");
    expect(left["spec"]).toEqual({ replicas: 1 });
    expect(owners(left)).toEqual({ "two Apply": '{"f:spec":{"f:replicas":{}}}' });
    const gone = apply(deployments, left, nothing as KubeObject, "two");
    expect(gone["spec"]).toBeUndefined();
    expect(gone.metadata.managedFields).toBeUndefined();
  });

  test("removes what its applier applied before and does not apply now", () => {
    const containers = (...names: string[]) => ({
      template: { spec: { containers: names.map((name) => ({ name, image: "x" })) } },
    });
    const live = apply(deployments, undefined, deployment(containers("a", "b")), "one");
    const next = apply(deployments, live, deployment(containers("b")), "one");
    expect(next["spec"]).toEqual(containers("b"));
  });

  test("leaves alone what others set inside what it removes", () => {
    const applied = configMap({ a: "1", b: "1" }, { labels: { mine: "1" } });
    const live = apply(configMaps, undefined, applied, "one");
    const changed = structuredClone(live);
    changed.metadata.labels = { mine: "1", theirs: "1" };
    const updated = write(configMaps, live, changed, "two");
    const next = apply(configMaps, updated, configMap({ a: "1" }), "one");
    expect(next["data"]).toEqual({ a: "1" });
    expect(next.metadata.labels).toEqual({ theirs: "1" });
  });

  test("takes a container back from an updater only by force", () => {
    const spec = (image: string) => ({ template: { spec: { containers: [{ name: "web", image }] } } });
    const live = apply(deployments, undefined, deployment(spec("web:1")), "ci");
    const hot = write(deployments, live, { ...live, spec: spec("web:hotfix") }, "kubectl-set");
    const error = refusal(() => apply(deployments, hot, deployment(spec("web:2")), "ci"));
    expect(error.status.details?.causes?.map((cause) => cause.field)).toEqual([
      '.spec.template.spec.containers[name="web"].image',
    ]);
    expect(apply(deployments, hot, deployment(spec("web:2")), "ci", { force: true })["spec"]).toEqual(spec("web:2"));
    expect(apply(deployments, hot, deployment(spec("web:hotfix")), "ci")["spec"]).toEqual(spec("web:hotfix"));
  });

  test("what was there before anybody applied belongs to before-first-apply", () => {
    const live = stored(configMap({ a: "1", b: "1" }));
    const error = refusal(() => apply(configMaps, live, configMap({ a: "2" }), "one"));
    expect(error.message).toBe('Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a');
    expect(owners(apply(configMaps, live, configMap({ a: "1" }), "one"))).toEqual({
      "one Apply": '{"f:data":{"f:a":{}}}',
      "before-first-apply Update": '{"f:data":{".":{},"f:a":{},"f:b":{}}}',
    });
  });

  test("kubectl takes over what its client-side apply had set, and keeps that annotation up to date", () => {
    const plain = configMap({ a: "1" });
    const annotated = configMap({ a: "1" }, { annotations: { [lastAppliedAnnotation]: JSON.stringify(plain) } });
    const live = write(configMaps, undefined, annotated, "kubectl-client-side-apply");
    const next = apply(configMaps, live, configMap({ a: "2" }), "kubectl");
    expect(next["data"]).toEqual({ a: "2" });
    expect(next.metadata.annotations?.[lastAppliedAnnotation]).toBe(
      '{"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap","metadata":{"name":"c","namespace":"default"}}\n',
    );
    expect(refusal(() => apply(configMaps, live, configMap({ a: "2" }), "other")).code).toBe(409);
    const drifted = write(configMaps, live, { ...live, data: { a: "7" } }, "someone");
    expect(refusal(() => apply(configMaps, drifted, configMap({ a: "2" }), "kubectl")).message).toContain('"someone"');
  });

  test("cannot apply status through the main endpoint, nor spec through status", () => {
    const object = deployment({ replicas: 1 }, { status: { replicas: 5 } });
    expect(owners(apply(deployments, undefined, object, "one"))).toEqual({
      "one Apply": '{"f:spec":{"f:replicas":{}}}',
    });
    const live = apply(deployments, undefined, deployment({ replicas: 1 }), "one");
    const byStatus = apply(deploymentStatus, live, deployment({ replicas: 3 }, { status: { replicas: 5 } }), "two");
    expect(owners(byStatus)).toMatchObject({ "two Apply/status": '{"f:status":{"f:replicas":{}}}' });
  });

  test.each([
    ["another kind", { kind: "Secret" }, "invalid object type: v1, Kind=Secret"],
    ["another version", { apiVersion: "v2" }, "invalid object type: v2, Kind=ConfigMap"],
    ["managedFields", { metadata: { name: "c", managedFields: [] } }, "metadata.managedFields must be nil"],
    [
      "an unknown field",
      { spec: {} },
      "failed to create typed patch object (default/c; v1, Kind=ConfigMap): .spec: field not declared in schema",
    ],
    [
      "wrong types",
      { data: { a: 1 } },
      "failed to create typed patch object (default/c; v1, Kind=ConfigMap): .data.a: expected string, got 1",
    ],
  ])("refuses %s with 400", (_, change, message) => {
    const error = refusal(() => apply(configMaps, undefined, { ...configMap({}), ...change }, "one"));
    expect(error.code).toBe(400);
    expect(error.message).toBe(message);
  });

  test("shares nothing that is written to with the live object, and changes neither input", () => {
    const live = apply(
      deployments,
      undefined,
      deployment({ template: { spec: { containers: [{ name: "a" }] } } }),
      "one",
    );
    const applied = deployment({ template: { spec: { containers: [{ name: "b" }] } } });
    const before = structuredClone([live, applied]);
    const next = serverSideApply({ endpoint: deployments, live, applied, manager: "two", force: false, nowMs: start });
    const spec = next["spec"] as { template: { spec: { containers: Record<string, unknown>[] } } };
    for (const container of spec.template.spec.containers) container["image"] = "changed";
    spec.template.spec.containers.length = 0;
    next.metadata.name = "changed";
    expect([live, applied]).toEqual(before);
  });
});

const keys = fc.constantFrom("a", "b", "c");
const data = fc.dictionary(keys, fc.constantFrom("1", "2"));
const step = fc.record({
  kind: fc.constantFrom("apply", "force", "update"),
  manager: fc.constantFrom("one", "two", "kubectl"),
  data,
});

describe("histories of applies and updates", () => {
  test("keep the promises of field management", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => {
        let live: KubeObject | undefined;
        for (const [index, { kind, manager, data: wanted }] of steps.entries()) {
          const at = start + index * 1000;
          if (kind === "update") {
            live = write(configMaps, live, configMap(wanted, live ? { uid: "u1" } : {}), manager, at);
            expect(live["data"]).toEqual(wanted);
            continue;
          }
          let next: KubeObject;
          try {
            next = apply(configMaps, live, configMap(wanted), manager, { force: kind === "force", at });
          } catch (thrown) {
            expect(kind).toBe("apply");
            expect(thrown).toMatchObject({ code: 409 });
            continue;
          }
          // All that was applied is there, and belongs to the applier.
          expect(next["data"] ?? {}).toMatchObject(wanted);
          const own = JSON.parse(owners(next)[`${manager} Apply`] ?? "{}") as { "f:data"?: Record<string, object> };
          const ownKeys = Object.keys(own["f:data"] ?? {}).filter((key) => key !== ".");
          expect(ownKeys.toSorted()).toEqual(
            Object.keys(wanted)
              .map((key) => `f:${key}`)
              .toSorted(),
          );
          // Once more is no change; every key in the object has at least one owner.
          expect(apply(configMaps, next, configMap(wanted), manager, { at: at + 500 })).toEqual(next);
          const all = Object.values(owners(next)).join();
          for (const key of Object.keys((next["data"] ?? {}) as object)) expect(all).toContain(`"f:${key}"`);
          live = next;
        }
      }),
    );
  });
});
