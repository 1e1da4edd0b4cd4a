import { describe, expect, test } from "vitest";
import { StatusError } from "#pkg/api/status.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { createKubeClient, type KubeClient } from "./client.ts";
import { kubeClientSuite } from "./testing/client-suite.ts";
import { FakeApi } from "./testing/fake-api.ts";
import { wholeBody } from "./testing/fake-body.ts";
import type { Transport, TransportRequest } from "./transport.ts";

kubeClientSuite("the fake API server", async () => {
  const clock = new FakeClock();
  const api = new FakeApi({ clock, needsNamespaces: true });
  return {
    client: api.client(),
    clock,
    random: new SeededRandom(),
    pass: (ms) => clock.advance(ms),
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
});

describe("KubeClient requests", () => {
  test("say who sends them and what they hold", async () => {
    const { client, sent } = recordingClient();
    await client.pods
      .in("a b")
      .patch("p", { type: "strategic", body: { x: 1 } }, { subresource: "status", dryRun: true });
    expect(sent[0]).toMatchObject({
      method: "PATCH",
      path: "/api/v1/namespaces/a%20b/pods/p/status?dryRun=All",
      headers: {
        accept: "application/json",
        "content-type": "application/strategic-merge-patch+json",
        "user-agent": "berth-test/1",
      },
      body: '{"x":1}',
    });
    await client.deployments.in("ns").delete("d", { propagationPolicy: "Foreground", gracePeriodSeconds: 0 });
    expect(sent[1]?.path).toBe("/apis/apps/v1/namespaces/ns/deployments/d");
    expect(JSON.parse(String(sent[1]?.body))).toEqual({
      kind: "DeleteOptions",
      apiVersion: "v1",
      gracePeriodSeconds: 0,
      propagationPolicy: "Foreground",
    });
    await client.nodes.delete("n");
    expect(sent[2]?.body).toBeUndefined();
  });

  test("need a namespace and a name where the resource does", async () => {
    const { client } = recordingClient();
    await expect(client.pods.get("p")).rejects.toMatchObject({ code: "Invalid" });
    await expect(client.pods.in("ns").get("")).rejects.toMatchObject({ code: "Invalid" });
    await expect(client.pods.update({ metadata: { namespace: "ns" }, spec: { containers: [] } })).rejects.toMatchObject(
      {
        code: "Invalid",
      },
    );
  });
});

describe("KubeClient retries", () => {
  const busy = StatusError.tooManyRequests("too many requests", 2);

  test("wait as long as the server says, then send the request again", async () => {
    const { api, clock, client } = fakeServer();
    api.failNext({ error: busy, times: 2 });
    const created = client.nodes.create({ metadata: { name: "n" }, spec: {} });
    await clock.advance(3_999);
    expect(api.requests).toHaveLength(2);
    await clock.advance(1);
    expect((await created).metadata.name).toBe("n");
  });

  test("end after ten tries", async () => {
    const { api, clock, client } = fakeServer();
    api.failNext({ error: busy, times: 100 });
    const failed = expect(client.nodes.list()).rejects.toMatchObject({ code: 429 });
    await clock.advance(60_000);
    await failed;
    expect(api.requests).toHaveLength(11);
  });

  test("never repeat an eviction that was refused, nor a create after 503", async () => {
    const { api, client } = fakeServer();
    api.failNext({ error: busy });
    const evicted = client.pods.in("ns").postSubresource("p", "eviction", {});
    await expect(evicted).rejects.toMatchObject({ code: 429 });
    const down = new StatusError({ code: 503, reason: "ServiceUnavailable", details: { retryAfterSeconds: 1 } });
    api.failNext({ error: down });
    await expect(client.nodes.create({ metadata: { name: "n" }, spec: {} })).rejects.toMatchObject({ code: 503 });
    expect(api.requests).toHaveLength(2);
  });

  test("repeat a read after 503 only when the server says when", async () => {
    const { api, clock, client } = fakeServer();
    const down = (retryAfterSeconds?: number) =>
      new StatusError({ code: 503, reason: "ServiceUnavailable", details: { retryAfterSeconds } });
    api.failNext({ error: down(1) });
    const listed = client.nodes.list();
    await clock.advance(1_000);
    expect((await listed).items).toEqual([]);
    api.failNext({ error: down() });
    await expect(client.nodes.list()).rejects.toMatchObject({ code: 503 });
  });
});

describe("KubeClient answers", () => {
  test("are reported one by one, for metrics", async () => {
    const { api, clock } = fakeServer();
    const answers: unknown[] = [];
    const onAnswer = (answer: { method: string; path: string; status: number }): void => {
      answers.push([answer.method, answer.path, answer.status]);
    };
    const client = createKubeClient(api, { userAgent: "t", clock, onAnswer });
    api.failNext({ error: StatusError.tooManyRequests("busy", 1) });
    const listed = client.nodes.list({ limit: 5 });
    await clock.advance(1_000);
    await listed;
    expect(answers).toEqual([
      ["GET", "/api/v1/nodes", 429],
      ["GET", "/api/v1/nodes", 200],
    ]);
  });
});

describe("KubeClient failures", () => {
  test("a silent server is a Timeout, also for the head of a watch", async () => {
    const clock = new FakeClock();
    const silent: Transport = {
      request: ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener("abort", () => reject(new DOMException("stop", "AbortError")));
        }),
      [Symbol.asyncDispose]: async () => undefined,
    };
    const client = createKubeClient(silent, { userAgent: "t", clock, timeoutMs: 5_000 });
    const failures = [client.nodes.list(), client.nodes.watch()].map((call) =>
      expect(call).rejects.toMatchObject({ code: "Timeout", message: expect.stringContaining("within 5000 ms") }),
    );
    await clock.advance(5_000);
    await Promise.all(failures);
  });

  test("an answer that is no Status still becomes a StatusError", async () => {
    const client = answering(502, "<html>bad gateway</html>");
    await expect(client.nodes.get("n")).rejects.toMatchObject({
      code: 502,
      message: "GET /api/v1/nodes/n: the server answered 502: <html>bad gateway</html>",
    });
  });

  test("a body that is not JSON is Corrupt", async () => {
    await expect(answering(200, "{").nodes.get("n")).rejects.toMatchObject({ code: "Corrupt" });
  });
});

function fakeServer(): { api: FakeApi; clock: FakeClock; client: KubeClient } {
  const clock = new FakeClock();
  const api = new FakeApi({ clock });
  return { api, clock, client: api.client() };
}

function recordingClient(): { client: KubeClient; sent: TransportRequest[] } {
  const sent: TransportRequest[] = [];
  const transport = answeringTransport(200, "{}", sent);
  return { client: createKubeClient(transport, { userAgent: "berth-test/1", clock: new FakeClock() }), sent };
}

function answering(status: number, text: string): KubeClient {
  return createKubeClient(answeringTransport(status, text), { userAgent: "t", clock: new FakeClock() });
}

function answeringTransport(status: number, text: string, sent: TransportRequest[] = []): Transport {
  return {
    request: async (request) => {
      sent.push(request);
      return { status, headers: {}, body: wholeBody(text) };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}
