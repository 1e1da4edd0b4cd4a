import { generateKeyPairSync } from "node:crypto";
import { decodeJwt } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { createAuthenticator } from "../authn/create-authenticator.ts";
import { jwtKeyOf } from "../authn/json-web-token.ts";
import { TokenIssuer, type TokenIssuerOptions } from "../authn/token-issuer.ts";
import { createAuthorizer } from "../authz/create-authorizer.ts";
import type { UserInfo } from "../http/api-request.ts";
import { MemoryObjects } from "../testing/memory-objects.ts";
import { createReviews } from "./create-reviews.ts";
import type { VirtualResource } from "./virtual-resource.ts";

const issuerUrl = "https://k";
const signingKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const rbac = "rbac.authorization.k8s.io";

let objects: MemoryObjects;
let clock: FakeClock;
let reviews: readonly VirtualResource[];
let warnings: string[];

beforeEach(() => {
  objects = new MemoryObjects();
  clock = new FakeClock();
  warnings = [];
  reviews = make({});
  const rules = [
    { verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] },
    { verbs: ["get"], nonResourceURLs: ["/version"] },
  ];
  objects.put(rbac, "clusterroles", { metadata: { name: "reader" }, rules });
  objects.put(rbac, "rolebindings", {
    metadata: { namespace: "shop", name: "r" },
    roleRef: { kind: "ClusterRole", name: "reader" },
    subjects: [{ kind: "User", name: "ann" }],
  });
  objects.put("", "serviceaccounts", { metadata: { namespace: "shop", name: "cart", uid: "sa-1" } });
  objects.put("", "pods", {
    metadata: { namespace: "shop", name: "cart-0", uid: "pod-1" },
    spec: { serviceAccountName: "cart", nodeName: "n1" },
  });
  objects.put("", "nodes", { metadata: { name: "n1", uid: "node-1" } });
  objects.put("", "secrets", { metadata: { namespace: "shop", name: "s", uid: "secret-1" } });
});

function make(changes: Partial<TokenIssuerOptions>): readonly VirtualResource[] {
  const apiAudiences = [issuerUrl];
  const authentication = createAuthenticator(
    {
      clientAuthoritiesPem: "",
      staticTokens: [{ token: "t", user: { name: "ann", uid: "1", groups: ["g"] } }],
      bootstrapTokens: false,
      serviceAccounts: { issuers: [issuerUrl], keys: [jwtKeyOf(signingKey)], apiAudiences },
      anonymous: "nowhere",
    },
    { reader: objects, clock },
  );
  const options = { issuer: issuerUrl, signingKey, apiAudiences, extendExpiration: true, ...changes };
  return createReviews({
    authorizer: createAuthorizer({ reader: objects }),
    tokens: authentication.tokens,
    issuer: new TokenIssuer(options, clock, new SeededRandom(1)),
    reader: objects,
    clock,
  });
}

interface Call {
  readonly user?: UserInfo;
  readonly namespace?: string;
  readonly name?: string;
}

async function create(resource: string, object: object, call: Call = {}): Promise<KubeObject> {
  const review = reviews.find((one) => one.resource === resource);
  const request = { user: { name: "ann", groups: ["system:authenticated"] }, namespace: "", name: "", ...call };
  const given = { metadata: {}, ...object };
  const before = structuredClone(given);
  const answer = await (review as VirtualResource).create(given, { ...request, warn: (text) => warnings.push(text) });
  expect(given).toEqual(before);
  return answer;
}

const getPods = { verb: "get", resource: "pods", namespace: "shop" };

describe("access reviews", () => {
  test("answer for any subject, with the reason", async () => {
    const spec = { user: "ann", resourceAttributes: getPods };
    expect((await create("subjectaccessreviews", { spec }))["status"]).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "r/shop" of ClusterRole "reader" to User "ann"',
    });
    const other = { user: "bob", resourceAttributes: getPods };
    expect((await create("subjectaccessreviews", { spec: other }))["status"]).toEqual({ allowed: false });
    const byGroup = { groups: ["system:masters"], nonResourceAttributes: { verb: "get", path: "/x" } };
    expect((await create("subjectaccessreviews", { spec: byGroup }))["status"]).toEqual({ allowed: true });
  });

  test("answer for oneself, and pass selectors on to the authorizer", async () => {
    expect(
      (await create("selfsubjectaccessreviews", { spec: { resourceAttributes: getPods } }))["status"],
    ).toMatchObject({
      allowed: true,
    });
    const node = { name: "system:node:n1", groups: ["system:nodes"] };
    const listPods = { verb: "list", resource: "pods" };
    const requirements = [{ key: "spec.nodeName", operator: "In", values: ["n1"] }];
    const ask = async (fieldSelector?: object) => {
      const spec = { resourceAttributes: { ...listPods, ...(fieldSelector ? { fieldSelector } : {}) } };
      return (await create("selfsubjectaccessreviews", { spec }, { user: node }))["status"];
    };
    expect(await ask({ requirements })).toEqual({ allowed: true });
    expect(await ask({ rawSelector: "spec.nodeName=n1" })).toEqual({ allowed: true });
    expect(await ask()).toMatchObject({ allowed: false });
  });

  test.each([
    ["neither resource nor path", "subjectaccessreviews", { user: "a" }, {}, "spec.resourceAttributes"],
    [
      "both",
      "selfsubjectaccessreviews",
      { resourceAttributes: getPods, nonResourceAttributes: { verb: "get", path: "/" } },
      {},
      "spec.nonResourceAttributes",
    ],
    ["no subject", "subjectaccessreviews", { resourceAttributes: getPods }, {}, "spec.user"],
    ["a name", "subjectaccessreviews", { user: "a", resourceAttributes: getPods }, { name: "x" }, "metadata"],
    [
      "another namespace inside",
      "localsubjectaccessreviews",
      { user: "a", resourceAttributes: { ...getPods, namespace: "else" } },
      { namespace: "shop" },
      "spec.resourceAttributes.namespace",
    ],
    [
      "a path in a local one",
      "localsubjectaccessreviews",
      { user: "a", nonResourceAttributes: { verb: "get", path: "/" } },
      { namespace: "shop" },
      "spec.nonResourceAttributes",
    ],
    [
      "an empty selector",
      "selfsubjectaccessreviews",
      { resourceAttributes: { ...getPods, fieldSelector: {} } },
      {},
      "spec.resourceAttributes.fieldSelector.requirements",
    ],
  ])("refuse %s", async (_what, resource, spec, metadata, field) => {
    await expect(create(resource, { metadata, spec }, { namespace: "shop" })).rejects.toMatchObject({
      code: 422,
      status: { details: { causes: [{ field }] } },
    });
  });

  test("stay in their namespace when they are local", async () => {
    const spec = { user: "ann", resourceAttributes: getPods };
    const local = { metadata: { namespace: "shop" }, spec };
    expect((await create("localsubjectaccessreviews", local, { namespace: "shop" }))["status"]).toMatchObject({
      allowed: true,
    });
    await expect(create("localsubjectaccessreviews", local, { namespace: "else" })).rejects.toMatchObject({
      code: 400,
    });
  });

  test("list what one may do in a namespace, as kubectl auth can-i --list reads it", async () => {
    const answer = await create("selfsubjectrulesreviews", { spec: { namespace: "shop" } });
    expect(answer["status"]).toEqual({
      resourceRules: [{ verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] }],
      nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/version"] }],
      incomplete: false,
    });
    const node = { name: "system:node:n1", groups: ["system:nodes"] };
    expect(
      (await create("selfsubjectrulesreviews", { spec: { namespace: "shop" } }, { user: node }))["status"],
    ).toEqual({
      resourceRules: [],
      nonResourceRules: [],
      incomplete: true,
      evaluationError: "node authorizer does not support user rule resolution",
    });
    await expect(create("selfsubjectrulesreviews", { spec: {} })).rejects.toThrow("no namespace on request");
  });
});

describe("identity reviews", () => {
  test("say who a token is", async () => {
    expect((await create("tokenreviews", { spec: { token: "t" } }))["status"]).toEqual({
      authenticated: true,
      user: { username: "ann", uid: "1", groups: ["g", "system:authenticated"] },
      audiences: [issuerUrl],
    });
    expect((await create("tokenreviews", { spec: { token: "u" } }))["status"]).toEqual({
      authenticated: false,
      user: {},
    });
    await expect(create("tokenreviews", { spec: {} })).rejects.toMatchObject({ code: 400 });
  });

  test("say why a token is not good", async () => {
    const request = { namespace: "shop", name: "cart" };
    const { status } = (await create("serviceaccounts", { spec: {} }, request)) as { status?: { token: string } };
    await clock.advance(2 * 3600_000);
    const answer = await create("tokenreviews", { spec: { token: status?.token } });
    expect(answer["status"]).toEqual({ authenticated: false, user: {}, error: "service account token has expired" });
  });

  test("say who one is oneself", async () => {
    const user = { name: "x", uid: "9", groups: ["a"], extra: { k: ["v"] } };
    expect(await create("selfsubjectreviews", { kind: "SelfSubjectReview" }, { user })).toEqual({
      kind: "SelfSubjectReview",
      metadata: { creationTimestamp: "2026-01-01T00:00:00Z" },
      status: { userInfo: { username: "x", uid: "9", groups: ["a"], extra: { k: ["v"] } } },
    });
  });
});

describe("token requests", () => {
  const call = { namespace: "shop", name: "cart" };
  const request = (spec: object, metadata: object = {}) => create("serviceaccounts", { metadata, spec }, call);

  test("give a token for an hour and the API's audience by default", async () => {
    const answer = await request({});
    expect(answer).toMatchObject({
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: { name: "cart", namespace: "shop", uid: "sa-1", creationTimestamp: "2026-01-01T00:00:00Z" },
      spec: { audiences: [issuerUrl], expirationSeconds: 3600 },
      status: { expirationTimestamp: "2026-01-01T01:00:00Z" },
    });
    const { token } = answer["status"] as { token: string };
    expect(decodeJwt(token).sub).toBe("system:serviceaccount:shop:cart");
    const review = await create("tokenreviews", { spec: { token } });
    expect(review["status"]).toMatchObject({ authenticated: true, user: { uid: "sa-1" } });
  });

  test.each([
    ["Pod", "cart-0", { pod: { name: "cart-0", uid: "pod-1" }, node: { name: "n1", uid: "node-1" } }],
    ["Node", "n1", { node: { name: "n1", uid: "node-1" } }],
    ["Secret", "s", { secret: { name: "s", uid: "secret-1" } }],
  ])("bind to a %s", async (kind, name, claims) => {
    const answer = await request({ boundObjectRef: { apiVersion: "v1", kind, name } });
    const { token } = answer["status"] as { token: string };
    const {
      serviceaccount: _account,
      namespace: _namespace,
      ...bound
    } = decodeJwt<{ "kubernetes.io": Record<string, object> }>(token)["kubernetes.io"];
    expect(bound).toEqual(claims);
  });

  test("name a node that is not registered without uid", async () => {
    objects.remove("", "nodes", "", "n1");
    const answer = await request({ boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "cart-0" } });
    const { token } = answer["status"] as { token: string };
    expect(decodeJwt(token)["kubernetes.io"]).toMatchObject({ node: { name: "n1" } });
  });

  const bound = (ref: object): object => ({ boundObjectRef: { apiVersion: "v1", ...ref } });
  test.each<[string, object, object, number, string]>([
    ["less than ten minutes", { expirationSeconds: 599 }, {}, 422, "may not specify a duration less than 10 minutes"],
    [
      "too long a time",
      { expirationSeconds: 2 ** 32 + 1 },
      {},
      422,
      "may not specify a duration larger than 2^32 seconds",
    ],
    ["another name", {}, { name: "x" }, 422, "must match the service account name if specified"],
    ["another namespace", {}, { namespace: "x" }, 422, "must match the service account namespace if specified"],
    ["another uid", {}, { uid: "x" }, 409, "does not match the UID of the service account (sa-1)"],
    ["a pod that is not there", bound({ kind: "Pod", name: "x" }), {}, 404, 'pods "x" not found'],
    [
      "another uid of the pod",
      bound({ kind: "Pod", name: "cart-0", uid: "x" }),
      {},
      409,
      "does not match the UID in record",
    ],
    [
      "another kind",
      bound({ kind: "ConfigMap", name: "x" }),
      {},
      400,
      "cannot bind token to object of type /v1, Kind=ConfigMap",
    ],
    [
      "a Pod of another group",
      bound({ apiVersion: "x/v1", kind: "Pod", name: "cart-0" }),
      {},
      400,
      "of type x/v1, Kind=Pod",
    ],
  ])("refuse %s", async (_what, spec, metadata, code, message) => {
    const error: unknown = await request(spec, metadata).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toContain(message);
  });

  test("refuse the pod of another account", async () => {
    const answer = create(
      "serviceaccounts",
      { spec: bound({ kind: "Pod", name: "cart-0" }) },
      { ...call, name: "default" },
    );
    await expect(answer).rejects.toMatchObject({ code: 404 });
    objects.put("", "serviceaccounts", { metadata: { namespace: "shop", name: "default" } });
    await expect(
      create("serviceaccounts", { spec: bound({ kind: "Pod", name: "cart-0" }) }, { ...call, name: "default" }),
    ).rejects.toThrow("pod running with different serviceaccount name");
  });

  test("cut the time to the server's limit and say so", async () => {
    reviews = make({ maxExpirationSeconds: 7200 });
    expect(await request({ expirationSeconds: 86400 })).toMatchObject({ spec: { expirationSeconds: 7200 } });
    expect(warnings).toEqual(["requested expiration of 86400 seconds shortened to 7200 seconds"]);
  });
});
