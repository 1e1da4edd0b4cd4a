import { beforeEach, describe, expect, test } from "vitest";
import type { Pod, PodSpec } from "#pkg/api/core/v1.ts";
import { MemoryObjects } from "../../testing/memory-objects.ts";
import { admit, whyRefused } from "../testing/request.ts";
import { defaultPodSecurity, type PodSecurityOptions, podSecurity } from "./pod-security.ts";

const label = (mode: string): string => `pod-security.kubernetes.io/${mode}`;
let objects: MemoryObjects;

beforeEach(() => {
  objects = new MemoryObjects();
});

function namespace(labels: Record<string, string>): void {
  const full = Object.fromEntries(Object.entries(labels).map(([mode, value]) => [label(mode), value]));
  objects.put("", "namespaces", { metadata: { name: "shop", labels: full } });
}

const plugin = (options: Partial<PodSecurityOptions> = {}) =>
  podSecurity(objects, { ...defaultPodSecurity, ...options });
const what = "CREATE pods shop/web";
const plain = { spec: { containers: [{ name: "c", image: "i" }] } };
const privileged = { spec: { containers: [{ name: "c", image: "i", securityContext: { privileged: true } }] } };

describe("PodSecurity", () => {
  test("lets everything pass where a namespace asks for nothing", async () => {
    namespace({});
    expect(await whyRefused(plugin(), { what, object: privileged })).toBe("");
  });

  test("refuses in upstream's words", async () => {
    namespace({ enforce: "restricted" });
    await expect(admit(plugin(), { what, object: plain })).rejects.toMatchObject({
      code: 403,
      message:
        'pods "web" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "c" ' +
        'must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set ' +
        'securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set ' +
        'securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type ' +
        'to "RuntimeDefault" or "Localhost")',
    });
  });

  test("names the version it was asked for", async () => {
    namespace({ enforce: "baseline", "enforce-version": "v1.24" });
    expect(await whyRefused(plugin(), { what, object: privileged })).toBe(
      'violates PodSecurity "baseline:v1.24": privileged (container "c" must not set securityContext.privileged=true)',
    );
  });

  test("warns at the level of warn, or of enforce when nothing else is said, and only when it does not refuse", async () => {
    namespace({ enforce: "baseline", warn: "restricted" });
    expect((await admit(plugin(), { what, object: plain })).warnings).toEqual([
      expect.stringMatching(/^would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false/),
    ]);
    namespace({ enforce: "restricted" });
    const deployment = { spec: { template: plain } };
    const { warnings } = await admit(plugin(), { what: "CREATE deployments.apps shop/web", object: deployment });
    expect(warnings).toHaveLength(1);
  });

  test.each([
    ["podtemplates", { template: privileged }],
    ["replicationcontrollers", { spec: { template: privileged } }],
    ["replicasets.apps", { spec: { template: privileged } }],
    ["deployments.apps", { spec: { template: privileged } }],
    ["statefulsets.apps", { spec: { template: privileged } }],
    ["daemonsets.apps", { spec: { template: privileged } }],
    ["jobs.batch", { spec: { template: privileged } }],
    ["cronjobs.batch", { spec: { jobTemplate: { spec: { template: privileged } } } }],
  ])("warns about %s and does not refuse them", async (resource, object) => {
    namespace({ enforce: "baseline" });
    const { warnings } = await admit(plugin(), { what: `CREATE ${resource} shop/web`, object });
    expect(warnings).toEqual([
      'would violate PodSecurity "baseline:latest": privileged (container "c" must not set securityContext.privileged=true)',
    ]);
  });

  test("treats a level that cannot be read as the strictest for pods", async () => {
    namespace({ enforce: "strict" });
    expect(await whyRefused(plugin(), { what, object: plain })).toMatch(/^violates PodSecurity "restricted:latest"/);
  });

  test.each([
    ["a namespace", { exemptNamespaces: ["shop"] }],
    ["a user", { exemptUsers: ["jane"] }],
    ["a runtime class", { exemptRuntimeClasses: ["kata"] }],
  ])("leaves out %s that is exempt", async (_what, options) => {
    namespace({ enforce: "restricted" });
    const object = { spec: { ...plain.spec, runtimeClassName: "kata" } };
    expect(await whyRefused(plugin(options), { what, object })).toBe("");
  });

  test("enforces the server's own defaults", async () => {
    namespace({});
    const level = { level: "baseline", version: "latest" } as const;
    const defaults = { enforce: level, audit: level, warn: level };
    expect(await whyRefused(plugin({ defaults }), { what, object: privileged })).toMatch(
      /^violates PodSecurity "baseline/,
    );
    namespace({ enforce: "privileged" });
    expect(await whyRefused(plugin({ defaults }), { what, object: privileged })).toBe("");
  });

  test("refuses when it cannot find the namespace", async () => {
    await expect(admit(plugin(), { what, object: plain })).rejects.toMatchObject({ code: 500 });
  });
});

describe("PodSecurity on updates", () => {
  const update = (oldObject: object, object: object, subresource = "") =>
    whyRefused(plugin(), { what: `UPDATE pods${subresource} shop/web`, object, oldObject });

  test("lets a pod that was admitted before keep running, and judges what it is to run next", async () => {
    namespace({ enforce: "baseline" });
    expect(await update(privileged, { metadata: { labels: { a: "b" } }, ...privileged })).toBe("");
    const other = { spec: { containers: [{ ...privileged.spec.containers[0], image: "other" }] } };
    expect(await update(privileged, other)).toMatch(/^violates/);
    expect(await update(privileged, other, "/status")).toBe("");
  });

  test("judges debug containers that are added", async () => {
    namespace({ enforce: "baseline" });
    const ephemeralContainers = [{ name: "e", image: "i", securityContext: { privileged: true } }];
    const object = { spec: { ...plain.spec, ephemeralContainers } };
    expect(await update(plain, object, "/ephemeralcontainers")).toMatch(
      /^violates PodSecurity "baseline:latest": privileged/,
    );
    expect(await update(object, object, "/ephemeralcontainers")).toBe("");
  });
});

describe("PodSecurity on namespaces", () => {
  const labelled = (labels: Record<string, string>) => ({
    metadata: { labels: Object.fromEntries(Object.entries(labels).map(([mode, value]) => [label(mode), value])) },
  });
  const change = (before: Record<string, string>, after: Record<string, string>, options = {}) =>
    admit(plugin(options), {
      what: "UPDATE namespaces shop",
      oldObject: labelled(before),
      object: labelled(after),
    });

  test("refuses labels that cannot be read, with the label's path", async () => {
    const object = labelled({ enforce: "strict", "warn-version": "1.24" });
    await expect(admit(plugin(), { what: "CREATE namespaces shop", object })).rejects.toMatchObject({
      code: 422,
      message:
        'Namespace "shop" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of ' +
        'privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.24": must be ' +
        '"latest" or "v1.x"]',
    });
    await expect(change({}, { enforce: "strict" })).rejects.toMatchObject({ code: 422 });
    await change({ enforce: "strict" }, { enforce: "strict", audit: "baseline" });
  });

  const put = (name: string, pod: { spec: PodSpec }, owner?: string): void => {
    const ownerReferences = owner
      ? [{ apiVersion: "v1", kind: "X", name: owner, uid: owner, controller: true }]
      : undefined;
    objects.put<Pod>("", "pods", { ...pod, metadata: { namespace: "shop", name, ownerReferences } });
  };

  test("tells which pods would not pass a stricter level, by reason", async () => {
    put("b", privileged);
    put("a", privileged);
    put("ok", plain);
    put("host", { spec: { ...plain.spec, hostNetwork: true } });
    expect((await change({}, { enforce: "baseline" })).warnings).toEqual([
      'existing pods in namespace "shop" violate the new PodSecurity enforce level "baseline:latest"',
      "a (and 1 other pod): privileged",
      "host: host namespaces",
    ]);
    expect((await change({ enforce: "restricted" }, { enforce: "baseline" })).warnings).toEqual([]);
    expect((await change({ enforce: "baseline" }, { enforce: "baseline", warn: "restricted" })).warnings).toEqual([]);
    expect((await change({}, { enforce: "baseline" }, { exemptNamespaces: ["shop"] })).warnings).toEqual([]);
  });

  test("looks at one pod of each controller before their siblings, and at no more than 3000", async () => {
    for (let index = 0; index < 3000; index++) put(`r${index}`, plain, "replicas");
    put("z", privileged);
    expect((await change({}, { enforce: "baseline" })).warnings).toEqual([
      "new PodSecurity enforce level only checked against the first 3000 of 3001 existing pods",
      'existing pods in namespace "shop" violate the new PodSecurity enforce level "baseline:latest"',
      "z: privileged",
    ]);
  });
});
