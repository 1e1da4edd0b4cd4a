import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StatusError } from "#pkg/api/status.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import type { ApiHandler, ApiResponse } from "./api-request.ts";
import { InFlight } from "./filters/max-in-flight.ts";
import { MetricsPage } from "./metrics/metrics-page.ts";
import { RequestMetrics } from "./metrics/request-metrics.ts";
import { createRequestPipeline } from "./request-pipeline.ts";
import { type FakeRequestFields, fakeRequest } from "./testing/fake-request.ts";
import { warningHeaders } from "./warning-headers.ts";

function open(handler: ApiHandler) {
  const clock = new FakeClock();
  const metrics = new RequestMetrics(new InFlight(clock));
  const page = new MetricsPage();
  page.add(...metrics.families());
  const handle = createRequestPipeline(
    { filters: [], handler, encodeStatus: () => "encoded", metrics },
    { clock, random: new SeededRandom(1), log: silentLogger },
  );
  const ask = (method: string, target: string, fields?: FakeRequestFields) =>
    handle(fakeRequest(method, target, fields));
  return { ask, clock, scrape: async () => String((await page.respond()).body) };
}

const done: ApiResponse = { status: 200, headers: {}, body: "done" };

describe("createRequestPipeline", () => {
  test("puts what every answer has onto it", async () => {
    const { ask } = open(async (_request, context) => {
      context.warnings.add("mind the gap");
      context.responseHeaders["x-more"] = "yes";
      return done;
    });
    expect((await ask("GET", "/api/v1/pods")).headers).toEqual({
      "audit-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
      "cache-control": "no-cache, private",
      "x-more": "yes",
      warning: ['299 - "mind the gap"'],
    });
    const named = await ask("GET", "/", { headers: { "audit-id": "mine" } });
    expect(named.headers["audit-id"]).toBe("mine");
  });

  test.each([
    [StatusError.notFound({ group: "", resource: "pods" }, "x"), 404, 'pods "x" not found'],
    [new BerthError("Unavailable", "secret"), 503, "store is not available"],
    [new BerthError("Expired", "gone"), 410, "gone"],
    [new BerthError("Exhausted", "disk full"), 507, "disk full"],
    [new BerthError("Invalid", "etcdserver: request is too large"), 413, "too large"],
    [new BerthError("Timeout", "slow"), 504, "allotted timeout"],
    [new BerthError("Aborted", "gone"), 504, "cancelled"],
    [new RangeError("Maximum call stack"), 500, "its log says why"],
  ])("answers %s with its status", async (error, code, message) => {
    const response = await open(() => Promise.reject(error)).ask("GET", "/api/v1/pods");
    expect(response.status).toBe(code);
    expect(JSON.parse(String(response.body))).toMatchObject({ kind: "Status", code });
    expect(String(response.body)).toContain(message.replaceAll('"', '\\"'));
    expect(String(response.body)).not.toMatch(/secret|stack/);
  });

  test("answers errors in the client's form, and JSON when it takes none", async () => {
    const { ask } = open(() => Promise.reject(StatusError.tooManyRequests("busy", 7)));
    const yaml = await ask("GET", "/", { headers: { accept: "application/yaml" } });
    expect([yaml.headers["content-type"], yaml.body]).toEqual(["application/yaml", "encoded"]);
    expect(yaml.headers["retry-after"]).toBe("7");
    const other = await ask("GET", "/", { headers: { accept: "text/plain" } });
    expect(other.headers["content-type"]).toBe("application/json");
  });

  test("answers a path it cannot read with 400, without asking a handler", async () => {
    const { ask } = open(() => Promise.reject(new Error("not reached")));
    expect((await ask("GET", "/api/v1/pods/%ff")).status).toBe(400);
  });

  test("counts requests, their time, and streams while they last", async () => {
    const end = Promise.withResolvers<void>();
    const stream = { stream: () => end.promise };
    const { ask, clock, scrape } = open(async (request) => {
      await clock.sleep(request.query.has("slow") ? 300 : 0);
      return request.query.has("watch") ? { status: 200, headers: {}, body: stream } : done;
    });
    for (const target of ["/api/v1/namespaces/a/pods", "/api/v1/namespaces/a/pods?slow"]) {
      const answer = ask("GET", target);
      await clock.advance(300);
      await answer;
    }
    const watching = ask("GET", "/api/v1/pods?watch=1");
    await clock.advance(1);
    const { body } = await watching;
    const running = (body as typeof stream).stream();
    const about = 'group="",version="v1",resource="pods",subresource=""';
    expect(await scrape()).toContain(
      `apiserver_request_total{verb="LIST",dry_run="",${about},scope="namespace",component="apiserver",code="200"} 2`,
    );
    expect(await scrape()).toMatch(/apiserver_request_duration_seconds_bucket\{verb="LIST".*le="0\.2"\} 1\n/);
    expect(await scrape()).toMatch(/apiserver_request_duration_seconds_bucket\{verb="LIST".*le="\+Inf"\} 2\n/);
    expect(await scrape()).toMatch(/apiserver_longrunning_requests\{verb="WATCH".*\} 1\n/);
    end.resolve();
    await running;
    expect(await scrape()).toMatch(/apiserver_longrunning_requests\{verb="WATCH".*\} 0\n/);
  });

  test("does not keep a series for each of many invented paths", async () => {
    const { ask, scrape } = open(async () => ({ status: 404, headers: {} }));
    for (let at = 0; at < 6000; at++) await ask("GET", `/apis/g${at}/v1/pods`);
    expect((await scrape()).match(/apiserver_request_duration_seconds_count/g)?.length).toBeLessThanOrEqual(5002);
  });
});

describe("warningHeaders", () => {
  test("quotes text, and drops what would break a header", () => {
    expect(warningHeaders(['a "b" \\c', "x\r\ny", "é"])).toEqual([
      '299 - "a \\"b\\" \\\\c"',
      '299 - "x y"',
      '299 - "?"',
    ]);
  });

  test("stays small for any texts", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 2000 }), { maxLength: 60 }), (texts) => {
        const headers = warningHeaders(texts);
        expect(headers.join("").length).toBeLessThan(4096 * 2 + 60 * 10);
        for (const header of headers) expect(header).toMatch(/^299 - "[\x20-\x7e]*"$/);
      }),
    );
  });
});
