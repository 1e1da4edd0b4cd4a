/** The garbage collector on a fake API: what goes, what stays, and when. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ConfigMap } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import type { OwnerReference } from "#pkg/api/meta/v1.ts";
import type { DeleteOptions } from "#pkg/kube/request-options.ts";
import { resourceRef, resources } from "#pkg/kube/resources.ts";
import { ControllerHarness, discoverBuiltIn } from "../testing/controller-harness.ts";
import { startGarbageCollector } from "./garbage-collector.ts";

let harness: ControllerHarness;

beforeEach(async () => {
  harness = new ControllerHarness();
});
afterEach(() => harness[Symbol.asyncDispose]());

const start = () => harness.run((context) => startGarbageCollector(context, discoverBuiltIn));

async function make(name: string, owners: readonly Partial<OwnerReference>[] = [], extra: object = {}) {
  const ownerReferences = owners.map((owner) => owner as OwnerReference);
  const metadata = { name, namespace: "a", ownerReferences, ...extra };
  return await harness.client.configMaps.in("a").create({ apiVersion: "v1", kind: "ConfigMap", metadata });
}

function by(owner: Stored<ConfigMap>, blockOwnerDeletion = false): OwnerReference {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    blockOwnerDeletion,
  };
}

async function remove(name: string, propagationPolicy: NonNullable<DeleteOptions["propagationPolicy"]>): Promise<void> {
  await harness.client.configMaps.in("a").delete(name, { propagationPolicy });
  await harness.settle();
}

const left = () => harness.names(resources.configMaps);
const ownersOf = (name: string) =>
  (harness.api.peek(resources.configMaps, "a", name)?.metadata.ownerReferences ?? []).map((owner) => owner.name);

describe("startGarbageCollector", () => {
  test("background: dependents go after their owner, through all levels", async () => {
    const top = await make("top");
    const middle = await make("middle", [by(top)]);
    await make("bottom", [by(middle)]);
    await make("free");
    await start();
    await remove("top", "Background");
    expect(left()).toEqual(["free"]);
  });

  test("dependents whose owner was gone before it started go too, after the server was asked", async () => {
    await make("lost", [{ apiVersion: "v1", kind: "ConfigMap", name: "gone", uid: "no-such-uid" }]);
    await start();
    await harness.settle();
    expect(left()).toEqual([]);
    expect(harness.api.requests.some(({ verb, name }) => verb === "get" && name === "gone")).toBe(true);
  });

  test("an owner of the same name made anew does not count", async () => {
    await make("owner");
    await make("lost", [{ apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: "uid-of-the-old-one" }]);
    await start();
    await harness.settle();
    expect(left()).toEqual(["owner"]);
  });

  test("foreground: the owner stays until the dependents that block it are gone", async () => {
    const owner = await make("owner");
    await make("blocking", [by(owner, true)], { finalizers: ["example.com/hold"] });
    await make("other", [by(owner)], { finalizers: ["example.com/hold"] });
    await start();
    await remove("owner", "Foreground");
    expect(left()).toEqual(["blocking", "other", "owner"]);
    const release = { type: "merge", body: { metadata: { finalizers: null } } } as const;
    await harness.client.configMaps.in("a").patch("blocking", release);
    await harness.settle();
    expect(left()).toEqual(["other"]);
  });

  test("foreground goes down all levels before the owner goes", async () => {
    const top = await make("top");
    const middle = await make("middle", [by(top, true)]);
    await make("bottom", [by(middle, true)], { finalizers: ["example.com/hold"] });
    await start();
    await remove("top", "Foreground");
    expect(left()).toEqual(["bottom", "middle", "top"]);
    expect(harness.api.peek(resources.configMaps, "a", "middle")?.metadata.finalizers).toEqual(["foregroundDeletion"]);
    await harness.client.configMaps
      .in("a")
      .patch("bottom", { type: "merge", body: { metadata: { finalizers: null } } });
    await harness.settle();
    expect(left()).toEqual([]);
  });

  test("a circle of objects that block each other goes", async () => {
    const one = await make("one");
    const two = await make("two", [by(one, true)]);
    await harness.client.configMaps
      .in("a")
      .patch("one", { type: "merge", body: { metadata: { ownerReferences: [by(two, true)] } } });
    await start();
    await remove("one", "Foreground");
    await harness.settle(5_000);
    expect(left()).toEqual([]);
  });

  test("orphan: dependents stay, without the owner", async () => {
    const owner = await make("owner");
    const second = await make("second");
    await make("dependent", [by(owner), by(second)]);
    await start();
    await remove("owner", "Orphan");
    expect(left()).toEqual(["dependent", "second"]);
    expect(ownersOf("dependent")).toEqual(["second"]);
  });

  test("one owner that stays keeps the object, and the lost one is forgotten", async () => {
    const owner = await make("owner");
    const second = await make("second");
    await make("dependent", [by(owner), by(second)]);
    await start();
    await remove("owner", "Background");
    expect(left()).toEqual(["dependent", "second"]);
    expect(ownersOf("dependent")).toEqual(["second"]);
  });

  test("an owner in another namespace counts as absent, and an event says so", async () => {
    const owner = await make("owner");
    await harness.client.configMaps.in("b").create({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "stray", namespace: "b", ownerReferences: [by(owner)] },
    });
    await start();
    await harness.settle();
    expect(left()).toEqual(["owner"]);
    expect(harness.events).toEqual([
      `ConfigMap/stray OwnerRefInvalidNamespace: ownerRef [v1/ConfigMap, namespace: b, name: owner, uid: ${owner.metadata.uid}] does not exist in namespace "b"`,
    ]);
  });

  test("an owner without a namespace is found from everywhere", async () => {
    const metadata = { name: "node-1" };
    const node = await harness.client.nodes.create({ apiVersion: "v1", kind: "Node", metadata, spec: {} });
    await make("kept", [{ apiVersion: "v1", kind: "Node", name: "node-1", uid: node.metadata.uid }]);
    await start();
    await harness.settle();
    expect(left()).toEqual(["kept"]);
    await harness.client.nodes.delete("node-1");
    await harness.settle();
    expect(left()).toEqual([]);
  });

  test("an object without a namespace is never deleted for an owner that has one", async () => {
    const metadata = {
      name: "node-1",
      ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "nobody" }],
    };
    await harness.client.nodes.create({ apiVersion: "v1", kind: "Node", metadata, spec: {} });
    await start();
    await harness.settle();
    expect(harness.names(resources.nodes)).toEqual(["node-1"]);
  });

  test("an owner of an unknown kind keeps the object until the kind is served and the owner is not there", async () => {
    const widgets = resourceRef("example.com", "v1", "widgets", "Widget", "Namespaced");
    const verbs = ["list", "watch", "delete", "get", "patch"];
    let served = false;
    await harness.run((context) =>
      startGarbageCollector(context, async (signal) => {
        const builtIn = await discoverBuiltIn(signal);
        return served ? { ...builtIn, resources: [...builtIn.resources, { ...widgets, verbs }] } : builtIn;
      }),
    );
    await make("dependent", [{ apiVersion: "example.com/v1", kind: "Widget", name: "w", uid: "nobody" }]);
    await harness.settle();
    expect(left()).toEqual(["dependent"]);
    served = true;
    const spec = {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget" },
      versions: [],
    };
    await harness.client.customResourceDefinitions.create({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "widgets.example.com" },
      spec,
    });
    await harness.settle(2_000);
    expect(left()).toEqual([]);
  });

  test("a server that cannot say whether the owner is there costs nobody their object", async () => {
    await make("dependent", [{ apiVersion: "v1", kind: "ConfigMap", name: "gone", uid: "no-such-uid" }]);
    harness.api.failNext({ verb: "get", name: "gone", error: "disconnect", times: 1000 });
    await start();
    await harness.settle(1_000);
    expect(left()).toEqual(["dependent"]);
  });
});
