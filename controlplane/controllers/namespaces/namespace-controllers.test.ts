/** What every namespace is given, and how namespaces go. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Namespace, Pod } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import { resources } from "#pkg/kube/resources.ts";
import { ControllerHarness, discoverBuiltIn } from "../testing/controller-harness.ts";
import { computeNamespaceConditions } from "./compute-namespace-conditions.ts";
import { startNamespaceController } from "./namespace-controller.ts";
import { startRootCaPublisher } from "./root-ca-publisher.ts";
import { startServiceAccountController } from "./service-account-controller.ts";

let harness: ControllerHarness;

beforeEach(() => {
  harness = new ControllerHarness();
});
afterEach(() => harness[Symbol.asyncDispose]());

async function createNamespace(name: string): Promise<void> {
  await harness.client.namespaces.create({ apiVersion: "v1", kind: "Namespace", metadata: { name }, spec: {} });
  await harness.settle();
}

describe("startServiceAccountController", () => {
  const account = () => harness.api.peek(resources.serviceAccounts, "a", "default");

  test("every namespace has its default account, again after it was deleted", async () => {
    await harness.run(startServiceAccountController);
    await createNamespace("a");
    const first = account();
    expect(first).toBeDefined();
    await harness.client.serviceAccounts.in("a").delete("default");
    await harness.settle();
    expect(account()?.metadata.uid).not.toBe(first?.metadata.uid);
    expect(account()).toBeDefined();
  });

  test("a namespace that is going gets none", async () => {
    await createNamespace("a");
    await harness.client.namespaces.delete("a");
    await harness.run(startServiceAccountController);
    await harness.settle();
    expect(account()).toBeUndefined();
  });
});

describe("startRootCaPublisher", () => {
  const certificate = () => harness.api.peek(resources.configMaps, "a", "kube-root-ca.crt")?.data;

  test("the certificate is in every namespace, and is put back when it was changed or deleted", async () => {
    await harness.run((context) => startRootCaPublisher(context, "PEM"));
    await createNamespace("a");
    expect(certificate()).toEqual({ "ca.crt": "PEM" });
    const inNamespace = harness.client.configMaps.in("a");
    await inNamespace.patch("kube-root-ca.crt", { type: "merge", body: { data: { "ca.crt": "other", x: "y" } } });
    await harness.settle();
    expect(certificate()).toEqual({ "ca.crt": "PEM" });
    await inNamespace.delete("kube-root-ca.crt");
    await harness.settle();
    expect(certificate()).toEqual({ "ca.crt": "PEM" });
  });
});

describe("startNamespaceController", () => {
  const namespace = () => harness.api.peek(resources.namespaces, "", "a") as Stored<Namespace> | undefined;
  const pod = (nodeName?: string): Pod => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "a" },
    spec: { containers: [], ...(nodeName ? { nodeName } : {}) },
  });
  const secret = (finalizers: string[] = []) => ({
    apiVersion: "v1" as const,
    kind: "Secret" as const,
    metadata: { name: "s", namespace: "a", finalizers },
  });

  async function fillAndDelete(...fill: (() => Promise<unknown>)[]): Promise<void> {
    await createNamespace("a");
    for (const one of fill) await one();
    await harness.run((context) => startNamespaceController(context, discoverBuiltIn));
    await harness.client.namespaces.delete("a");
    await harness.settle();
  }

  test("empties the namespace, lets it go, and touches no other", async () => {
    await createNamespace("b");
    await harness.client.secrets.in("b").create({ ...secret(), metadata: { name: "kept", namespace: "b" } });
    await fillAndDelete(
      () => harness.client.secrets.in("a").create(secret()),
      () => harness.client.pods.in("a").create(pod()),
    );
    expect(namespace()).toBeUndefined();
    expect(harness.names(resources.secrets)).toEqual(["kept"]);
  });

  test("pods go before everything else, and the rest follows at once when the last one is gone", async () => {
    await fillAndDelete(
      () => harness.client.secrets.in("a").create(secret()),
      () => harness.client.pods.in("a").create(pod("node-1")),
    );
    expect(harness.names(resources.secrets)).toEqual(["s"]);
    expect(condition("NamespaceContentRemaining")).toMatchObject({
      status: "True",
      reason: "SomeResourcesRemain",
      message: "Some resources are remaining: pods. has 1 resource instances",
    });
    await harness.client.pods.in("a").delete("p", { gracePeriodSeconds: 0 });
    await harness.settle();
    expect(namespace()).toBeUndefined();
  });

  test("what a finalizer holds is named, and waited for", async () => {
    await fillAndDelete(() => harness.client.secrets.in("a").create(secret(["example.com/hold"])));
    expect(condition("NamespaceFinalizersRemaining")?.message).toBe(
      "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
    );
    await harness.client.secrets.in("a").patch("s", { type: "merge", body: { metadata: { finalizers: null } } });
    await harness.settle(6_000);
    expect(namespace()).toBeUndefined();
  });

  test("a resource that cannot be deleted keeps the namespace and says so", async () => {
    const error = new StatusError({ code: 500, reason: "InternalError", message: "broken" });
    await createNamespace("a");
    await harness.client.secrets.in("a").create(secret());
    await harness.run((context) => startNamespaceController(context, discoverBuiltIn));
    harness.api.failNext({ verb: "deletecollection", resource: "secrets", times: 3, error });
    await harness.client.namespaces.delete("a");
    await harness.clock.advance(2);
    expect(condition("NamespaceDeletionContentFailure")).toMatchObject({
      status: "True",
      reason: "ContentDeletionFailed",
    });
    await harness.settle(10_000);
    expect(namespace()).toBeUndefined();
  });

  test("groups that do not answer keep the namespace: they may hold something of it", async () => {
    let failedGroups = ["metrics.k8s.io/v1beta1"];
    await createNamespace("a");
    await harness.run((context) =>
      startNamespaceController(context, async (signal) => ({ ...(await discoverBuiltIn(signal)), failedGroups })),
    );
    await harness.client.namespaces.delete("a");
    await harness.settle();
    expect(condition("NamespaceDeletionDiscoveryFailure")?.status).toBe("True");
    failedGroups = [];
    await harness.settle(6_000);
    expect(namespace()).toBeUndefined();
  });

  const condition = (type: string) => namespace()?.status?.conditions?.find((one) => one.type === type);
});

describe("computeNamespaceConditions", () => {
  test("says all is well in five conditions when nothing is left", () => {
    const conditions = computeNamespaceConditions([], { failedGroups: [], failures: [], remaining: [] }, 0);
    expect(conditions.map(({ status }) => status)).toEqual(["False", "False", "False", "False", "False"]);
  });
});
