import { beforeEach, describe, expect, test } from "vitest";
import type { Pod } from "#pkg/api/core/v1.ts";
import { createAuthorizer } from "../authz/create-authorizer.ts";
import { makeEncodedRequest } from "../pki/testing/make-request.ts";
import { MemoryObjects } from "../testing/memory-objects.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { admit, type TestRequest, whyRefused } from "./testing/request.ts";

const user = { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] };
let objects: MemoryObjects;
let plugin: AdmissionPlugin;

beforeEach(() => {
  objects = new MemoryObjects();
  plugin = nodeRestriction(objects, createAuthorizer({ reader: objects }));
  objects.put("", "nodes", { metadata: { name: "n1", uid: "node-1" } });
  objects.put("", "pods", { metadata: { namespace: "shop", name: "mine", uid: "p1" }, spec: { nodeName: "n1" } });
  objects.put("", "pods", { metadata: { namespace: "shop", name: "theirs", uid: "p2" }, spec: { nodeName: "n2" } });
});

const refusal = (request: TestRequest): Promise<string> => whyRefused(plugin, { user, ...request });

describe("NodeRestriction", () => {
  test("does not concern anyone else, nor other kinds", async () => {
    const jane = { name: "jane", groups: ["system:authenticated"] };
    expect(await refusal({ what: "UPDATE nodes n2", object: {}, oldObject: {}, user: jane })).toBe("");
    expect(await refusal({ what: "CREATE events shop/e", object: {} })).toBe("");
  });

  test("refuses a node without a name", async () => {
    const nameless = { ...user, name: "system:node:" };
    expect(await refusal({ what: "CREATE nodes n1", object: {}, user: nameless })).toBe(
      'could not determine node from user "system:node:"',
    );
  });
});

describe("NodeRestriction on nodes", () => {
  const node = (labels: Record<string, string>, spec = {}) => ({ metadata: { labels }, spec });

  test.each<[string, TestRequest, string]>([
    ["its own node", { what: "CREATE nodes n1", object: node({ "kubernetes.io/hostname": "n1", zone: "a" }) }, ""],
    ["another node", { what: "CREATE nodes n2", object: node({}) }, 'node "n1" is not allowed to modify node "n2"'],
    [
      "another node's deletion",
      { what: "DELETE nodes n2", oldObject: {} },
      'node "n1" is not allowed to modify node "n2"',
    ],
    [
      "labels that steer pods",
      {
        what: "CREATE nodes n1",
        object: node({
          "node-restriction.kubernetes.io/secure": "yes",
          "a.node-restriction.kubernetes.io/x": "y",
          "node-role.kubernetes.io/control-plane": "",
          "kubelet.kubernetes.io/ok": "1",
          "topology.kubernetes.io/zone": "z",
        }),
      },
      'node "n1" is not allowed to set the following labels: a.node-restriction.kubernetes.io/x, node-restriction.kubernetes.io/secure, node-role.kubernetes.io/control-plane',
    ],
    [
      "a label of its own",
      { what: "UPDATE nodes n1", oldObject: node({ x: "1" }), object: node({ x: "2", "node.kubernetes.io/y": "z" }) },
      "",
    ],
    [
      "a restricted label taken off",
      { what: "UPDATE nodes n1", oldObject: node({ "node-restriction.kubernetes.io/a": "1" }), object: node({}) },
      "is not allowed to modify labels: node-restriction.kubernetes.io/a",
    ],
    [
      "taints",
      {
        what: "UPDATE nodes n1",
        oldObject: node({}, { taints: [{ key: "a", effect: "NoSchedule" }] }),
        object: node({}),
      },
      'node "n1" is not allowed to modify taints',
    ],
    [
      "owners",
      {
        what: "UPDATE nodes/status n1",
        oldObject: node({}),
        object: { metadata: { ownerReferences: [{ name: "x" }] } },
      },
      'node "n1" is not allowed to modify ownerReferences',
    ],
    [
      "a config source",
      { what: "UPDATE nodes n1", oldObject: node({}), object: node({}, { configSource: { configMap: {} } }) },
      'node "n1" is not allowed to update configSource to a new non-nil configSource',
    ],
  ])("judges %s", async (_what, request, why) => {
    expect(await refusal(request)).toBe(why);
  });
});

describe("NodeRestriction on pods", () => {
  const owner = { apiVersion: "v1", kind: "Node", name: "n1", uid: "node-1", controller: true };
  const mirror = (spec: Partial<Pod["spec"]> = {}, metadata: Partial<Pod["metadata"]> = {}) => ({
    metadata: { annotations: { "kubernetes.io/config.mirror": "x" }, ownerReferences: [owner], ...metadata },
    spec: { nodeName: "n1", containers: [{ name: "c" }], ...spec },
  });
  const create = (object: object) => refusal({ what: "CREATE pods kube-system/static-n1", object });
  const only = 'node "n1" can only create pods with';

  test.each<[string, object, string]>([
    ["a mirror pod", mirror({ volumes: [{ name: "v", hostPath: { path: "/" } }] }), ""],
    [
      "no mirror pod",
      mirror({}, { annotations: {} }),
      'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
    ],
    ["another node's", mirror({ nodeName: "n2" }), `${only} spec.nodeName set to itself`],
    ["no owner", mirror({}, { ownerReferences: [] }), `${only} an owner reference set to itself`],
    ["two owners", mirror({}, { ownerReferences: [owner, owner] }), `${only} a single owner reference set to itself`],
    [
      "another owner",
      mirror({}, { ownerReferences: [{ ...owner, name: "n2" }] }),
      `${only} an owner reference set to itself`,
    ],
    [
      "an owner that does not control",
      mirror({}, { ownerReferences: [{ ...owner, controller: false }] }),
      `${only} a controller owner reference set to itself`,
    ],
    [
      "an owner that blocks",
      mirror({}, { ownerReferences: [{ ...owner, blockOwnerDeletion: true }] }),
      'node "n1" must not set blockOwnerDeletion on an owner reference',
    ],
    [
      "an owner of former times",
      mirror({}, { ownerReferences: [{ ...owner, uid: "old" }] }),
      "node n1 UID mismatch: expected old got node-1",
    ],
    ["an account", mirror({ serviceAccountName: "x" }), 'node "n1" can not create pods that reference serviceaccounts'],
    [
      "a secret",
      mirror({ containers: [{ name: "c", envFrom: [{ secretRef: { name: "s" } }] }] }),
      'node "n1" can not create pods that reference secrets',
    ],
    [
      "a config map",
      mirror({ volumes: [{ name: "v", configMap: { name: "m" } }] }),
      'node "n1" can not create pods that reference configmaps',
    ],
    [
      "a claim",
      mirror({ volumes: [{ name: "v", persistentVolumeClaim: { claimName: "c" } }] }),
      'node "n1" can not create pods that reference persistentvolumeclaims',
    ],
    [
      "a token",
      mirror({
        volumes: [{ name: "v", projected: { sources: [{ downwardAPI: {} }, { serviceAccountToken: { path: "t" } }] } }],
      }),
      'node "n1" can not create pods that reference serviceaccounts (via projected volumes)',
    ],
    [
      "a CSI volume",
      mirror({ volumes: [{ name: "v", csi: { driver: "d" } }] }),
      'node "n1" can not create pods that reference csidrivers (via CSI volumes)',
    ],
    [
      "a kind of volume nobody knows",
      mirror({ volumes: [{ name: "v", warp: {} } as never] }),
      'node "n1" can not create pods that reference unknown volume type for volume "v"',
    ],
    [
      "device claims",
      mirror({ resourceClaims: [{ name: "g", resourceClaimName: "gpu" }] }),
      'node "n1" can not create pods that reference resourceclaims',
    ],
  ])("judges %s", async (_what, object, why) => {
    expect(await create(object)).toBe(why);
  });

  test.each<[string, string]>([
    ["DELETE pods shop/mine", ""],
    ["DELETE pods shop/theirs", 'node "n1" can only delete pods with spec.nodeName set to itself'],
    ["DELETE pods shop/gone", 'pods "gone" not found'],
    ["CREATE pods/eviction shop/mine", ""],
    ["CREATE pods/eviction shop/theirs", "node n1 can only evict pods with spec.nodeName set to itself"],
    ["UPDATE pods shop/mine", 'unexpected operation "UPDATE", node "n1" can only create and delete mirror pods'],
    ["CREATE pods/binding shop/mine", `unexpected pod subresource "binding", only 'status' and 'eviction' are allowed`],
    [
      "UPDATE pods/ephemeralcontainers shop/mine",
      `unexpected pod subresource "ephemeralcontainers", only 'status' and 'eviction' are allowed`,
    ],
  ])("%s: %j", async (what, why) => {
    expect(await refusal({ what, object: {}, oldObject: {} })).toBe(why);
  });

  const status = (change: object, old: object = { nodeName: "n1" }) =>
    refusal({
      what: "UPDATE pods/status shop/mine",
      oldObject: { spec: old, status: {} },
      object: { spec: old, status: { phase: "Running" }, ...change },
    });

  test("judges a status", async () => {
    expect(await status({})).toBe("");
    expect(await status({}, { nodeName: "n2" })).toBe(
      'node "n1" can only update pod status for pods with spec.nodeName set to itself',
    );
    expect(await status({ metadata: { labels: { a: "b" } } })).toBe(
      'node "n1" cannot update labels through pod status',
    );
    const resourceClaimStatuses = [{ name: "gpu", resourceClaimName: "theirs" }];
    expect(await status({ status: { resourceClaimStatuses } })).toBe('node "n1" cannot update resource claim statues');
    const extendedResourceClaimStatus = { resourceClaimName: "theirs", requestMappings: [] };
    expect(await status({ status: { extendedResourceClaimStatus } })).toBe(
      'node "n1" cannot update extended resource claim status',
    );
  });
});

describe("NodeRestriction on other objects", () => {
  const claim = (status: object, more: object = {}) => ({ spec: { volumeName: "v" }, status, ...more });
  const slice = (nodeName: string) => ({ spec: { nodeName } });

  test.each<[string, TestRequest, string]>([
    ["its lease", { what: "CREATE leases.coordination.k8s.io kube-node-lease/n1", object: {} }, ""],
    [
      "another lease",
      { what: "CREATE leases.coordination.k8s.io kube-node-lease/n2", object: {} },
      "can only access node lease with the same name as the requesting node",
    ],
    [
      "a lease elsewhere",
      { what: "UPDATE leases.coordination.k8s.io kube-system/n1", object: {}, oldObject: {} },
      'can only access leases in the "kube-node-lease" system namespace',
    ],
    ["its CSINode", { what: "CREATE csinodes.storage.k8s.io n1", object: {} }, ""],
    [
      "another CSINode",
      { what: "DELETE csinodes.storage.k8s.io n2", oldObject: {} },
      "can only access CSINode with the same name as the requesting node",
    ],
    ["its slice", { what: "CREATE resourceslices.resource.k8s.io s", object: slice("n1") }, ""],
    [
      "another slice",
      { what: "CREATE resourceslices.resource.k8s.io s", object: slice("n2") },
      "can only create ResourceSlice with the same NodeName as the requesting node",
    ],
    [
      "another slice's deletion",
      { what: "DELETE resourceslices.resource.k8s.io s", oldObject: slice("n2") },
      "can only delete ResourceSlice with the same NodeName as the requesting node",
    ],
    [
      "a claim that grew",
      {
        what: "UPDATE persistentvolumeclaims/status shop/c",
        oldObject: claim({ phase: "Bound" }),
        object: claim({ phase: "Bound", capacity: { storage: "2Gi" }, conditions: [{ type: "Resizing" }] }),
      },
      "",
    ],
    [
      "a claim's phase",
      {
        what: "UPDATE persistentvolumeclaims/status shop/c",
        oldObject: claim({ phase: "Bound" }),
        object: claim({ phase: "Lost" }),
      },
      'node "n1" is not allowed to update fields other than status.quantity and status.conditions',
    ],
    [
      "a claim's labels",
      {
        what: "UPDATE persistentvolumeclaims/status shop/c",
        oldObject: claim({}),
        object: claim({}, { metadata: { labels: { a: "b" } } }),
      },
      'node "n1" is not allowed to update fields other than status.quantity and status.conditions',
    ],
    [
      "a claim itself",
      { what: "UPDATE persistentvolumeclaims shop/c", object: claim({}), oldObject: claim({}) },
      "may only update PVC status",
    ],
  ])("judges %s", async (_what, request, why) => {
    expect(await refusal(request)).toBe(why);
  });

  test("judges certificate requests of the kubelets' signers by their common name", async () => {
    const what = "CREATE certificatesigningrequests.certificates.k8s.io csr";
    const judge = (signerName: string, encoded: string) =>
      refusal({ what, object: { spec: { signerName, request: encoded } } });
    const signer = "kubernetes.io/kube-apiserver-client-kubelet";
    expect(await judge(signer, await makeEncodedRequest("system:node:n1"))).toBe("");
    expect(await judge(signer, await makeEncodedRequest("system:node:n2"))).toBe(
      "can only create a node CSR with CN=system:node:n1",
    );
    expect(await judge("kubernetes.io/kubelet-serving", "junk")).toMatch(/^unable to parse csr: /);
    expect(await judge("example.com/other", "junk")).toBe("");
  });
});

describe("NodeRestriction on tokens", () => {
  const what = "CREATE serviceaccounts/token shop/cart";
  const ask = (spec: object) => refusal({ what, object: { spec } });
  const mine = { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "mine", uid: "p1" } };

  beforeEach(() => {
    const sources = [{ serviceAccountToken: { path: "t" } }, { serviceAccountToken: { path: "v", audience: "vault" } }];
    objects.put("", "pods", {
      metadata: { namespace: "shop", name: "mine", uid: "p1" },
      spec: {
        nodeName: "n1",
        volumes: [
          { name: "t", projected: { sources } },
          { name: "c", persistentVolumeClaim: { claimName: "data" } },
        ],
      },
    });
    objects.put("", "persistentvolumeclaims", {
      metadata: { namespace: "shop", name: "data" },
      spec: { volumeName: "pv" },
    });
    objects.put("", "persistentvolumes", { metadata: { name: "pv" }, spec: { csi: { driver: "d" } } });
    objects.put("storage.k8s.io", "csidrivers", {
      metadata: { name: "d" },
      spec: { tokenRequests: [{ audience: "disk" }] },
    });
  });

  test.each<[string, object, string]>([
    ["of a pod's volume", mine, ""],
    ["of a pod's volume for another audience", { ...mine, audiences: ["vault"] }, ""],
    ["for a CSI driver", { ...mine, audiences: ["disk"] }, ""],
    ["bound to nothing", {}, "node requested token not bound to a pod"],
    [
      "bound to a secret",
      { boundObjectRef: { apiVersion: "v1", kind: "Secret", name: "s" } },
      "node requested token not bound to a pod",
    ],
    [
      "without the pod's uid",
      { boundObjectRef: { ...mine.boundObjectRef, uid: "" } },
      "node requested token with a pod binding without a uid",
    ],
    [
      "of a pod of former times",
      { boundObjectRef: { ...mine.boundObjectRef, uid: "old" } },
      "the UID in the bound object reference (old) does not match the UID in record. The object might have been deleted and then recreated",
    ],
    [
      "of another node's pod",
      { boundObjectRef: { ...mine.boundObjectRef, name: "theirs", uid: "p2" } },
      "node requested token bound to a pod scheduled on a different node",
    ],
    ["of a pod that is gone", { boundObjectRef: { ...mine.boundObjectRef, name: "gone" } }, 'pods "gone" not found'],
    ["for two audiences", { ...mine, audiences: ["a", "b"] }, "node may only request 0 or 1 audiences"],
    [
      "for an audience the pod does not call for",
      { ...mine, audiences: ["bank"] },
      'audience "bank" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience',
    ],
  ])("judges one %s", async (_what, spec, why) => {
    expect(await ask(spec)).toBe(why);
  });

  test("lets a node ask for more audiences when it was given the right", async () => {
    const rbac = "rbac.authorization.k8s.io";
    const rule = { verbs: ["request-serviceaccounts-token-audience"], apiGroups: [""], resources: ["bank"] };
    objects.put(rbac, "clusterroles", { metadata: { name: "bank" }, rules: [rule] });
    objects.put(rbac, "clusterrolebindings", {
      metadata: { name: "bank" },
      roleRef: { kind: "ClusterRole", name: "bank" },
      subjects: [{ kind: "Group", name: "system:nodes" }],
    });
    expect(await ask({ ...mine, audiences: ["bank"] })).toBe("");
  });

  test("does not concern the account itself", async () => {
    await admit(plugin, { user, what: "UPDATE serviceaccounts shop/cart", object: {}, oldObject: {} });
  });
});
