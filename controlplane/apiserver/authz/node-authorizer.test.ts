import { beforeEach, describe, expect, test } from "vitest";
import type { PersistentVolume, Pod } from "#pkg/api/core/v1.ts";
import { MemoryObjects } from "../testing/memory-objects.ts";
import type { AuthorizationAttributes } from "./authorizer.ts";
import { NodeAuthorizer } from "./node-authorizer.ts";

let objects: MemoryObjects;
let authorizer: NodeAuthorizer;

const pod: Pod = {
  metadata: { namespace: "shop", name: "cart-0", uid: "p1" },
  spec: {
    nodeName: "n1",
    serviceAccountName: "cart",
    imagePullSecrets: [{ name: "pull" }],
    initContainers: [
      { name: "i", envFrom: [{ secretRef: { name: "init-env" } }, { configMapRef: { name: "init-map" } }] },
    ],
    containers: [
      {
        name: "c",
        env: [
          { name: "A", valueFrom: { secretKeyRef: { name: "env", key: "k" } } },
          { name: "B", valueFrom: { configMapKeyRef: { name: "env-map", key: "k" } } },
        ],
      },
    ],
    ephemeralContainers: [{ name: "e", envFrom: [{ secretRef: { name: "debug" } }] }],
    volumes: [
      { name: "s", secret: { secretName: "volume" } },
      { name: "m", configMap: { name: "volume-map" } },
      {
        name: "p",
        projected: { sources: [{ secret: { name: "projected" } }, { configMap: { name: "projected-map" } }] },
      },
      { name: "data", persistentVolumeClaim: { claimName: "data-0" } },
      { name: "scratch", ephemeral: { volumeClaimTemplate: { spec: {} } } },
      { name: "csi", csi: { driver: "d", nodePublishSecretRef: { name: "csi-inline" } } },
    ],
    resourceClaims: [
      { name: "gpu", resourceClaimName: "gpu-claim" },
      { name: "tpu", resourceClaimTemplateName: "t" },
    ],
  },
  status: { resourceClaimStatuses: [{ name: "tpu", resourceClaimName: "made-tpu" }] },
};

const volume: PersistentVolume = {
  metadata: { name: "pv-1" },
  spec: {
    claimRef: { namespace: "shop", name: "data-0" },
    csi: {
      driver: "d",
      volumeHandle: "h",
      nodeStageSecretRef: { namespace: "storage", name: "stage" },
      controllerPublishSecretRef: { namespace: "storage", name: "attach" },
    },
  },
};

beforeEach(() => {
  objects = new MemoryObjects();
  objects.put("", "pods", pod);
  authorizer = new NodeAuthorizer(objects);
  objects.put("", "persistentvolumes", volume);
  objects.put("", "persistentvolumeclaims", {
    metadata: { namespace: "shop", name: "data-0" },
    spec: { volumeName: "pv-1" },
  });
  objects.put("storage.k8s.io", "volumeattachments", { metadata: { name: "va-1" }, spec: { nodeName: "n1" } });
  objects.put("resource.k8s.io", "resourceslices", { metadata: { name: "rs-1" }, spec: { nodeName: "n1" } });
});

/** "get secrets shop/env", "list pods" and so on; a subresource stands behind the resource, the group behind "@". */
function parse(question: string, node: string, fieldSelector = ""): AuthorizationAttributes {
  const [verb = "", what = "", where = ""] = question.split(" ");
  const [full = "", apiGroup = ""] = what.split("@");
  const [resource = "", subresource = ""] = full.split("/");
  const slash = where.indexOf("/");
  return {
    user: { name: `system:node:${node}`, groups: ["system:nodes", "system:authenticated"] },
    verb,
    isResourceRequest: true,
    apiGroup,
    apiVersion: "v1",
    resource,
    subresource,
    namespace: slash < 0 ? "" : where.slice(0, slash),
    name: where.slice(slash + 1),
    path: "",
    fieldSelector,
  };
}

async function decision(question: string, node = "n1", fieldSelector = ""): Promise<string> {
  return (await authorizer.authorize(parse(question, node, fieldSelector))).decision;
}

describe("NodeAuthorizer", () => {
  const related = [
    ...["pull", "init-env", "env", "debug", "volume", "projected", "csi-inline"].map(
      (name) => `get secrets shop/${name}`,
    ),
    ...["init-map", "env-map", "volume-map", "projected-map"].map((name) => `watch configmaps shop/${name}`),
    "list secrets shop/env",
    "get secrets storage/stage",
    "get persistentvolumeclaims shop/data-0",
    "get persistentvolumeclaims shop/cart-0-scratch",
    "patch persistentvolumeclaims/status shop/data-0",
    "get persistentvolumes pv-1",
    "get resourceclaims@resource.k8s.io shop/gpu-claim",
    "get resourceclaims@resource.k8s.io shop/made-tpu",
    "get serviceaccounts shop/cart",
    "create serviceaccounts/token shop/cart",
    "get pods shop/cart-0",
    "watch pods shop/cart-0",
    "get volumeattachments@storage.k8s.io va-1",
    "update resourceslices@resource.k8s.io rs-1",
  ];
  test.each(related)("allows the pod's node alone to %s", async (question) => {
    expect(await decision(question)).toBe("allow");
    expect(await decision(question, "n2")).toBe("noOpinion");
  });

  test.each([
    "get secrets shop/other",
    "get secrets else/env",
    "get secrets storage/attach",
    "list secrets shop/",
    "list secrets",
    "update secrets shop/env",
    "delete configmaps shop/env-map",
    "list persistentvolumes",
    "update persistentvolumeclaims shop/data-0",
    "get persistentvolumes pv-2",
    "create serviceaccounts/token shop/default",
    "create serviceaccounts/token shop/",
    "update serviceaccounts shop/cart",
    "get pods/log shop/cart-0",
    "create pods/exec shop/cart-0",
    "update pods shop/cart-0",
    "list pods",
    "get nodes n2",
    "list nodes",
    "delete nodes n1",
    "get nodes/proxy n1",
    "list leases@coordination.k8s.io kube-node-lease/",
    "get leases@coordination.k8s.io kube-node-lease/n2",
    "get leases@coordination.k8s.io kube-system/n1",
    "delete csinodes@storage.k8s.io n2",
    "list resourceslices@resource.k8s.io",
    "get roles@rbac.authorization.k8s.io shop/r",
    "create deployments@apps shop/",
    "approve signers@certificates.k8s.io x",
  ])("has no opinion on %s", async (question) => {
    expect(await decision(question)).toBe("noOpinion");
  });

  test.each([
    "get nodes n1",
    "watch nodes n1",
    "create nodes",
    "patch nodes/status n1",
    "get leases@coordination.k8s.io kube-node-lease/n1",
    "create leases@coordination.k8s.io kube-node-lease/",
    "update csinodes@storage.k8s.io n1",
    "create resourceslices@resource.k8s.io",
    "create pods shop/",
    "patch pods/status shop/any",
    "create pods/eviction shop/any",
    "list services",
    "create events shop/",
    "create tokenreviews@authentication.k8s.io",
    "watch runtimeclasses@node.k8s.io",
    "create certificatesigningrequests@certificates.k8s.io",
  ])("allows every node to %s", async (question) => {
    expect(await decision(question)).toBe("allow");
  });

  test.each([
    ["list pods", "spec.nodeName=n1", "allow"],
    ["watch pods", "spec.nodeName=n1,status.phase!=Failed", "allow"],
    ["list pods", "spec.nodeName=n2", "noOpinion"],
    ["list pods", "spec.nodeName!=n1", "noOpinion"],
    ["list pods", "spec.nodeName=", "noOpinion"],
    ["list pods", "garbage", "noOpinion"],
    ["deletecollection pods", "spec.nodeName=n1", "noOpinion"],
    ["list resourceslices@resource.k8s.io", "spec.nodeName=n1", "allow"],
  ])("with field selector: %s %s: %s", async (question, selector, expected) => {
    expect(await decision(question, "n1", selector)).toBe(expected);
  });

  test("follows pods that come, move on and go", async () => {
    const question = "get secrets shop/late";
    const late = { ...pod, metadata: { ...pod.metadata, name: "late" }, spec: { ...pod.spec } };
    late.spec.volumes = [{ name: "v", secret: { secretName: "late" } }];
    objects.put("", "pods", { ...late, spec: { ...late.spec, nodeName: undefined } });
    expect(await decision(question)).toBe("noOpinion");
    objects.put("", "pods", late);
    expect(await decision(question)).toBe("allow");
    objects.remove("", "pods", "shop", "late");
    expect(await decision(question)).toBe("noOpinion");
  });

  test("does not let a node reach secrets through a mirror pod it made", async () => {
    const annotations = { "kubernetes.io/config.mirror": "x" };
    objects.put("", "pods", {
      metadata: { namespace: "kube-system", name: "static-n1", annotations },
      spec: { nodeName: "n1", containers: [], volumes: [{ name: "v", secret: { secretName: "root-password" } }] },
    });
    expect(await decision("get secrets kube-system/root-password")).toBe("noOpinion");
    expect(await decision("get pods kube-system/static-n1")).toBe("allow");
  });

  test("wants claim and volume to name each other before it opens the volume's secrets", async () => {
    objects.put("", "persistentvolumes", {
      ...volume,
      spec: { ...volume.spec, claimRef: { namespace: "x", name: "y" } },
    });
    expect(await decision("get secrets storage/stage")).toBe("noOpinion");
    expect(await decision("get persistentvolumes pv-1")).toBe("noOpinion");
  });

  test("knows nodes by name and group together", async () => {
    const question = parse("get nodes n1", "n1");
    const noGroup = { ...question, user: { ...question.user, groups: ["system:authenticated"] } };
    expect((await authorizer.authorize(noGroup)).decision).toBe("noOpinion");
    const noName = { ...question, user: { name: "jane", groups: ["system:nodes"] } };
    expect((await authorizer.authorize(noName)).decision).toBe("noOpinion");
    expect((await authorizer.authorize(parse("create nodes", ""))).reason).toBe('unknown node for user "system:node:"');
  });
});
