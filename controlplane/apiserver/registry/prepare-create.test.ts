import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { Strategy } from "./strategy.ts";
import { RegistryFixture, widgets } from "./testing/registry-fixture.ts";

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

  test("says the uid first and then the name that was found", async () => {
    const strategy: Strategy = {
      prepareForCreate: (object) => (object["data"] = { uid: object.metadata.uid, name: object.metadata.name }),
      prepareNamed: (object) => (object["data"] = { ...(object["data"] as object), name: object.metadata.name }),
    };
    await using fixture = await RegistryFixture.start({ strategy });
    const object = fixture.object("", { metadata: { generateName: "a-" } });
    fixture.random.float = () => 0;
    const first = await fixture.createObject(object);
    // The first try takes a name that is there already.
    let calls = 0;
    fixture.random.float = () => (calls++ < 5 ? 0 : 0.5);
    const second = await fixture.createObject(object);
    expect(second.object.metadata.name).not.toBe(first.object.metadata.name);
    for (const { metadata, data } of [first.object, second.object] as (KubeObject & { data: unknown })[]) {
      expect(data).toEqual({ uid: metadata.uid, name: metadata.name });
    }
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
