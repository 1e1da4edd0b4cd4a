import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CacheEvent, EventRing } from "./event-ring.ts";
import { StoredEntry } from "./stored-entry.ts";

function event(revision: number, atMs = 0): CacheEvent {
  return new CacheEvent(revision, "a", undefined, new StoredEntry({ metadata: { name: "a" } }, revision), atMs);
}

function held(ring: EventRing): number[] {
  return Array.from({ length: ring.end - ring.first }, (_, index) => ring.at(ring.first + index).revision);
}

describe("EventRing", () => {
  const limits = { minCapacity: 4, maxCapacity: 16, keepMs: 1000 };

  test("grows while its oldest event is young, up to the most", () => {
    const ring = new EventRing(10, limits);
    for (let revision = 11; revision <= 40; revision++) ring.append(event(revision));
    expect(ring.capacity).toBe(16);
    expect(held(ring)).toEqual(Array.from({ length: 16 }, (_, index) => 25 + index));
    expect(ring.completeAfter).toBe(24);
  });

  test("drops the oldest when it is old, and shrinks when most of it is", () => {
    const ring = new EventRing(0, limits);
    for (let revision = 1; revision <= 8; revision++) ring.append(event(revision, 0));
    ring.append(event(9, 5000));
    expect(ring.capacity).toBe(4);
    expect(held(ring)).toEqual([6, 7, 8, 9]);
    ring.append(event(10, 5001));
    expect([held(ring), ring.completeAfter]).toEqual([[7, 8, 9, 10], 6]);
  });

  test("reset forgets events but never reuses their numbers", () => {
    const ring = new EventRing(0, limits);
    ring.append(event(1));
    const { end } = ring;
    ring.reset(9);
    expect(ring.first).toBeGreaterThan(end);
    expect([held(ring), ring.completeAfter]).toEqual([[], 9]);
  });

  test("holds a suffix of what came, and says from which revision on it is complete", () => {
    const steps = fc.array(fc.record({ gapMs: fc.integer({ min: 0, max: 700 }), sameRevision: fc.boolean() }), {
      maxLength: 80,
    });
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 90 }), (list, asked) => {
        const ring = new EventRing(0, limits);
        const all: number[] = [];
        let revision = 1;
        let atMs = 0;
        for (const { gapMs, sameRevision } of list) {
          atMs += gapMs;
          if (!sameRevision) revision++;
          ring.append(event(revision, atMs));
          all.push(revision);
        }
        expect(held(ring)).toEqual(all.slice(all.length - (ring.end - ring.first)));
        expect(ring.capacity).toBeLessThanOrEqual(limits.maxCapacity);
        const after = all.filter((one) => one > asked);
        if (asked >= ring.completeAfter) expect(ring.end - ring.numberAfter(asked)).toBe(after.length);
        else expect(ring.end - ring.first).toBeLessThan(after.length);
      }),
    );
  });
});

describe("CacheEvent", () => {
  test("gone is the state before with the revision of the event, made once", () => {
    const previous = new StoredEntry({ metadata: { name: "a", resourceVersion: "3" } }, 3);
    const deletion = new CacheEvent(7, "a", previous, undefined, 0);
    expect(deletion.gone.object.metadata).toEqual({ name: "a", resourceVersion: "7" });
    expect(deletion.gone.revision).toBe(7);
    expect(deletion.gone).toBe(deletion.gone);
    expect(previous.object.metadata.resourceVersion).toBe("3");
  });
});
