import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { Strategy } from "./strategy.ts";
import { configMaps, listDefaults, RegistryFixture, widgets } from "./testing/registry-fixture.ts";

const setData =
  (value: string) =>
  (object: KubeObject): void => {
    object["data"] = { value };
  };

describe("GenericRegistry.create", () => {
  test("sets what the server owns and keeps the rest", async () => {
    await using fixture = await RegistryFixture.start();
    const { object, revision } = await fixture.create("a", {
      metadata: { uid: "mine", creationTimestamp: "2000-01-01T00:00:00Z", deletionTimestamp: "2000-01-01T00:00:00Z" },
      data: { x: "1" },
    });
    expect(object.metadata).toEqual({
      name: "a",
      namespace: "default",
      uid: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      creationTimestamp: "2026-01-01T00:00:00Z",
      resourceVersion: String(revision),
    });
    expect(object["data"]).toEqual({ x: "1" });
    expect((await fixture.get("a")).object).toBe(object);
  });

  test("drops the status and starts the generation where the kind has a status subresource", async () => {
    await using fixture = await RegistryFixture.start({ resource: widgets });
    const { object } = await fixture.create("a", { spec: {}, status: { ready: true }, metadata: { generation: 9 } });
    expect([object["status"], object.metadata.generation]).toEqual([undefined, 1]);
  });

  test("refuses a second object of the same name with 409", async () => {
    await using fixture = await RegistryFixture.start();
    await fixture.create("a");
    await expect(fixture.create("a")).rejects.toMatchObject({
      code: 409,
      reason: "AlreadyExists",
      message: 'configmaps "a" already exists',
    });
    await fixture.change("a", (object) => {
      object.metadata.finalizers = ["x/y"];
    });
    await fixture.delete("a");
    await expect(fixture.create("a")).rejects.toThrow('object is being deleted: configmaps "a" already exists');
  });

  test("makes names out of generateName and tries again when one is taken", async () => {
    await using fixture = await RegistryFixture.start();
    const base = "x".repeat(70);
    const object = fixture.object("", { metadata: { generateName: base } });
    const names = new Set<string | undefined>();
    for (let count = 0; count < 20; count++) names.add((await fixture.createObject(object)).object.metadata.name);
    expect(names.size).toBe(20);
    for (const name of names) expect(name).toMatch(/^x{58}[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  test("gives up after eight taken names", async () => {
    await using fixture = await RegistryFixture.start();
    const taken = fixture.object("", { metadata: { generateName: "a-" } });
    fixture.random.float = () => 0;
    await fixture.createObject(taken);
    let tries = 0;
    fixture.random.uuid = () => "uid";
    fixture.random.float = () => {
      tries++;
      return 0;
    };
    await expect(fixture.createObject(taken)).rejects.toThrow(
      'configmaps "a-bbbbb" already exists, the server was not able to generate a unique name for the object',
    );
    expect(tries).toBe(8 * 5);
  });

  test.each<[string, Readonly<Record<string, unknown>>, number, string]>([
    ["a resourceVersion", { resourceVersion: "5" }, 400, "resourceVersion should not be set on objects to be created"],
    ["a bad name", { name: "A" }, 422, 'ConfigMap "A" is invalid: metadata.name: Invalid value: "A"'],
    ["no name", { name: "" }, 422, "metadata.name: Required value: name or generateName is required"],
  ])("refuses %s", async (_what, metadata, code, text) => {
    await using fixture = await RegistryFixture.start();
    await expect(fixture.create("a", { metadata })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text),
    });
  });

  test("refuses an object of another namespace, and fills in a missing one", async () => {
    await using fixture = await RegistryFixture.start();
    const options = { namespace: "other", dryRun: false, validateAdmission: async () => {} };
    await expect(fixture.registry.create(fixture.object("a"), options, fixture.context())).rejects.toThrow(
      "the namespace of the provided object does not match the namespace sent on the request",
    );
    const object: KubeObject = { metadata: { name: "a" } };
    const { object: created } = await fixture.registry.create(object, options, fixture.context());
    expect(created.metadata.namespace).toBe("other");
    expect(object.metadata.namespace).toBeUndefined();
  });

  test("a dry run checks everything and writes nothing", async () => {
    await using fixture = await RegistryFixture.start();
    const { object } = await fixture.createObject(fixture.object("a"), true);
    expect([object.metadata.uid, object.metadata.resourceVersion]).toEqual([expect.any(String), undefined]);
    await expect(fixture.get("a")).rejects.toMatchObject({ code: 404 });
    await fixture.create("a");
    await expect(fixture.createObject(fixture.object("a"), true)).rejects.toMatchObject({ reason: "AlreadyExists" });
  });

  test("calls the strategy's steps in order and gives back what was allocated when admission refuses", async () => {
    const steps: string[] = [];
    const strategy: Strategy = {
      prepareForCreate: () => steps.push("prepare"),
      validate: () => {
        steps.push("validate");
        return [];
      },
      warnings: () => ["old field"],
      allocate: () => {
        steps.push("allocate");
        return () => steps.push("release");
      },
    };
    await using fixture = await RegistryFixture.start({ strategy });
    const validateAdmission = async (next: KubeObject | undefined): Promise<void> => {
      steps.push(`admission ${next?.metadata.name}`);
      throw StatusError.badRequest("no");
    };
    const options = { namespace: "default", dryRun: false, validateAdmission };
    await expect(fixture.registry.create(fixture.object("a"), options, fixture.context())).rejects.toThrow("no");
    expect(steps).toEqual(["prepare", "validate", "allocate", "admission a", "release"]);
    expect(fixture.warnings).toEqual(["old field"]);
  });

  test("gives back what was allocated when the name is taken, and keeps it when written", async () => {
    let held = 0;
    const strategy: Strategy = {
      allocate: () => {
        held++;
        return () => held--;
      },
      release: () => held--,
    };
    await using fixture = await RegistryFixture.start({ strategy });
    await fixture.create("a");
    await expect(fixture.create("a")).rejects.toMatchObject({ code: 409 });
    await fixture.createObject(fixture.object("b"), true);
    expect(held).toBe(1);
    await fixture.delete("a");
    expect(held).toBe(0);
  });

  test("a try at another name begins with what the client sent", async () => {
    const seen: unknown[] = [];
    const strategy: Strategy = {
      allocate: (next) => {
        const spec = next["spec"] as { port?: number };
        seen.push(spec.port);
        spec.port = 30000 + seen.length;
        return () => undefined;
      },
    };
    await using fixture = await RegistryFixture.start({ strategy });
    const object = fixture.object("", { metadata: { generateName: "a-" }, spec: {} });
    const { float } = fixture.random;
    fixture.random.float = () => 0;
    await fixture.createObject(object);
    let calls = 0;
    fixture.random.float = () => (calls++ < 40 ? 0 : float.call(fixture.random));
    const { object: created } = await fixture.createObject(object);
    expect([created["spec"], seen.length > 2, seen.every((port) => port === undefined)]).toEqual([
      { port: 30000 + seen.length },
      true,
      true,
    ]);
  });

  test("an object with a time to live goes by itself, and others share its lease", async () => {
    await using fixture = await RegistryFixture.start({ strategy: { ttlSeconds: 3600 } });
    await fixture.create("a");
    await fixture.create("b");
    expect(await fixture.store.leases.list()).toHaveLength(1);
    await fixture.clock.advance(61_000);
    await fixture.create("c");
    expect(await fixture.store.leases.list()).toHaveLength(2);
    await fixture.clock.advance(3_600_000);
    expect((await fixture.list()).entries.map((entry) => entry.object.metadata.name)).toEqual(["c"]);
  });
});

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
    // Whatever is not a write is decided again on the state the store has: so each is undone twice.
    expect(log).toEqual([
      'from {"value":"0"} to {"value":"1"}',
      "undo 1",
      "undo 1",
      "undo 2",
      "undo 2",
      "undo 3",
      "undo 3",
    ]);
  });
});

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
