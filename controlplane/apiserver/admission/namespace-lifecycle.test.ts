import { beforeEach, describe, expect, test } from "vitest";
import { MemoryObjects } from "../testing/memory-objects.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { admit, whyRefused } from "./testing/request.ts";

let objects: MemoryObjects;
let plugin: AdmissionPlugin;

beforeEach(() => {
  objects = new MemoryObjects();
  plugin = namespaceLifecycle(objects);
  objects.put("", "namespaces", { metadata: { name: "open" }, status: { phase: "Active" } });
  objects.put("", "namespaces", { metadata: { name: "closing" }, status: { phase: "Terminating" } });
});

describe("NamespaceLifecycle", () => {
  test.each([
    ["CREATE configmaps open/c", ""],
    ["UPDATE configmaps closing/c", ""],
    ["DELETE configmaps closing/c", ""],
    ["DELETE configmaps gone/c", ""],
    ["CREATE nodes n1", ""],
    ["CREATE namespaces new", ""],
    ["DELETE namespaces open", ""],
    ["DELETE namespaces kube-node-lease", ""],
    ["CREATE localsubjectaccessreviews.authorization.k8s.io gone/x", ""],
    ["CREATE configmaps gone/c", 'namespaces "gone" not found'],
    ["UPDATE configmaps gone/c", 'namespaces "gone" not found'],
    ["DELETE namespaces default", "this namespace may not be deleted"],
    ["DELETE namespaces kube-system", "this namespace may not be deleted"],
    ["DELETE namespaces kube-public", "this namespace may not be deleted"],
    ["CREATE configmaps closing/c", "unable to create new content in namespace closing because it is being terminated"],
  ])("%s: %j", async (what, why) => {
    expect(await whyRefused(plugin, { what, object: {} })).toBe(why);
  });

  test("names the cause that controllers look for", async () => {
    await expect(admit(plugin, { what: "CREATE configmaps closing/c", object: {} })).rejects.toMatchObject({
      code: 403,
      message: expect.stringMatching(/^configmaps "c" is forbidden: /),
      status: {
        details: {
          causes: [
            {
              reason: "NamespaceTerminating",
              message: "namespace closing is being terminated",
              field: "metadata.namespace",
            },
          ],
        },
      },
    });
  });

  test("finds a namespace that the cache does not know yet", async () => {
    objects.getLive = async (_group, _resource, _namespace, name) => ({ metadata: { name } });
    expect(await whyRefused(plugin, { what: "CREATE configmaps young/c", object: {} })).toBe("");
  });

  test("does not believe a cache that shows a deleted namespace as active, for 30 seconds", async () => {
    const start = Date.UTC(2026, 0, 1);
    await admit(plugin, { what: "DELETE namespaces open", nowMs: start });
    objects.getLive = async () => ({ metadata: { name: "open" }, status: { phase: "Terminating" } });
    const create = (nowMs: number) => whyRefused(plugin, { what: "CREATE configmaps open/c", object: {}, nowMs });
    expect(await create(start + 29_000)).toMatch(/being terminated/);
    expect(await create(start + 31_000)).toBe("");
  });

  test("refuses until the cache is there", async () => {
    objects.hasSynced = () => false;
    expect(await whyRefused(plugin, { what: "CREATE configmaps open/c", object: {} })).toBe(
      "not yet ready to handle request",
    );
  });
});
