import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { ConvertedRegistry } from "./converted-registry.ts";
import { itemText, listDefaults, RegistryFixture, readItems, watchDefaults } from "./testing/registry-fixture.ts";

/** The other form has `text` where the stored one has `message`. */
const conversion = {
  toServed: ({ message, ...rest }: KubeObject): KubeObject => ({ ...rest, apiVersion: "other/v1", text: message }),
  toStored: ({ text, ...rest }: KubeObject): KubeObject => ({ ...rest, apiVersion: "v1", message: text }),
};

describe("ConvertedRegistry", () => {
  test("writes and reads in the other form what is stored in one", async () => {
    await using fixture = await RegistryFixture.start();
    const other = new ConvertedRegistry(fixture.registry, conversion);
    const admitted: unknown[] = [];
    const validateAdmission = async (next: KubeObject | undefined, current: KubeObject | undefined): Promise<void> => {
      admitted.push([next?.["text"], current?.["text"]]);
    };
    const options = { namespace: "default", dryRun: false, validateAdmission };
    const signal = new AbortController().signal;
    using watch = await other.watch(watchDefaults, signal);

    const created = await other.create({ metadata: { name: "a" }, text: "one" }, options, fixture.context());
    expect([created.object["text"], created.object.apiVersion]).toEqual(["one", "other/v1"]);
    expect((await fixture.get("a")).object).toMatchObject({ message: "one", apiVersion: "v1" });

    const updated = await other.update(
      { ...options, name: "a", subresource: "", createIfMissing: false },
      async (current) => ({ ...(current as KubeObject), text: `${current?.["text"]}, two` }),
      fixture.context(),
    );
    expect(updated.entry.object["text"]).toBe("one, two");
    expect((await fixture.get("a")).object["message"]).toBe("one, two");

    const listed = await other.list(listDefaults, signal);
    expect(listed.entries[0]).toBe(await other.get("default", "a", { resourceVersion: "" }));
    const gone = await other.delete({ ...options, name: "a" }, fixture.context());
    expect([gone.deleted, gone.entry.object["text"]]).toEqual([true, "one, two"]);

    const items = await readItems(watch, 3);
    expect(items.map(itemText)).toEqual(["ADDED a@2", "MODIFIED a@3", "DELETED a@4"]);
    expect(items.map((item) => "entry" in item && item.entry.object["text"])).toEqual(["one", "one, two", "one, two"]);
    expect(items[1]).toHaveProperty("entry", listed.entries[0]);
    expect(admitted).toEqual([
      ["one", undefined],
      ["one, two", "one"],
      [undefined, "one, two"],
    ]);
  });
});
