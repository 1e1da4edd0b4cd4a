import { beforeEach, describe, expect, test } from "vitest";
import type { Pod, ServiceAccount } from "#pkg/api/core/v1.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { MemoryObjects } from "../testing/memory-objects.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { serviceAccount } from "./service-account.ts";
import { admit, whyRefused } from "./testing/request.ts";

const what = "CREATE pods shop/web";
const path = "/var/run/secrets/kubernetes.io/serviceaccount";
let objects: MemoryObjects;
let clock: FakeClock;
let plugin: AdmissionPlugin;

beforeEach(() => {
  objects = new MemoryObjects();
  clock = new FakeClock();
  plugin = serviceAccount({ reader: objects, clock, random: new SeededRandom(7) });
  putAccount("default");
});

function putAccount(name: string, more: Partial<ServiceAccount> = {}): void {
  objects.put<ServiceAccount>("", "serviceaccounts", {
    ...more,
    metadata: { ...more.metadata, namespace: "shop", name },
  });
}

async function specOf(spec: object): Promise<Pod["spec"]> {
  return ((await admit(plugin, { what, object: { spec: { containers: [], ...spec } } })).object as Pod).spec;
}

describe("ServiceAccount", () => {
  test("mounts a token, the authority and the namespace into every container, as upstream does", async () => {
    const containers = [{ name: "a" }, { name: "b", volumeMounts: [{ name: "own", mountPath: path }] }];
    const spec = await specOf({
      initContainers: [{ name: "i" }],
      containers,
      volumes: [{ name: "own", emptyDir: {} }],
    });
    const name = spec.volumes?.[1]?.name ?? "";
    expect(name).toMatch(/^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(spec.volumes?.[1]).toEqual({
      name,
      projected: {
        defaultMode: 420,
        sources: [
          { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
          { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
          {
            downwardAPI: {
              items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
            },
          },
        ],
      },
    });
    const mount = { name, readOnly: true, mountPath: path };
    expect(spec.initContainers?.[0]?.volumeMounts).toEqual([mount]);
    expect(spec.containers[0]?.volumeMounts).toEqual([mount]);
    expect(spec.containers[1]?.volumeMounts).toEqual([{ name: "own", mountPath: path }]);
    expect(spec).toMatchObject({ serviceAccountName: "default", serviceAccount: "default" });
  });

  test("uses the volume a pod brings with it", async () => {
    const volumes = [{ name: "kube-api-access-abcde", emptyDir: {} }];
    const spec = await specOf({ containers: [{ name: "a" }], volumes });
    expect(spec.volumes).toEqual(volumes);
    expect(spec.containers[0]?.volumeMounts?.[0]?.name).toBe("kube-api-access-abcde");
  });

  test.each([
    [undefined, undefined, true],
    [undefined, false, false],
    [true, false, true],
    [false, true, false],
  ])("with automount %s on the pod and %s on the account, mounts: %s", async (ofPod, ofAccount, mounts) => {
    putAccount("x", { automountServiceAccountToken: ofAccount });
    const spec = await specOf({
      serviceAccountName: "x",
      automountServiceAccountToken: ofPod,
      containers: [{ name: "c" }],
    });
    expect(spec.volumes !== undefined).toBe(mounts);
  });

  test("gives the account's pull secrets to pods that name none", async () => {
    putAccount("x", { imagePullSecrets: [{ name: "registry" }] });
    expect((await specOf({ serviceAccountName: "x" })).imagePullSecrets).toEqual([{ name: "registry" }]);
    const own = { serviceAccountName: "x", imagePullSecrets: [{ name: "mine" }] };
    expect((await specOf(own)).imagePullSecrets).toEqual([{ name: "mine" }]);
  });

  test("reads the field's old name", async () => {
    putAccount("x");
    expect(await specOf({ serviceAccount: "x" })).toMatchObject({ serviceAccountName: "x", serviceAccount: "x" });
  });

  test("refuses accounts that are not there", async () => {
    expect(await whyRefused(plugin, { what, object: { spec: { serviceAccountName: "x" } } })).toBe(
      'error looking up service account shop/x: serviceaccount "x" not found',
    );
  });

  test("waits for the default account of a new namespace", async () => {
    objects.remove("", "serviceaccounts", "shop", "default");
    const answer = admit(plugin, { what, object: { spec: {} } });
    await clock.advance(500);
    putAccount("default");
    await clock.advance(500);
    expect((await answer).object).toMatchObject({ spec: { serviceAccountName: "default" } });
  });

  test("waits no longer than two seconds for it", async () => {
    objects.remove("", "serviceaccounts", "shop", "default");
    const answer = whyRefused(plugin, { what, object: { spec: {} } });
    await clock.advance(2000);
    expect(await answer).toMatch(/serviceaccount "default" not found/);
  });
});

describe("ServiceAccount and mirror pods", () => {
  const mirror = (spec: object) => ({ metadata: { annotations: { "kubernetes.io/config.mirror": "x" } }, spec });

  test("leaves them as they are", async () => {
    const object = mirror({ containers: [{ name: "c" }] });
    expect((await admit(plugin, { what, object })).object).toMatchObject(object);
    expect((await admit(plugin, { what, object })).object?.["spec"]).toEqual({ containers: [{ name: "c" }] });
  });

  test.each([
    [{ serviceAccountName: "x" }, "a mirror pod may not reference service accounts"],
    [{ volumes: [{ name: "v", secret: { secretName: "s" } }] }, "a mirror pod may not reference secrets"],
    [
      { containers: [{ name: "c", envFrom: [{ secretRef: { name: "s" } }] }] },
      "a mirror pod may not reference secrets",
    ],
    [
      { volumes: [{ name: "v", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } }] },
      "a mirror pod may not use ServiceAccountToken volume projections",
    ],
  ])("refuses %j", async (spec, why) => {
    expect(await whyRefused(plugin, { what, object: mirror(spec) })).toBe(why);
  });
});

describe("ServiceAccount that enforces mountable secrets", () => {
  beforeEach(() =>
    putAccount("strict", {
      metadata: { annotations: { "kubernetes.io/enforce-mountable-secrets": "true" } },
      secrets: [{ name: "ok" }],
      imagePullSecrets: [{ name: "pull" }],
    }),
  );

  const secretVariable = (name: string) => ({ env: [{ name: "A", valueFrom: { secretKeyRef: { name, key: "k" } } }] });
  test.each([
    [{ volumes: [{ name: "v", secret: { secretName: "ok" } }] }, ""],
    [
      { volumes: [{ name: "v", secret: { secretName: "no" } }] },
      'volume with secret.secretName="no" is not allowed because service account strict does not reference that secret',
    ],
    [
      { containers: [{ name: "c", ...secretVariable("no") }] },
      'container c with envVar A referencing secret.secretName="no" is not allowed because service account strict does not reference that secret',
    ],
    [
      { initContainers: [{ name: "i", envFrom: [{ secretRef: { name: "no" } }] }] },
      'init container i with envFrom referencing secret.secretName="no" is not allowed because service account strict does not reference that secret',
    ],
    [
      { imagePullSecrets: [{ name: "pull" }, { name: "no" }] },
      'imagePullSecrets[1].name="no" is not allowed because service account strict does not reference that imagePullSecret',
    ],
  ])("judges %j", async (spec, why) => {
    expect(await whyRefused(plugin, { what, object: { spec: { serviceAccountName: "strict", ...spec } } })).toBe(why);
  });

  test("judges debug containers when they are added", async () => {
    const ephemeralContainers = [{ name: "e", ...secretVariable("no") }];
    const object = { spec: { serviceAccountName: "strict", ephemeralContainers } };
    expect(await whyRefused(plugin, { what: "UPDATE pods/ephemeralcontainers shop/web", object })).toMatch(
      /^ephemeral container e with envVar A/,
    );
  });
});
