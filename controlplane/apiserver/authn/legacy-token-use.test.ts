import { beforeEach, describe, expect, test } from "vitest";
import type { Secret } from "#pkg/api/core/v1.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { MemoryObjects } from "../testing/memory-objects.ts";
import { createLegacyTokenMarker } from "./legacy-token-use.ts";

const label = "kubernetes.io/legacy-token-last-used";
let objects: MemoryObjects;
let clock: FakeClock;
let errors: unknown[];
let writes: number;

beforeEach(() => {
  objects = new MemoryObjects();
  clock = new FakeClock(Date.UTC(2026, 2, 1, 23, 0));
  errors = [];
  writes = 0;
  objects.put("", "secrets", { metadata: { namespace: "shop", name: "t", labels: { a: "b" } } });
  const update = objects.update.bind(objects);
  objects.update = (...parameters) => {
    writes++;
    return update(...parameters);
  };
});

const secret = () => objects.get("", "secrets", "shop", "t") as Secret;

describe("createLegacyTokenMarker", () => {
  test("marks the day of use, once a day", async () => {
    const mark = createLegacyTokenMarker(objects, clock, (error) => errors.push(error));
    const stale = secret();
    mark(stale);
    mark(stale);
    await clock.advance(0);
    expect(secret().metadata.labels).toEqual({ a: "b", [label]: "2026-03-01" });
    mark(secret());
    expect(writes).toBe(1);
    await clock.advance(2 * 3600_000);
    mark(secret());
    await clock.advance(0);
    expect(secret().metadata.labels?.[label]).toBe("2026-03-02");
  });

  test("tries again with the next use when the write fails", async () => {
    const mark = createLegacyTokenMarker(objects, clock, (error) => errors.push(error));
    const stale = secret();
    objects.put("", "secrets", { metadata: { ...stale.metadata, labels: {} } });
    mark(stale);
    await clock.advance(0);
    expect(errors).toHaveLength(1);
    mark(secret());
    await clock.advance(0);
    expect(secret().metadata.labels?.[label]).toBe("2026-03-01");
  });
});
