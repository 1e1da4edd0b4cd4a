import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { Strategy } from "./strategy.ts";
import { configMaps, listDefaults, RegistryFixture } from "./testing/registry-fixture.ts";

describe("GenericRegistry.delete", () => {
  test("removes the object and answers with its last state at the deletion's revision", async () => {
    await using fixture = await RegistryFixture.start();
    const created = await fixture.create("a");
    const { entry, deleted } = await fixture.delete("a");
    expect([deleted, entry.revision]).toEqual([true, created.revision + 1]);
    expect(entry.object.metadata.resourceVersion).toBe(String(entry.revision));
    await expect(fixture.delete("a")).rejects.toMatchObject({ code: 404 });
  });

  test("pods go with grace: marked first, removed by a delete without grace", async () => {
    const strategy: Strategy = { gracePeriodSeconds: (_pod, requested) => requested ?? 30 };
    await using fixture = await RegistryFixture.start({ strategy });
    await fixture.create("a");
    const first = await fixture.delete("a");
    expect([first.deleted, first.entry.object.metadata.deletionGracePeriodSeconds]).toEqual([false, 30]);
    const again = await fixture.delete("a");
    expect([again.deleted, again.entry]).toEqual([false, first.entry]);
    expect((await fixture.delete("a", { gracePeriodSeconds: 0 })).deleted).toBe(true);
  });

  test("checks preconditions before anything else", async () => {
    await using fixture = await RegistryFixture.start();
    const { object } = await fixture.create("a");
    await expect(fixture.delete("a", { preconditions: { uid: "other" } })).rejects.toMatchObject({
      code: 409,
      message: `Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (other) does not match the UID in record (${object.metadata.uid}). The object might have been deleted and then recreated`,
    });
    await expect(fixture.delete("a", { preconditions: { resourceVersion: "1" } })).rejects.toMatchObject({ code: 409 });
    const { uid, resourceVersion } = object.metadata;
    expect((await fixture.delete("a", { preconditions: { uid, resourceVersion } })).deleted).toBe(true);
  });

  test("a dry run says what would happen", async () => {
    await using fixture = await RegistryFixture.start();
    await fixture.create("a");
    expect((await fixture.delete("a", { dryRun: true })).deleted).toBe(true);
    expect((await fixture.get("a")).object.metadata.name).toBe("a");
    const marked = await fixture.delete("a", { dryRun: true, propagationPolicy: "Foreground" });
    expect([marked.deleted, marked.entry.object.metadata.finalizers]).toEqual([false, ["foregroundDeletion"]]);
  });

  test("admission sees the object that is about to go and can keep it", async () => {
    await using fixture = await RegistryFixture.start();
    await fixture.create("a");
    const validateAdmission = async (next: unknown, current: KubeObject | undefined): Promise<void> => {
      throw StatusError.badRequest(`${next} ${current?.metadata.name}`);
    };
    await expect(fixture.delete("a", { validateAdmission })).rejects.toThrow("undefined a");
    expect((await fixture.get("a")).object.metadata.name).toBe("a");
  });
});

describe("GenericRegistry.deleteCollection", () => {
  test("deletes what the selectors select, and marks what is held", async () => {
    await using fixture = await RegistryFixture.start();
    for (let index = 0; index < 40; index++) {
      const labels = { parity: index % 2 === 0 ? "even" : "odd" };
      const finalizers = index === 2 ? ["x/y"] : [];
      await fixture.create(`o${index}`, { metadata: { labels, finalizers } });
    }
    await fixture.create("elsewhere", { metadata: { labels: { parity: "even" } } }, "other");
    const options = { namespace: "default", dryRun: false, validateAdmission: async () => {} };
    const list = { ...listDefaults, namespace: "default", labelSelector: "parity=even" };
    const deleted = await fixture.registry.deleteCollection(list, options, fixture.context());
    expect(deleted).toHaveLength(20);
    const left = (await fixture.list({ labelSelector: "parity=even" })).entries;
    expect(left.map(({ object }) => object.metadata.name)).toEqual(["o2", "elsewhere"]);
    expect((await fixture.list()).entries).toHaveLength(22);
  });

  test("reports the first failure after trying the rest", async () => {
    await using fixture = await RegistryFixture.start({ resource: configMaps });
    for (const name of ["a", "b", "c"]) await fixture.create(name);
    const validateAdmission = async (_next: unknown, current: KubeObject | undefined): Promise<void> => {
      if (current?.metadata.name === "b") throw StatusError.badRequest("not b");
    };
    const options = { namespace: "default", dryRun: false, validateAdmission };
    const list = { ...listDefaults, namespace: "default" };
    await expect(fixture.registry.deleteCollection(list, options, fixture.context())).rejects.toThrow("not b");
    expect((await fixture.list()).entries.map(({ object }) => object.metadata.name)).toEqual(["b"]);
  });
});
