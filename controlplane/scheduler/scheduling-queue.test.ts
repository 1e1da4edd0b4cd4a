import { describe, expect, test } from "vitest";
import type { Pod } from "#pkg/api/core/v1.ts";
import { SchedulingQueue } from "./scheduling-queue.ts";

const pod = (priority = 0, generation = 1): Pod => ({ metadata: { generation }, spec: { containers: [], priority } });

describe("SchedulingQueue", () => {
  test("gives the highest priority first, then the oldest", () => {
    const queue = new SchedulingQueue();
    queue.add("old", pod(), 0);
    queue.add("new", pod(), 1);
    queue.add("important", pod(5), 2);
    expect([queue.pop(3)?.key, queue.pop(3)?.key, queue.pop(3)?.key, queue.pop(3)]).toEqual([
      "important",
      "old",
      "new",
      undefined,
    ]);
  });

  test("an unschedulable pod waits for an event, then for its back-off, which doubles up to ten seconds", () => {
    const queue = new SchedulingQueue();
    queue.add("a", pod(), 0);
    let now = 0;
    const waits: number[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      expect(queue.pop(now)?.attempts).toBe(attempt + 1);
      queue.failed("a", now);
      expect(queue.pop(now)).toBeUndefined();
      queue.wake("nodeAdded", now);
      const ready = queue.nextReadyMs(now) ?? 0;
      expect(queue.pop(ready - 1)).toBeUndefined();
      waits.push(ready - now);
      now = ready;
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  test("an event during the try is not missed", () => {
    const queue = new SchedulingQueue();
    queue.add("a", pod(), 0);
    queue.pop(0);
    queue.wake("nodeAdded", 1);
    queue.failed("a", 2);
    expect(queue.size).toEqual({ active: 0, backoff: 1, unschedulable: 0 });
    expect(queue.pop(1000)?.key).toBe("a");
  });

  test("without any event a pod is tried again after five minutes", () => {
    const queue = new SchedulingQueue();
    queue.add("a", pod(), 0);
    queue.pop(0);
    queue.failed("a", 0);
    expect(queue.nextReadyMs(1)).toBe(300_000);
    expect(queue.pop(299_999)).toBeUndefined();
    expect(queue.pop(300_000)?.key).toBe("a");
  });

  test("a changed pod is tried again; one that was deleted is not", () => {
    const queue = new SchedulingQueue();
    queue.add("a", pod(), 0);
    queue.pop(0);
    queue.failed("a", 0);
    queue.add("a", pod(0, 1), 1);
    expect(queue.size.unschedulable).toBe(1);
    queue.add("a", pod(0, 2), 2);
    expect(queue.size.unschedulable).toBe(0);
    queue.remove("a");
    expect(queue.pop(100_000)).toBeUndefined();
  });
});
