import { describe, expect, test } from "vitest";
import type { Pod } from "#pkg/api/core/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import {
  clientEventSink,
  type EventRecorderOptions,
  type EventSink,
  QueuedEventRecorder,
  referenceTo,
} from "./events.ts";
import { LruCache } from "./lru-cache.ts";
import { resources } from "./resources.ts";
import { FakeApi } from "./testing/fake-api.ts";
import { FakeEventRecorder, FakeEventSink } from "./testing/fake-event-recorder.ts";
import { TokenBucket } from "./token-bucket.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web-1", namespace: "shop", uid: "u-1", resourceVersion: "7" },
  spec: { containers: [] },
};

class Fixture {
  readonly clock = new FakeClock(Date.UTC(2026, 0, 1));
  readonly sink = new FakeEventSink();

  recorder(options: Partial<EventRecorderOptions> = {}): QueuedEventRecorder {
    return new QueuedEventRecorder({
      sink: this.sink,
      component: "kubelet",
      host: "n1",
      clock: this.clock,
      random: new SeededRandom(),
      log: silentLogger,
      ...options,
    });
  }

  async settle(): Promise<void> {
    await this.clock.advance(0);
  }
}

describe("QueuedEventRecorder", () => {
  test("writes what upstream clients expect to read", async () => {
    const fixture = new Fixture();
    const recorder = fixture.recorder();
    recorder.event(pod, "Warning", "FailedMount", "no such volume", { hint: "x" });
    await fixture.settle();
    expect([...fixture.sink.events.values()]).toEqual([
      {
        apiVersion: "v1",
        kind: "Event",
        metadata: {
          name: expect.stringMatching(/^web-1\.[0-9a-f]{16}$/),
          namespace: "shop",
          annotations: { hint: "x" },
        },
        involvedObject: {
          kind: "Pod",
          apiVersion: "v1",
          name: "web-1",
          namespace: "shop",
          uid: "u-1",
          resourceVersion: "7",
        },
        reason: "FailedMount",
        message: "no such volume",
        type: "Warning",
        count: 1,
        firstTimestamp: "2026-01-01T00:00:00Z",
        lastTimestamp: "2026-01-01T00:00:00Z",
        source: { component: "kubelet", host: "n1" },
        reportingComponent: "kubelet",
        reportingInstance: "n1",
      },
    ]);
  });

  test("the same event again only raises the count", async () => {
    const fixture = new Fixture();
    const recorder = fixture.recorder();
    for (let count = 0; count < 3; count++) {
      recorder.event(pod, "Warning", "BackOff", "restarting");
      await fixture.clock.advance(10_000);
    }
    recorder.event(pod, "Normal", "BackOff", "restarting");
    await fixture.settle();
    expect(fixture.sink.lines).toEqual(["BackOff x3: restarting", "BackOff x1: restarting"]);
    const [repeated] = fixture.sink.events.values();
    expect(repeated).toMatchObject({ firstTimestamp: "2026-01-01T00:00:00Z", lastTimestamp: "2026-01-01T00:00:20Z" });
  });

  test("a repeated event that the server has forgotten is created anew", async () => {
    const fixture = new Fixture();
    const recorder = fixture.recorder();
    recorder.event(pod, "Warning", "BackOff", "restarting");
    await fixture.settle();
    fixture.sink.events.clear();
    recorder.event(pod, "Warning", "BackOff", "restarting");
    await fixture.settle();
    expect(fixture.sink.lines).toEqual(["BackOff x2: restarting"]);
  });

  test("the tenth message of one kind within ten minutes begins to combine them", async () => {
    const fixture = new Fixture();
    const recorder = fixture.recorder();
    for (let index = 1; index <= 12; index++) {
      recorder.event(pod, "Normal", "Scaled", `message ${index}`);
      await fixture.clock.advance(1_000);
    }
    expect(fixture.sink.lines).toHaveLength(10);
    expect(fixture.sink.lines.at(-1)).toBe("Scaled x3: (combined from similar events): message 12");
    await fixture.clock.advance(700_000);
    recorder.event(pod, "Normal", "Scaled", "message 13");
    await fixture.settle();
    expect(fixture.sink.lines.at(-1)).toBe("Scaled x1: message 13");
  });

  test("one object gets 25 events at once and one every five minutes after that", async () => {
    const fixture = new Fixture();
    const recorder = fixture.recorder();
    for (let index = 0; index < 40; index++) recorder.event(pod, "Normal", `Reason${index}`, "m");
    await fixture.settle();
    expect(fixture.sink.lines).toHaveLength(25);
    const other = { ...pod, metadata: { ...pod.metadata, name: "web-2", uid: "u-2" } };
    recorder.event(other, "Normal", "Started", "m");
    await fixture.clock.advance(300_000);
    recorder.event(pod, "Normal", "Later", "m");
    recorder.event(pod, "Normal", "TooSoon", "m");
    await fixture.settle();
    expect(fixture.sink.lines.slice(25)).toEqual(["Started x1: m", "Later x1: m"]);
  });

  test("tries again while the server cannot be reached, and gives up when it refuses", async () => {
    const fixture = new Fixture();
    const recorder = fixture.recorder();
    fixture.sink.failures.push(new Error("no route"), new Error("no route"));
    recorder.event(pod, "Normal", "Started", "m");
    await fixture.clock.advance(20_000);
    expect([fixture.sink.lines, fixture.sink.calls]).toEqual([["Started x1: m"], 3]);
    fixture.sink.failures.push(StatusError.forbidden({ group: "", resource: "events" }, "", "no"));
    recorder.event(pod, "Normal", "Refused", "m");
    recorder.event(pod, "Normal", "Next", "m");
    await fixture.settle();
    expect(fixture.sink.lines).toEqual(["Started x1: m", "Next x1: m"]);
  });

  test("gives up after twelve tries", async () => {
    const fixture = new Fixture();
    const recorder = fixture.recorder();
    for (let count = 0; count < 12; count++) fixture.sink.failures.push(new Error("no route"));
    recorder.event(pod, "Normal", "Lost", "m");
    recorder.event(pod, "Normal", "Kept", "m");
    await fixture.clock.advance(200_000);
    expect([fixture.sink.lines, fixture.sink.calls]).toEqual([["Kept x1: m"], 13]);
  });

  test("holds a bounded number of events while the server is silent", async () => {
    const fixture = new Fixture();
    const silent: EventSink = { create: () => new Promise(() => undefined), patch: () => new Promise(() => undefined) };
    const recorder = fixture.recorder({ sink: silent });
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 100_000; index++) recorder.event(pod, "Normal", "R", "x".repeat(1000));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100 * 1024 * 1024);
  });

  test("keeps to the rate it is given", async () => {
    const fixture = new Fixture();
    const recorder = fixture.recorder({ limit: { perSecond: 2, burst: 3 } });
    for (let index = 0; index < 6; index++) recorder.event(pod, "Normal", `R${index}`, "m");
    await fixture.settle();
    expect(fixture.sink.lines).toHaveLength(3);
    await fixture.clock.advance(1_000);
    expect(fixture.sink.lines).toHaveLength(5);
  });

  test("dispose writes what is queued, and hears nothing more", async () => {
    const fixture = new Fixture();
    const recorder = fixture.recorder();
    recorder.event(pod, "Normal", "Stopping", "m");
    fixture.sink.failures.push(new Error("no route"));
    recorder.event(pod, "Normal", "Stopped", "m");
    await recorder[Symbol.asyncDispose]();
    recorder.event(pod, "Normal", "After", "m");
    await fixture.settle();
    expect(fixture.sink.lines).toEqual(["Stopped x1: m"]);
    expect(fixture.clock.waiting).toBe(0);
  });

  test("names stay valid and unique whatever the object is called", async () => {
    const fixture = new Fixture();
    const recorder = fixture.recorder();
    const names = ["a".repeat(253), "system:node:x", ""];
    for (const name of names) recorder.event({ kind: "Node", name }, "Normal", "R", "m");
    recorder.event({ kind: "Node", name: "n" }, "Normal", "R", "m");
    recorder.event({ kind: "Node", name: "n" }, "Normal", "R2", "m");
    await fixture.settle();
    const made = [...fixture.sink.events.keys()];
    expect(made).toHaveLength(5);
    for (const key of made) expect(key).toMatch(/^default\/[a-z0-9][-a-z0-9.]{0,252}$/);
  });
});

describe("clientEventSink", () => {
  test("creates and patches through the API", async () => {
    const fixture = new Fixture();
    const api = new FakeApi({ clock: fixture.clock });
    const recorder = fixture.recorder({ sink: clientEventSink(api.client()) });
    recorder.event(pod, "Warning", "BackOff", "m");
    recorder.event(pod, "Warning", "BackOff", "m");
    await fixture.settle();
    expect(api.peekAll(resources.events)).toMatchObject([
      { count: 2, reason: "BackOff", metadata: { namespace: "shop" } },
    ]);
    expect(api.requests.map(({ verb }) => verb)).toEqual(["create", "patch"]);
  });
});

describe("FakeEventSink", () => {
  test("refuses what an API server refuses", async () => {
    const sink = new FakeEventSink();
    const event = { metadata: { name: "e", namespace: "ns" }, involvedObject: {} };
    await sink.create(event);
    await expect(sink.create(event)).rejects.toMatchObject({ reason: "AlreadyExists" });
    const patch = { count: 2, message: "m", lastTimestamp: "t" };
    await expect(sink.patch("ns", "other", patch)).rejects.toMatchObject({ reason: "NotFound" });
  });
});

describe("FakeEventRecorder", () => {
  test("keeps one line per event", () => {
    const recorder = new FakeEventRecorder();
    recorder.event(pod, "Normal", "Started", "container a");
    recorder.event({ kind: "Node", name: "n1" }, "Warning", "Rebooted", "m");
    expect(recorder.lines).toEqual(["Normal Started Pod/shop/web-1: container a", "Warning Rebooted Node/n1: m"]);
    expect(recorder.reasons).toEqual(["Started", "Rebooted"]);
  });
});

describe("referenceTo", () => {
  test("names a part of the object", () => {
    expect(referenceTo(pod, "spec.containers{app}")).toMatchObject({ uid: "u-1", fieldPath: "spec.containers{app}" });
    expect(referenceTo({ kind: "Node", name: "n" }, "x")).toEqual({ kind: "Node", name: "n", fieldPath: "x" });
  });
});

describe("LruCache", () => {
  test("forgets what was not used for longest", () => {
    const cache = new LruCache<number>(2);
    cache.set("a", 1);
    cache.set("b", 2);
    cache.get("a");
    cache.set("c", 3);
    expect([cache.get("a"), cache.get("b"), cache.get("c"), cache.size]).toEqual([1, undefined, 3, 2]);
  });
});

describe("TokenBucket", () => {
  test("gives its burst, then fills at its rate and no further", () => {
    const bucket = new TokenBucket({ perSecond: 2, burst: 2 }, 0);
    expect([bucket.tryTake(0), bucket.tryTake(0), bucket.tryTake(0), bucket.waitMs(0)]).toEqual([
      true,
      true,
      false,
      500,
    ]);
    expect([bucket.tryTake(499), bucket.tryTake(500)]).toEqual([false, true]);
    expect([1, 2, 3].map(() => bucket.tryTake(1_000_000))).toEqual([true, true, false]);
  });
});
