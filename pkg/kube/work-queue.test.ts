import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { backoffMs } from "./backoff.ts";
import { WorkQueue } from "./work-queue.ts";

describe("backoffMs", () => {
  test("doubles from the base to the most, and is 0 without failures", () => {
    const policy = { baseMs: 5, maxMs: 30 };
    expect([0, 1, 2, 3, 4, 5, 2000].map((failures) => backoffMs(policy, failures))).toEqual([0, 5, 10, 20, 30, 30, 30]);
  });

  test("jitter spreads upwards", () => {
    const random = { float: () => 0.5, bytes: () => new Uint8Array(), uuid: () => "" };
    expect(backoffMs({ baseMs: 100, maxMs: 1000, factor: 3, jitter: 0.5 }, 2, random)).toBe(375);
  });
});

describe("WorkQueue", () => {
  test("hands out keys in order, each once", async () => {
    const queue = new WorkQueue({ clock: new FakeClock() });
    for (const key of ["a", "b", "a", "c"]) queue.add(key);
    expect([await queue.take(), await queue.take(), await queue.take(), queue.length]).toEqual(["a", "b", "c", 0]);
  });

  test("a key added while it is worked on comes again after done()", async () => {
    const queue = new WorkQueue({ clock: new FakeClock() });
    queue.add("a");
    await queue.take();
    queue.add("a");
    queue.add("a");
    expect(queue.length).toBe(0);
    queue.done("a");
    expect(await queue.take()).toBe("a");
    queue.done("a");
    expect(queue.length).toBe(0);
  });

  test("waiting takers are served in turn, and leave when their signal fires", async () => {
    const queue = new WorkQueue({ clock: new FakeClock() });
    const controller = new AbortController();
    const gone = queue.take(controller.signal);
    const [first, second] = [queue.take(), queue.take()];
    controller.abort();
    queue.add("a");
    queue.add("b");
    expect(await Promise.all([gone, first, second])).toEqual([undefined, "a", "b"]);
    expect(await queue.take(AbortSignal.abort())).toBeUndefined();
  });

  test("of two delays the earlier counts, and adding a key at once leaves its delay", async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock });
    queue.addAfter("a", 100);
    queue.addAfter("a", 50);
    queue.addAfter("a", 70);
    await clock.advance(49);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect(queue.length).toBe(1);
    queue.addAfter("b", 10);
    queue.add("b");
    expect([await queue.take(), await queue.take()]).toEqual(["a", "b"]);
    queue.done("b");
    await clock.advance(10);
    expect(await queue.take()).toBe("b");
    queue.addAfter("c", 0);
    expect(queue.length).toBe(1);
  });

  test("delays of failing keys grow until they are forgotten", async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock, backoff: { baseMs: 10, maxMs: 1000 } });
    expect([1, 2, 3].map(() => queue.addRateLimited("a"))).toEqual([10, 20, 40]);
    expect(queue.addRateLimited("b")).toBe(10);
    expect(queue.failures("a")).toBe(3);
    queue.forget("a");
    expect(queue.addRateLimited("a")).toBe(10);
  });

  test("after shutDown() nothing gets in, what is in gets out, and takers are sent home", async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock });
    queue.add("a");
    queue.addAfter("later", 10);
    queue.shutDown();
    queue.add("b");
    queue.addAfter("c", 1);
    expect([await queue.take(), await queue.take(), clock.waiting]).toEqual(["a", undefined, 0]);
    const waiting = new WorkQueue({ clock });
    const taken = waiting.take();
    waiting.shutDown();
    expect(await taken).toBeUndefined();
  });

  test("no key is ever with two workers, and every key added is worked on afterwards", async () => {
    const step = fc.record({
      key: fc.constantFrom("a", "b", "c"),
      act: fc.constantFrom("add", "take", "done", "later"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step), async (steps) => {
        const clock = new FakeClock();
        const queue = new WorkQueue({ clock });
        const working = new Set<string>();
        const owed = new Set<string>();
        const owedLater = new Set<string>();
        for (const { key, act } of steps) {
          if (act === "take" && queue.length > 0) {
            const taken = (await queue.take()) ?? "";
            expect(working.has(taken)).toBe(false);
            working.add(taken);
            owed.delete(taken);
          } else if (act === "done" && working.delete(key)) queue.done(key);
          else if (act === "later") {
            owedLater.add(key);
            queue.addAfter(key, 1);
          } else if (act === "add") {
            owed.add(key);
            queue.add(key);
          }
        }
        await clock.advance(1);
        for (const key of working) queue.done(key);
        const rest: string[] = [];
        while (queue.length > 0) rest.push((await queue.take()) ?? "");
        expect(rest.toSorted()).toEqual([...owed.union(owedLater)].sort());
      }),
    );
  });
});
