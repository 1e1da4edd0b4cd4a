import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { Strategy } from "./strategy.ts";
import { RegistryFixture, widgets } from "./testing/registry-fixture.ts";

const setData =
  (value: string) =>
  (object: KubeObject): void => {
    object["data"] = { value };
  };

describe("GenericRegistry.update", () => {
  test("replaces the object and keeps what the server owns", async () => {
    await using fixture = await RegistryFixture.start();
    const before = await fixture.create("a");
    const after = await fixture.change("a", (object) => {
      setData("1")(object);
      object.metadata = { name: "a", resourceVersion: before.object.metadata.resourceVersion, labels: { x: "y" } };
    });
    const { uid, creationTimestamp, namespace } = before.object.metadata;
    expect(after.object.metadata).toEqual({
      name: "a",
      namespace,
      uid,
      creationTimestamp,
      labels: { x: "y" },
      resourceVersion: String(after.revision),
    });
  });

  test("a stale resourceVersion is a conflict, at the first try and after a lost race", async () => {
    await using fixture = await RegistryFixture.start();
    await fixture.create("a");
    const stale = await fixture.create("b");
    await fixture.change("b", setData("1"));
    const message =
      'Operation cannot be fulfilled on configmaps "b": the object has been modified; please apply your changes to the latest version and try again';
    const replace = fixture.change("b", (object) => {
      object.metadata.resourceVersion = stale.object.metadata.resourceVersion;
    });
    await expect(replace).rejects.toMatchObject({ code: 409, reason: "Conflict", message });
  });

  test("without a resourceVersion it overwrites, where the kind allows it", async () => {
    await using fixture = await RegistryFixture.start();
    await fixture.create("a");
    const changed = await fixture.change("a", (object) => {
      delete object.metadata.resourceVersion;
      setData("1")(object);
    });
    expect(changed.object["data"]).toEqual({ value: "1" });
    await using strict = await RegistryFixture.start({ resource: widgets });
    await strict.create("a");
    const replace = strict.change("a", (object) => {
      delete object.metadata.resourceVersion;
    });
    await expect(replace).rejects.toMatchObject({
      code: 422,
      message:
        'widgets.example.com "a" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    });
  });

  test("an object of another uid is a conflict", async () => {
    await using fixture = await RegistryFixture.start();
    await fixture.create("a");
    const replace = fixture.change("a", (object) => {
      object.metadata.uid = "other";
    });
    await expect(replace).rejects.toMatchObject({
      code: 409,
      message: expect.stringContaining("Precondition failed: UID in precondition: other, UID in object meta: "),
    });
  });

  test("writes nothing when nothing changed", async () => {
    await using fixture = await RegistryFixture.start();
    const before = await fixture.create("a", { data: { x: "1", y: "2" } });
    const after = await fixture.change("a", (object) => {
      object["data"] = { y: "2", x: "1" };
    });
    expect(after).toBe(before);
    expect((await fixture.store.status()).revision).toBe(before.revision);
  });

  test("runs the change again on the newest state after a lost race", async () => {
    await using fixture = await RegistryFixture.start();
    await fixture.create("a", { data: { count: 0 } });
    let races = 3;
    const add = async (): Promise<void> => {
      await fixture.change("a", (object) => {
        object["data"] = { count: (object["data"] as { count: number }).count + 1 };
      });
    };
    const { entry } = await fixture.registry.update(
      {
        namespace: "default",
        name: "a",
        subresource: "",
        dryRun: false,
        createIfMissing: false,
        validateAdmission: async () => {},
      },
      async (current) => {
        if (races-- > 0) await add();
        if (!current) throw new Error("the object is gone");
        const { count } = current["data"] as { count: number };
        return { ...current, data: { count: count + 1 } };
      },
      fixture.context(),
    );
    expect(entry.object["data"]).toEqual({ count: 4 });
  });

  test("concurrent changes all take effect", async () => {
    await using fixture = await RegistryFixture.start();
    await fixture.create("a", { data: {} });
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
    await Promise.all(
      keys.map((key) =>
        fixture.change("a", (object) => {
          object["data"] = { ...(object["data"] as object), [key]: "1" };
        }),
      ),
    );
    expect(Object.keys((await fixture.get("a")).object["data"] as object).sort()).toEqual(keys.sort());
  });

  test("keeps the status on a change of the object, and everything but the status on a change of the status", async () => {
    await using fixture = await RegistryFixture.start({ resource: widgets });
    await fixture.create("a", { spec: { size: 1 } });
    const mix = (object: KubeObject): void => {
      object["spec"] = { size: 2 };
      object["status"] = { ready: true };
      object["extra"] = 1;
    };
    const status = await fixture.change("a", mix, { subresource: "status" });
    expect(status.object).toMatchObject({ spec: { size: 1 }, status: { ready: true }, metadata: { generation: 1 } });
    expect(status.object["extra"]).toBeUndefined();
    const main = await fixture.change("a", (object) => {
      mix(object);
      object["status"] = { ready: false };
    });
    expect(main.object).toMatchObject({ spec: { size: 2 }, status: { ready: true }, metadata: { generation: 2 } });
  });

  test("the generation counts changes of the desired state only", async () => {
    await using fixture = await RegistryFixture.start({ resource: widgets });
    await fixture.create("a", { spec: { size: 1 } });
    const labelled = await fixture.change("a", (object) => {
      object.metadata.labels = { a: "b" };
      object.metadata.generation = 77;
    });
    expect(labelled.object.metadata.generation).toBe(1);
    const bumped = await fixture.change("a", (object) => {
      object["spec"] = { size: 2 };
    });
    expect(bumped.object.metadata.generation).toBe(2);
  });

  test("a way to write that keeps the generation does, others count", async () => {
    const strategy: Strategy = { subresources: { bind: { keepsGeneration: true }, resize: {} } };
    await using fixture = await RegistryFixture.start({ resource: widgets, strategy });
    await fixture.create("a", { spec: { node: "" } });
    const set = (node: string) => (object: KubeObject) => {
      object["spec"] = { node };
    };
    const bound = await fixture.change("a", set("n1"), { subresource: "bind" });
    expect(bound.object).toMatchObject({ spec: { node: "n1" }, metadata: { generation: 1 } });
    const resized = await fixture.change("a", set("n2"), { subresource: "resize" });
    expect(resized.object.metadata.generation).toBe(2);
  });

  test.each([
    [{ uid: "u" }, 409, "uid mismatch: the provided object specified uid u, and no existing object was found"],
    [{ resourceVersion: "7" }, 404, 'configmaps "a" not found'],
  ])("does not create what the client thinks is there: %j", async (metadata, code, text) => {
    await using fixture = await RegistryFixture.start();
    const write = fixture.change("a", (object) => Object.assign(object.metadata, metadata), { createIfMissing: true });
    await expect(write).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
  });

  test("a missing object is 404, or created when asked to", async () => {
    await using fixture = await RegistryFixture.start();
    await expect(fixture.change("a", setData("1"))).rejects.toMatchObject({ code: 404 });
    const created = await fixture.registry.update(
      {
        namespace: "default",
        name: "a",
        subresource: "",
        dryRun: false,
        createIfMissing: true,
        validateAdmission: async () => {},
      },
      async (current) => {
        expect(current).toBeUndefined();
        return { metadata: {}, data: { x: "1" } };
      },
      fixture.context(),
    );
    expect(created.created).toBe(true);
    expect(created.entry.object.metadata).toMatchObject({ name: "a", namespace: "default", uid: expect.any(String) });
  });

  test("checks preconditions", async () => {
    await using fixture = await RegistryFixture.start();
    await fixture.create("a");
    const preconditions = { resourceVersion: "99" };
    await expect(fixture.change("a", setData("1"), { preconditions })).rejects.toMatchObject({ code: 409 });
  });

  test("refuses changes of what is immutable with 422", async () => {
    await using fixture = await RegistryFixture.start();
    await fixture.create("a");
    const replace = fixture.change("a", (object) => {
      object.metadata.creationTimestamp = "2000-01-01T00:00:00Z";
    });
    await expect(replace).rejects.toMatchObject({
      code: 422,
      message: expect.stringContaining("metadata.creationTimestamp: Invalid value"),
    });
  });

  test("a dry run answers with the result and writes nothing", async () => {
    await using fixture = await RegistryFixture.start();
    const before = await fixture.create("a");
    const { object } = await fixture.change("a", setData("1"), { dryRun: true });
    expect([object["data"], object.metadata.resourceVersion]).toEqual([{ value: "1" }, String(before.revision)]);
    expect(await fixture.get("a")).toBe(before);
  });

  test("the update that takes the last finalizer off a deleted object removes it", async () => {
    let released = 0;
    await using fixture = await RegistryFixture.start({ strategy: { release: () => void released++ } });
    await fixture.create("a", { metadata: { finalizers: ["x/a", "x/b"] } });
    const marked = await fixture.delete("a");
    expect([marked.deleted, marked.entry.object.metadata.deletionTimestamp]).toEqual([false, "2026-01-01T00:00:00Z"]);
    await fixture.change("a", (object) => {
      object.metadata.finalizers = ["x/b"];
    });
    await expect(
      fixture.change("a", (object) => {
        object.metadata.finalizers = ["x/b", "x/c"];
      }),
    ).rejects.toThrow("no new finalizers can be added if the object is being deleted");
    expect(released).toBe(0);
    const last = await fixture.change("a", (object) => {
      object.metadata.finalizers = [];
      delete object.metadata.deletionTimestamp;
    });
    expect(last.object.metadata.deletionTimestamp).toBe("2026-01-01T00:00:00Z");
    await expect(fixture.get("a")).rejects.toMatchObject({ code: 404 });
    expect(released).toBe(1);
  });

  test("gives back what an update let go, and what a failed one took", async () => {
    const log: string[] = [];
    const strategy: Strategy = {
      allocate: (next) => () => log.push(`undo ${(next["data"] as { value: string }).value}`),
      releaseUnused: (next, current) =>
        log.push(`from ${JSON.stringify(current["data"])} to ${JSON.stringify(next["data"])}`),
    };
    await using fixture = await RegistryFixture.start({ strategy });
    await fixture.create("a", { data: { value: "0" } });
    await fixture.change("a", setData("1"));
    await fixture.change("a", setData("1"));
    await fixture.change("a", setData("2"), { dryRun: true });
    const refuse = async (): Promise<void> => {
      throw StatusError.badRequest("no");
    };
    await expect(fixture.change("a", setData("3"), { validateAdmission: refuse })).rejects.toThrow("no");
    expect(log).toEqual(['from {"value":"0"} to {"value":"1"}', "undo 1", "undo 2", "undo 3"]);
  });
});
