import { describe, expect, test } from "vitest";
import { StatusError } from "#pkg/api/status.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import type { AuthorizationAttributes, Authorizer } from "../../authz/authorizer.ts";
import type { ApiFilter, ApiHandler, ApiRequest, ApiResponse, UserInfo } from "../api-request.ts";
import { forbiddenError } from "../forbidden.ts";
import { type FakeRequestFields, fakeContext, fakeRequest } from "../testing/fake-request.ts";
import { authenticationFilter } from "./authentication.ts";
import { authorizationFilter, buildAttributes } from "./authorization.ts";
import { deadlineFilter } from "./deadline.ts";
import { computeImpersonatedUser, impersonationFilter } from "./impersonation.ts";
import { InFlight } from "./max-in-flight.ts";

const alice: UserInfo = { name: "alice", groups: ["system:authenticated"] };
const done: ApiResponse = { status: 200, headers: {} };

async function run(filter: ApiFilter, request: ApiRequest, user = alice, handler: ApiHandler = async () => done) {
  const context = fakeContext(request, user);
  return { response: await filter(handler)(request, context), context };
}

const get = (target: string, fields?: FakeRequestFields) => fakeRequest("GET", target, fields);

class ListedAuthorizer implements Authorizer {
  readonly asked: AuthorizationAttributes[] = [];
  readonly #allowed: ReadonlySet<string>;
  constructor(...allowed: readonly string[]) {
    this.#allowed = new Set(allowed);
  }
  async authorize(attributes: AuthorizationAttributes) {
    this.asked.push(attributes);
    const key = `${attributes.verb} ${attributes.resource || attributes.path}`;
    const decision = this.#allowed.has(key) ? ("allow" as const) : ("noOpinion" as const);
    return { decision, reason: "" };
  }
}

describe("authenticationFilter", () => {
  const authenticator = {
    authenticate: async (request: Pick<ApiRequest, "headers">) => {
      if (request.headers["authorization"] === "Bearer wrong") throw StatusError.unauthorized();
      return alice;
    },
  };

  test("sets the user, or refuses", async () => {
    const outcomes: string[] = [];
    const filter = authenticationFilter(authenticator, {
      succeeded: (user) => outcomes.push(user.name),
      failed: () => outcomes.push("failed"),
    });
    const { context } = await run(filter, get("/api"));
    expect(context.user).toBe(alice);
    const wrong = get("/api", { headers: { authorization: "Bearer wrong" } });
    await expect(run(filter, wrong)).rejects.toMatchObject({ code: 401 });
    expect(outcomes).toEqual(["alice", "failed"]);
  });

  test("trusts the user of a request of this process", async () => {
    const robot = { name: "robot", groups: [] };
    const { context } = await run(authenticationFilter(authenticator), get("/", { trustedUser: robot }));
    expect(context.user).toBe(robot);
  });
});

describe("authorizationFilter", () => {
  test("lets through only what is allowed", async () => {
    const filter = authorizationFilter(new ListedAuthorizer("list pods"));
    expect((await run(filter, get("/api/v1/pods"))).response).toBe(done);
    await expect(run(filter, get("/api/v1/nodes"))).rejects.toMatchObject({ code: 403 });
  });

  test("does not allow when the authorizer fails", async () => {
    const broken = { authorize: () => Promise.reject(new Error("no")) };
    await expect(run(authorizationFilter(broken), get("/api/v1/pods"))).rejects.toThrow("no");
  });

  test("hands selectors on, of verbs that select", () => {
    const request = get("/api/v1/pods?fieldSelector=spec.nodeName%3Da");
    expect(buildAttributes(request, fakeContext(request).info, alice)).toMatchObject({
      verb: "list",
      fieldSelector: "spec.nodeName=a",
      labelSelector: "",
    });
  });
});

describe("forbiddenError", () => {
  const about = (target: string, method = "GET") => {
    const request = fakeRequest(method, target);
    return forbiddenError(buildAttributes(request, fakeContext(request).info, { name: "x", groups: [] }), "");
  };

  test.each([
    [
      "/api/v1/namespaces/d/pods",
      'pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "d"',
    ],
    [
      "/api/v1/nodes/n",
      'nodes "n" is forbidden: User "x" cannot get resource "nodes" in API group "" at the cluster scope',
    ],
    [
      "/apis/apps/v1/namespaces/d/deployments/w/scale",
      'deployments.apps "w" is forbidden: User "x" cannot get resource "deployments/scale" in API group "apps" in the namespace "d"',
    ],
    ["/metrics", 'forbidden: User "x" cannot get path "/metrics"'],
    ["/<b>", 'forbidden: User "x" cannot get path "/&lt;b&gt;"'],
  ])("%s", (target, message) => {
    expect(about(target).message).toBe(message);
  });
});

describe("impersonationFilter", () => {
  test("checks each part and then acts as the impersonated user", async () => {
    const authorizer = new ListedAuthorizer(
      "impersonate users",
      "impersonate groups",
      "impersonate uids",
      "impersonate userextras",
    );
    const headers = {
      "impersonate-user": "bob",
      "impersonate-group": "dev, ops",
      "impersonate-uid": "7",
      "impersonate-extra-acme.com%2fproject": "p",
    };
    const raw = ["Impersonate-Group", "dev", "Impersonate-Group", "ops"];
    const { context } = await run(impersonationFilter(authorizer), get("/api", { headers, rawHeaders: raw }));
    expect(context.user).toEqual({
      name: "bob",
      uid: "7",
      groups: ["dev", "ops", "system:authenticated"],
      extra: { "acme.com/project": ["p"] },
    });
    expect(authorizer.asked.map((one) => `${one.apiGroup}/${one.resource}/${one.subresource}:${one.name}`)).toEqual([
      "/users/:bob",
      "/groups/:dev",
      "/groups/:ops",
      "authentication.k8s.io/uids/:7",
      "authentication.k8s.io/userextras/acme.com/project:p",
    ]);
  });

  test("a single group with a comma stays one group", async () => {
    const authorizer = new ListedAuthorizer("impersonate users", "impersonate groups");
    const headers = { "impersonate-user": "bob", "impersonate-group": "a, b" };
    const { context } = await run(impersonationFilter(authorizer), get("/api", { headers }));
    expect(context.user.groups).toContain("a, b");
  });

  test("is forbidden when one part is", async () => {
    const headers = { "impersonate-user": "system:serviceaccount:d:robot" };
    await expect(
      run(impersonationFilter(new ListedAuthorizer("impersonate users")), get("/", { headers })),
    ).rejects.toThrow(
      'serviceaccounts "robot" is forbidden: User "alice" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "d"',
    );
  });

  test("refuses groups without a user", async () => {
    const headers = { "impersonate-group": "g" };
    await expect(run(impersonationFilter(new ListedAuthorizer()), get("/", { headers }))).rejects.toMatchObject({
      code: 500,
    });
  });

  test.each([
    ["system:serviceaccount:d:r", [], ["system:serviceaccounts", "system:serviceaccounts:d", "system:authenticated"]],
    ["system:anonymous", [], ["system:unauthenticated"]],
    ["bob", ["system:unauthenticated"], ["system:unauthenticated"]],
  ])("%s with groups %j", (user, groups, wanted) => {
    expect(computeImpersonatedUser({ user, groups, uid: "", extra: {} }).groups).toEqual(wanted);
  });
});

describe("deadlineFilter", () => {
  const never: ApiHandler = () => new Promise(() => undefined);

  test.each([
    ["/api/v1/pods", 60_000],
    ["/api/v1/pods?timeout=2s", 2_000],
    ["/api/v1/pods?timeout=2h", 60_000],
    ["/api/v1/pods?timeout=0", 60_000],
    ["/api/v1/pods?timeout=1m30s", 60_000],
    ["/api/v1/pods?timeout=250ms", 250],
  ])("%s is given %d ms", async (target, ms) => {
    const clock = new FakeClock();
    const request = get(target);
    const outcome = run(deadlineFilter(clock), request, alice, never).catch((error: unknown) => error);
    await clock.advance(ms - 1);
    expect(request.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(await outcome).toMatchObject({ code: 504, reason: "Timeout" });
    expect(request.signal.aborted).toBe(true);
  });

  test("leaves watches and answered requests alone", async () => {
    const clock = new FakeClock();
    await run(deadlineFilter(clock), get("/api/v1/pods?watch=1"));
    await run(deadlineFilter(clock), get("/api/v1/pods"));
    expect(clock.waiting).toBe(0);
  });

  test("refuses a timeout that is no duration", () => {
    expect(() => deadlineFilter(new FakeClock())(never)(get("/x?timeout=5"), fakeContext(get("/x")))).toThrow(
      /invalid timeout/,
    );
  });
});

describe("InFlight", () => {
  const limits = { reading: 4, mutating: 1, queuePerUser: 2, maxWaitMs: 1000 };
  const user = (name: string): UserInfo => ({ name, groups: [] });

  function open() {
    const clock = new FakeClock();
    const inFlight = new InFlight(clock, limits);
    const finish: (() => void)[] = [];
    const slow: ApiHandler = () =>
      new Promise((resolve) => {
        finish.push(() => resolve(done));
      });
    const start = (name: string, target = "/api/v1/pods") => run(inFlight.filter, get(target), user(name), slow);
    return { clock, inFlight, finish, start };
  }

  test("one user cannot take all seats", async () => {
    const { finish, start, inFlight } = open();
    const greedy = [start("greedy"), start("greedy"), start("greedy"), start("greedy")];
    expect(inFlight.reading.held).toBe(3);
    const other = start("other");
    expect(finish.length).toBe(4);
    for (const end of finish.splice(0)) end();
    await other;
    await expect.poll(() => finish.length).toBe(1);
    finish[0]?.();
    await Promise.all(greedy);
    expect([inFlight.reading.held, inFlight.reading.waiting]).toEqual([0, 0]);
  });

  test("a freed seat goes to the user with the fewest", async () => {
    const { finish, start } = open();
    const first = [start("a"), start("a"), start("b"), start("b")];
    const order: string[] = [];
    const waiting = [start("a").then(() => order.push("a")), start("c").then(() => order.push("c"))];
    finish.shift()?.();
    await first[0];
    await expect.poll(() => finish.length).toBe(4);
    finish.pop()?.();
    await expect.poll(() => order).toEqual(["c"]);
    await expect.poll(() => finish.length).toBe(4);
    for (const end of finish.splice(0)) end();
    await Promise.all([...first, ...waiting]);
  });

  test("refuses with 429 and Retry-After who waits too long, or finds the queue full", async () => {
    const { clock, start, inFlight } = open();
    for (let at = 0; at < 3; at++) void start("u");
    const queued = [start("u"), start("u")].map((one) => one.catch((error: unknown) => error));
    await expect(start("u")).rejects.toMatchObject({ code: 429, status: { details: { retryAfterSeconds: 1 } } });
    await clock.advance(1000);
    for (const one of queued) expect(await one).toMatchObject({ code: 429 });
    expect(inFlight.refused).toBe(3);
    expect(inFlight.reading.waiting).toBe(0);
  });

  test("watches, health checks and administrators need no seat", async () => {
    const { inFlight, start } = open();
    void start("u", "/api/v1/pods?watch=1");
    void start("u", "/readyz/ping");
    void run(
      inFlight.filter,
      get("/api/v1/pods"),
      { name: "root", groups: ["system:masters"] },
      () => new Promise(() => undefined),
    );
    expect(inFlight.reading.held).toBe(0);
  });

  test("writes have seats of their own", async () => {
    const { inFlight } = open();
    void run(inFlight.filter, fakeRequest("POST", "/api/v1/pods"), user("u"), () => new Promise(() => undefined));
    expect([inFlight.reading.held, inFlight.mutating.held]).toEqual([0, 1]);
  });
});
