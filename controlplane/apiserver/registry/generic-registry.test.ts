import { describe, expect, test } from "vitest";
import { itemText, RegistryFixture, readItems } from "./testing/registry-fixture.ts";

describe("GenericRegistry", () => {
  test("creates, reads, changes, lists and deletes an object", async () => {
    await using fixture = await RegistryFixture.start();
    const created = await fixture.create("a", { data: { x: "1" } });
    expect(created.object.metadata).toMatchObject({ name: "a", namespace: "default", resourceVersion: "2" });
    expect(created.object.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(created.object.metadata.creationTimestamp).toBe("2026-01-01T00:00:00Z");
    const changed = await fixture.change("a", (object) => {
      object["data"] = { x: "2" };
    });
    expect(changed.revision).toBe(3);
    expect((await fixture.get("a")).object).toEqual(changed.object);
    const { entries, revision } = await fixture.list();
    expect([entries.map((entry) => entry.object), revision]).toEqual([[changed.object], 3]);
    const deleted = await fixture.delete("a");
    expect([deleted.deleted, deleted.entry.revision]).toEqual([true, 4]);
    await expect(fixture.get("a")).rejects.toThrow('configmaps "a" not found');
  });

  test("a watch tells what happens, with the deletion's revision on a DELETED", async () => {
    await using fixture = await RegistryFixture.start();
    await fixture.create("a");
    using watch = await fixture.watch();
    await fixture.change("a", (object) => {
      object["data"] = { y: "1" };
    });
    await fixture.delete("a");
    const items = await readItems(watch, 3);
    expect(items.map(itemText)).toEqual(["ADDED a@2", "MODIFIED a@3", "DELETED a@4"]);
  });
});
