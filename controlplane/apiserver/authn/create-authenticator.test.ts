import { type KeyObject, X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { StatusError } from "#pkg/api/status.ts";
import { systemRandom } from "#pkg/system/random.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { type CertificateProfile, issueAuthority, issueCertificate } from "../pki/issue-certificate.ts";
import { generateEcKey } from "../pki/private-key.ts";
import { MemoryObjects } from "../testing/memory-objects.ts";
import { type Authentication, type AuthenticationOptions, createAuthenticator } from "./create-authenticator.ts";
import { jwtKeyOf } from "./json-web-token.ts";

const start = Date.UTC(2026, 0, 1);
const dayMs = 24 * 3600 * 1000;

class Authority {
  readonly pem: string;
  readonly #key: KeyObject;

  private constructor(pem: string, key: KeyObject) {
    this.pem = pem;
    this.#key = key;
  }

  static async make(name: string): Promise<Authority> {
    const key = await generateEcKey();
    const validity = { notBeforeMs: start - dayMs, notAfterMs: start + 100 * dayMs };
    return new Authority(await issueAuthority(name, key, validity, systemRandom), key);
  }

  async issue(profile: Partial<CertificateProfile>, days = 10): Promise<Uint8Array> {
    const validity = { notBeforeMs: start, notAfterMs: start + days * dayMs };
    const full = { commonName: "", usages: ["client" as const], ...profile };
    const issuer = { certificatePem: this.pem, key: this.#key };
    return new X509Certificate(await issueCertificate(full, await generateEcKey(), issuer, validity, systemRandom)).raw;
  }
}

let cluster: Authority;
let proxies: Authority;
let stranger: Authority;
let signingKey: KeyObject;

beforeAll(async () => {
  [cluster, proxies, stranger] = await Promise.all([
    Authority.make("kubernetes"),
    Authority.make("front-proxy-ca"),
    Authority.make("kubernetes"),
  ]);
  signingKey = await generateEcKey();
});

interface Setup extends Authentication {
  readonly objects: MemoryObjects;
  readonly clock: FakeClock;
}

function setUp(changes: Partial<AuthenticationOptions> = {}): Setup {
  const objects = new MemoryObjects();
  const clock = new FakeClock(start + dayMs);
  const options: AuthenticationOptions = {
    clientAuthoritiesPem: cluster.pem,
    frontProxy: { authoritiesPem: proxies.pem, allowedNames: ["front-proxy-client"] },
    staticTokens: [{ token: "s3cret", user: { name: "jane", uid: "7", groups: ["dev"] } }],
    bootstrapTokens: true,
    serviceAccounts: { issuers: ["https://k"], keys: [jwtKeyOf(signingKey)], apiAudiences: ["https://k"] },
    anonymous: "everywhere",
    ...changes,
  };
  return { ...createAuthenticator(options, { reader: objects, clock }), objects, clock };
}

const request = (headers: Record<string, string> = {}, peerCertificate?: Uint8Array, path = "/api") => ({
  path,
  headers,
  peerCertificate,
  remoteAddress: "127.0.0.1",
});
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe("createAuthenticator: client certificates", () => {
  test("takes the name and the groups from the subject", async () => {
    const { requests } = setUp();
    const certificate = await cluster.issue({ commonName: "kim", organizations: ["dev", "ops"] });
    const fingerprint = new X509Certificate(certificate).fingerprint256.replaceAll(":", "").toLowerCase();
    expect(await requests.authenticate(request({}, certificate))).toEqual({
      name: "kim",
      groups: ["dev", "ops", "system:authenticated"],
      extra: { "authentication.kubernetes.io/credential-id": [`X509SHA256=${fingerprint}`] },
    });
  });

  test("keeps a name with separators of distinguished names in one piece", async () => {
    const { requests } = setUp();
    const name = 'kim,O=system:masters+x="\n';
    const certificate = await cluster.issue({ commonName: name, organizations: ["a,O=system:masters"] });
    const user = await requests.authenticate(request({}, certificate));
    expect(user.name).toBe(name);
    expect(user.groups).toEqual(["a,O=system:masters", "system:authenticated"]);
  });

  test.each([
    ["of another authority with the same name", () => stranger.issue({ commonName: "kim" }), 0],
    ["meant for servers", () => cluster.issue({ commonName: "kim", usages: ["server"] }), 0],
    ["that has expired", () => cluster.issue({ commonName: "kim" }), 11],
    ["that is not valid yet", () => cluster.issue({ commonName: "kim" }), -2],
    ["of the front proxies' authority", () => proxies.issue({ commonName: "kim" }), 0],
    ["that is no certificate", async () => Buffer.from("junk"), 0],
  ])("answers 401 to a certificate %s", async (_what, make, days) => {
    const { requests, clock } = setUp();
    const certificate = await make();
    const at = clock.now() + days * dayMs;
    clock.now = () => at;
    await expect(requests.authenticate(request({}, certificate))).rejects.toMatchObject({ code: 401 });
  });

  test("looks at the time again for a certificate it knows", async () => {
    const { requests, clock } = setUp();
    const certificate = await cluster.issue({ commonName: "kim" });
    await requests.authenticate(request({}, certificate));
    await clock.advance(10 * dayMs);
    await expect(requests.authenticate(request({}, certificate))).rejects.toMatchObject({ code: 401 });
  });

  test("lets a good token stand in for a bad certificate", async () => {
    const { requests } = setUp();
    const certificate = await stranger.issue({ commonName: "kim" });
    expect((await requests.authenticate(request(bearer("s3cret"), certificate))).name).toBe("jane");
  });
});

describe("createAuthenticator: front proxy", () => {
  const headers = { "x-remote-user": "ann", "x-remote-group": "g, system:masters", "x-remote-extra-scopes%2fa": "x" };

  test("believes headers that come with an allowed certificate, one group a header", async () => {
    const { requests } = setUp();
    const certificate = await proxies.issue({ commonName: "front-proxy-client" });
    expect(await requests.authenticate(request(headers, certificate))).toEqual({
      name: "ann",
      groups: ["g, system:masters", "system:authenticated"],
      extra: { "scopes/a": ["x"] },
    });
    const repeated = { ...request(headers, certificate), repeatedHeaders: { "x-remote-group": ["g", "h"] } };
    expect((await requests.authenticate(repeated)).groups).toEqual(["g", "h", "system:authenticated"]);
  });

  test("ignores the headers of anyone else", async () => {
    const { requests } = setUp();
    const certificate = await cluster.issue({ commonName: "kim" });
    expect((await requests.authenticate(request(headers, certificate))).name).toBe("kim");
    expect((await requests.authenticate(request(headers))).name).toBe("system:anonymous");
  });

  test("answers 401 to a proxy whose name is not on the list", async () => {
    const { requests } = setUp();
    const certificate = await proxies.issue({ commonName: "other" });
    await expect(requests.authenticate(request(headers, certificate))).rejects.toMatchObject({ code: 401 });
  });
});

describe("createAuthenticator: tokens and anonymous", () => {
  test("finds static tokens, and answers 401 to unknown ones instead of letting them pass as anonymous", async () => {
    const { requests } = setUp();
    expect(await requests.authenticate(request(bearer("s3cret")))).toEqual({
      name: "jane",
      uid: "7",
      groups: ["dev", "system:authenticated"],
    });
    await expect(requests.authenticate(request(bearer("s3cre")))).rejects.toThrow(StatusError);
  });

  test("takes a token from a WebSocket subprotocol beside another one", async () => {
    const { requests } = setUp();
    const secret = `base64url.bearer.authorization.k8s.io.${Buffer.from("s3cret").toString("base64url")}`;
    const upgrade = { upgrade: "websocket", "sec-websocket-protocol": `v4.channel.k8s.io, ${secret}` };
    expect((await requests.authenticate(request(upgrade))).name).toBe("jane");
    const alone = { upgrade: "websocket", "sec-websocket-protocol": secret };
    expect((await requests.authenticate(request(alone))).name).toBe("system:anonymous");
  });

  test.each([
    ["everywhere", "/api", true],
    ["nowhere", "/livez", false],
    [["/livez"], "/livez", true],
    [["/livez"], "/livez/ping", false],
  ] as const)("with anonymous %j, %s is open: %s", async (anonymous, path, isOpen) => {
    const { requests } = setUp({ anonymous });
    const answer = requests.authenticate(request({}, undefined, path));
    if (isOpen) {
      expect(await answer).toEqual({ name: "system:anonymous", groups: ["system:unauthenticated"] });
    } else {
      await expect(answer).rejects.toMatchObject({ code: 401, message: "Unauthorized" });
    }
  });

  test("knows static tokens for the API's audience only", async () => {
    const { tokens } = setUp();
    expect(await tokens.authenticateToken("s3cret", [])).toMatchObject({ audiences: ["https://k"] });
    expect(await tokens.authenticateToken("s3cret", ["vault", "https://k"])).toMatchObject({
      audiences: ["https://k"],
    });
    expect(await tokens.authenticateToken("s3cret", ["vault"])).toBeUndefined();
  });
});

describe("createAuthenticator: bootstrap tokens", () => {
  const data = {
    "token-id": "abcdef",
    "token-secret": "0123456789abcdef",
    "usage-bootstrap-authentication": "true",
    "auth-extra-groups": "system:bootstrappers:berth:node,system:bootstrappers:x",
    expiration: "2026-01-03T00:00:00Z",
  };
  const secretWith = (changes: Partial<Record<keyof typeof data, string>>, more: object = {}) => ({
    metadata: { namespace: "kube-system", name: "bootstrap-token-abcdef" },
    type: "bootstrap.kubernetes.io/token",
    data: Object.fromEntries(
      Object.entries({ ...data, ...changes }).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
    ),
    ...more,
  });
  const authenticate = (secret: object, token = "abcdef.0123456789abcdef") => {
    const { requests, objects } = setUp();
    objects.put("", "secrets", secret as never);
    return requests.authenticate(request(bearer(token)));
  };

  test("makes a user with the token's groups", async () => {
    expect(await authenticate(secretWith({}))).toEqual({
      name: "system:bootstrap:abcdef",
      groups: [
        "system:bootstrappers",
        "system:bootstrappers:berth:node",
        "system:bootstrappers:x",
        "system:authenticated",
      ],
    });
  });

  test.each([
    ["a wrong secret part", secretWith({ "token-secret": "0123456789abcdeg" })],
    ["another id inside", secretWith({ "token-id": "abcdeg" })],
    ["an end in the past", secretWith({ expiration: "2026-01-01T23:59:59Z" })],
    ["an end that cannot be read", secretWith({ expiration: "tomorrow" })],
    ["no permission to authenticate", secretWith({ "usage-bootstrap-authentication": "yes" })],
    ["a group out of its corner", secretWith({ "auth-extra-groups": "system:masters" })],
    ["another type", secretWith({}, { type: "Opaque" })],
    [
      "a deletion under way",
      secretWith(
        {},
        {
          metadata: {
            namespace: "kube-system",
            name: "bootstrap-token-abcdef",
            deletionTimestamp: "2026-01-01T00:00:00Z",
          },
        },
      ),
    ],
    ["another namespace", secretWith({}, { metadata: { namespace: "default", name: "bootstrap-token-abcdef" } })],
  ])("answers 401 to a token whose Secret has %s", async (_what, secret) => {
    await expect(authenticate(secret)).rejects.toMatchObject({ code: 401 });
  });

  test.each(["abcdef.0123456789ABCDEF", "abcdef", "../../.0123456789abcdef"])("does not look up %s", async (token) => {
    await expect(authenticate(secretWith({}), token)).rejects.toMatchObject({ code: 401 });
  });
});
