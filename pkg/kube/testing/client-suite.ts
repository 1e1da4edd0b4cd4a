/**
 * What KubeClient and an API server owe each other, as a suite that runs on the fake server and on a real one alike. Every
 * test works in a namespace of its own, on kinds that no controller touches.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ConfigMap } from "#pkg/api/core/v1.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { StatusReason } from "#pkg/api/status.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { silentLogger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import type { KubeClient } from "../client.ts";
import { Informer } from "../informer.ts";
import type { ResourceClient } from "../resource-client.ts";
import { resourceRef } from "../resources.ts";
import { initialEventsEndAnnotation, type WatchEvent, type WatchStream } from "../watch.ts";

export interface ClientUnderTest extends AsyncDisposable {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  /** Lets this much time pass: moves a fake clock, or sleeps. */
  pass(ms: number): Promise<void>;
}

export function kubeClientSuite(name: string, open: () => Promise<ClientUnderTest>): void {
  describe(`KubeClient on ${name}`, () => {
    let subject: ClientUnderTest;
    let client: KubeClient;
    let namespace: string;
    let maps: ResourceClient<ConfigMap>;

    beforeAll(async () => {
      subject = await open();
      client = subject.client;
    });
    beforeEach(async () => {
      const created = await client.namespaces.create({ metadata: { generateName: "client-suite-" }, spec: {} });
      namespace = created.metadata.name;
      maps = client.configMaps.in(namespace);
    });
    afterAll(async () => {
      await subject?.[Symbol.asyncDispose]();
    });

    const newMap = (mapName: string, data: Record<string, string> = {}, labels = {}): ConfigMap => ({
      metadata: { name: mapName, namespace, labels: { suite: "client", ...labels } },
      data,
    });

    describe("create and get", () => {
      test("return the object as it is stored", async () => {
        const created = await maps.create(newMap("a", { k: "v" }));
        expect(created).toMatchObject({ apiVersion: "v1", kind: "ConfigMap", data: { k: "v" } });
        expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
        expect(created.metadata.resourceVersion).toMatch(/^[0-9]+$/);
        expect(created.metadata.creationTimestamp).toMatch(/^20.*Z$/);
        expect(await maps.get("a")).toEqual(created);
      });

      test("generateName makes a new name each time", async () => {
        const made = await Promise.all(
          [1, 2, 3].map(() => maps.create({ metadata: { generateName: "made-", namespace } })),
        );
        const names = made.map((one) => one.metadata.name);
        expect(new Set(names).size).toBe(3);
        for (const one of names) expect(one).toMatch(/^made-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
      });

      test("an existing name is 409 AlreadyExists, a missing one 404 NotFound", async () => {
        await maps.create(newMap("a"));
        await expectStatus(maps.create(newMap("a")), 409, "AlreadyExists", 'configmaps "a" already exists');
        await expectStatus(maps.get("b"), 404, "NotFound", 'configmaps "b" not found');
      });

      test("a custom resource reference works like a built-in one", async () => {
        const ref = resourceRef<ConfigMap>("", "v1", "configmaps", "ConfigMap", "Namespaced");
        await client.resource(ref).create(newMap("a", { k: "v" }));
        expect((await client.resource(ref).in(namespace).get("a")).data).toEqual({ k: "v" });
      });
    });

    describe("update and patch", () => {
      test("a stale resourceVersion is 409 Conflict, and the stored object stays", async () => {
        const first = await maps.create(newMap("a", { k: "1" }));
        const second = await maps.update({ ...first, data: { k: "2" } });
        expect(Number(second.metadata.resourceVersion)).toBeGreaterThan(Number(first.metadata.resourceVersion));
        await expectStatus(
          maps.update({ ...first, data: { k: "3" } }),
          409,
          "Conflict",
          'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to ' +
            "the latest version and try again",
        );
        expect((await maps.get("a")).data).toEqual({ k: "2" });
      });

      test("an update that changes nothing keeps the resourceVersion", async () => {
        const first = await maps.create(newMap("a", { k: "1" }));
        expect((await maps.update(first)).metadata.resourceVersion).toBe(first.metadata.resourceVersion);
      });

      test("updating what is not there is 404", async () => {
        const created = await maps.create(newMap("a"));
        await maps.delete("a");
        await expectStatus(maps.update(created), 404, "NotFound");
        await expectStatus(maps.patch("a", { type: "merge", body: { data: {} } }), 404, "NotFound");
      });

      test("merge and JSON patches change just what they say", async () => {
        await maps.create(newMap("a", { keep: "1", drop: "2", change: "3" }));
        const merged = await maps.patch("a", { type: "merge", body: { data: { drop: null, change: "4" } } });
        expect(merged.data).toEqual({ keep: "1", change: "4" });
        const operations = [{ op: "replace", path: "/data/keep", value: "5" }] as const;
        expect((await maps.patch("a", { type: "json", operations })).data).toEqual({ keep: "5", change: "4" });
      });

      test("a merge patch with a stale resourceVersion is 409", async () => {
        const first = await maps.create(newMap("a"));
        await maps.update({ ...first, data: { k: "2" } });
        const { resourceVersion } = first.metadata;
        const body = { metadata: { resourceVersion }, data: { k: "3" } };
        await expectStatus(maps.patch("a", { type: "merge", body }), 409, "Conflict");
      });

      test("apply creates the object, then changes it", async () => {
        const wanted = { metadata: { name: "a", namespace }, data: { k: "1" } };
        expect((await maps.apply(wanted, { fieldManager: "suite" })).data).toEqual({ k: "1" });
        const again = await maps.apply({ ...wanted, data: { k: "2" } }, { fieldManager: "suite", force: true });
        expect(again.data).toEqual({ k: "2" });
      });

      test("status and the rest are written apart, and only spec changes raise the generation", async () => {
        const node = await client.nodes.create({ metadata: { name: `${namespace}-n` }, spec: {} });
        const status = { nodeInfo: undefined, conditions: [], addresses: [{ type: "Hostname", address: "h" }] };
        const updated = await client.nodes.updateStatus({ ...node, spec: { unschedulable: true }, status });
        expect(updated.status?.addresses).toEqual([{ type: "Hostname", address: "h" }]);
        expect(updated.spec?.unschedulable).toBeUndefined();
        const cordoned = await client.nodes.update({ ...updated, spec: { unschedulable: true }, status: {} });
        expect(cordoned.spec?.unschedulable).toBe(true);
        expect(cordoned.status?.addresses).toEqual([{ type: "Hostname", address: "h" }]);
        await client.nodes.delete(node.metadata.name);
      });
    });

    describe("delete", () => {
      test("removes the object; doing it twice is 404", async () => {
        await maps.create(newMap("a"));
        await maps.delete("a");
        await expectStatus(maps.get("a"), 404, "NotFound");
        await expectStatus(maps.delete("a"), 404, "NotFound");
      });

      test("a precondition on another uid is 409, on the right one it deletes", async () => {
        const { metadata } = await maps.create(newMap("a"));
        const uid = "00000000-0000-4000-8000-000000000000";
        await expectStatus(maps.delete("a", { preconditions: { uid } }), 409, "Conflict");
        await maps.delete("a", { preconditions: { uid: metadata.uid } });
        await expectStatus(maps.get("a"), 404, "NotFound");
      });

      test("finalizers hold the object until they are gone", async () => {
        const metadata = { name: "a", namespace, finalizers: ["example.com/hold"] };
        const { metadata: stored } = await maps.create({ metadata });
        await maps.delete("a");
        const held = await maps.get("a");
        expect(held.metadata.deletionTimestamp).toMatch(/Z$/);
        expect(held.metadata.uid).toBe(stored.uid);
        await maps.patch("a", { type: "merge", body: { metadata: { finalizers: null } } });
        await expectStatus(maps.get("a"), 404, "NotFound");
      });

      test("deleteCollection() removes what the selector matches", async () => {
        await maps.create(newMap("a", {}, { color: "red" }));
        await maps.create(newMap("b", {}, { color: "blue" }));
        await maps.deleteCollection({ labelSelector: "color=red" });
        expect(names(await maps.list({ labelSelector: "suite" }))).toEqual(["b"]);
      });
    });

    describe("list", () => {
      test("selects by label and field, and items carry their kind", async () => {
        for (const one of ["a", "b", "c"]) await maps.create(newMap(one, {}, { group: one === "c" ? "y" : "x" }));
        expect(names(await maps.list({ labelSelector: "group=x" }))).toEqual(["a", "b"]);
        expect(names(await maps.list({ labelSelector: "group notin (x),suite" }))).toEqual(["c"]);
        const byName = await maps.list({ fieldSelector: "metadata.name=b" });
        expect(byName.items).toMatchObject([{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "b" } }]);
        const all = await client.configMaps.list({ labelSelector: "suite=client" });
        expect(all.items.length).toBeGreaterThanOrEqual(3);
      });

      test("a malformed selector is 400", async () => {
        await expectStatus(maps.list({ labelSelector: "a in (" }), 400, "BadRequest");
      });

      test("pages hold each object once, at the version of the first page", async () => {
        for (const one of ["a", "b", "c", "d", "e"]) await maps.create(newMap(one));
        const options = { labelSelector: "suite", limit: 2 };
        const first = await maps.list(options);
        await maps.create(newMap("bb"));
        const second = await maps.list({ ...options, continue: first.metadata.continue });
        const third = await maps.list({ ...options, continue: second.metadata.continue });
        expect([first, second, third].flatMap(names)).toEqual(["a", "b", "c", "d", "e"]);
        expect(third.metadata.continue ?? "").toBe("");
        expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
      });
    });

    describe("watch", () => {
      test("shows every change after a version, in order", async () => {
        const { metadata } = await maps.list();
        const created = await maps.create(newMap("a", { k: "1" }));
        await maps.update({ ...created, data: { k: "2" } });
        await using stream = await maps.watch({ resourceVersion: metadata.resourceVersion });
        await maps.delete("a");
        const events = await take(stream, 3);
        expect(events.map((event) => event.type)).toEqual(["ADDED", "MODIFIED", "DELETED"]);
        const versions = events.map((event) => Number(event.object.metadata.resourceVersion));
        expect(versions).toEqual(versions.toSorted((a, b) => a - b));
        expect(events[1]?.object).toMatchObject({ kind: "ConfigMap", data: { k: "2" } });
      });

      test("without a version it begins with the present objects", async () => {
        await maps.create(newMap("a"));
        await using stream = await maps.watch({ labelSelector: "suite" });
        const [event] = await take(stream, 1);
        expect(event).toMatchObject({ type: "ADDED", object: { metadata: { name: "a" } } });
      });

      test("an object that stops matching the selector is DELETED, one that starts is ADDED", async () => {
        const { metadata } = await maps.list();
        const created = await maps.create(newMap("a", {}, { on: "no" }));
        await using stream = await maps.watch({
          resourceVersion: metadata.resourceVersion,
          labelSelector: "on=yes",
        });
        await maps.patch("a", { type: "merge", body: { metadata: { labels: { on: "yes" } } } });
        await maps.patch("a", { type: "merge", body: { metadata: { labels: { on: "no" } } } });
        const events = await take(stream, 2);
        expect(events.map((event) => event.type)).toEqual(["ADDED", "DELETED"]);
        expect(events[1]?.object.metadata.uid).toBe(created.metadata.uid);
      });

      test("a watch list closes its initial events with a marked bookmark", async () => {
        await maps.create(newMap("a"));
        await using stream = await maps.watch({
          labelSelector: "suite",
          sendInitialEvents: true,
          allowWatchBookmarks: true,
          resourceVersionMatch: "NotOlderThan",
        });
        const events = await take(stream, 2);
        expect(events.map((event) => event.type)).toEqual(["ADDED", "BOOKMARK"]);
        expect(events[1]?.object.metadata.annotations).toEqual({ [initialEventsEndAnnotation]: "true" });
      });

      test("sendInitialEvents without NotOlderThan is 422", async () => {
        await expectStatus(maps.watch({ sendInitialEvents: true }), 422, "Invalid");
      });

      test("ends without an error when the server's time is over, and when it is disposed", async () => {
        const timed = await maps.watch({ timeoutSeconds: 1, resourceVersion: "0", labelSelector: "none" });
        const ended = take(timed, 1);
        await subject.pass(1500);
        expect(await ended).toEqual([]);
        const disposed = await maps.watch({ labelSelector: "none" });
        const stopped = take(disposed, 1);
        await disposed[Symbol.asyncDispose]();
        expect(await stopped).toEqual([]);
      });

      test("ends with Aborted when the caller's signal fires", async () => {
        const controller = new AbortController();
        const stream = await maps.watch({ labelSelector: "none", signal: controller.signal });
        const ended = take(stream, 1);
        controller.abort();
        await expect(ended).rejects.toMatchObject({ code: "Aborted" });
      });
    });

    describe("an informer", () => {
      async function until(isTrue: () => boolean): Promise<void> {
        for (let tries = 0; !isTrue() && tries < 1000; tries++) await subject.pass(10);
        expect(isTrue()).toBe(true);
      }

      function newInformer(usesWatchList: boolean, labelSelector = "suite"): Informer<ConfigMap> {
        const { clock, random } = subject;
        return new Informer({ client: maps, labelSelector, usesWatchList, clock, random, log: silentLogger });
      }

      test.each([
        ["a list", false],
        ["a watch list", true],
      ])("begins with %s and follows the changes", async (_name, usesWatchList) => {
        const heard: string[] = [];
        await maps.create(newMap("a", { k: "1" }));
        await using informer = newInformer(usesWatchList);
        informer.addHandler({
          onAdd: (object, { isInInitialList }) => heard.push(`add ${object.metadata.name} ${isInInitialList}`),
          onUpdate: (object, previous) => heard.push(`update ${previous.data?.["k"]} to ${object.data?.["k"]}`),
          onDelete: (object) => heard.push(`delete ${object.metadata.name}`),
        });
        informer.start();
        await until(() => informer.hasSynced);
        await informer.waitForSync();
        await maps.create(newMap("b"));
        await maps.patch("a", { type: "merge", body: { data: { k: "2" } } });
        await maps.delete("b");
        await until(() => heard.length === 4);
        expect(heard).toEqual(["add a true", "add b false", "update 1 to 2", "delete b"]);
        expect(informer.get(`${namespace}/a`)).toMatchObject({ kind: "ConfigMap", data: { k: "2" } });
        expect(informer.inNamespace(namespace)).toHaveLength(1);
        expect(informer.get(`${namespace}/b`)).toBeUndefined();
      });

      test("holds only what its selector matches", async () => {
        await maps.create(newMap("a", {}, { on: "yes" }));
        await maps.create(newMap("b", {}, { on: "no" }));
        await using informer = newInformer(false, "on=yes");
        informer.start();
        await until(() => informer.hasSynced);
        await maps.patch("a", { type: "merge", body: { metadata: { labels: { on: "no" } } } });
        await maps.patch("b", { type: "merge", body: { metadata: { labels: { on: "yes" } } } });
        await until(() => informer.get(`${namespace}/b`) !== undefined);
        expect(informer.list().map((object) => object.metadata.name)).toEqual(["b"]);
      });
    });

    describe("requests", () => {
      test("raw() and rawText() reach any path", async () => {
        expect(await client.raw("/version")).toMatchObject({ major: "1" });
        expect(await client.rawText("/readyz")).toBe("ok");
        await expectStatus(client.raw("/no/such/path"), 404, "NotFound");
      });

      test("an aborted signal ends the call", async () => {
        const signal = AbortSignal.abort();
        await expect(maps.get("a", { signal })).rejects.toMatchObject({ code: "Aborted" });
      });
    });
  });
}

const names = (list: { readonly items: readonly KubeObject[] }): readonly (string | undefined)[] =>
  list.items.map((item) => item.metadata.name);

/** The first `count` events; fewer when the stream ends before. */
async function take<T extends KubeObject>(stream: WatchStream<T>, count: number): Promise<readonly WatchEvent<T>[]> {
  const events: WatchEvent<T>[] = [];
  for await (const event of stream) {
    events.push(event);
    if (events.length === count) break;
  }
  return events;
}

async function expectStatus(
  call: Promise<unknown>,
  code: number,
  reason: StatusReason,
  message?: string,
): Promise<void> {
  const error: unknown = await call.then(
    () => "no error",
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code, reason, ...(message === undefined ? {} : { message }) });
}
