import { describe, expect, test } from "vitest";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { ProxyHealth } from "./proxy-health.ts";

describe("ProxyHealth", () => {
  test("a change that waits for too long is a sickness, until it is written", async () => {
    const clock = new FakeClock();
    const health = new ProxyHealth(clock, 60_000);
    await clock.advance(3_600_000);
    expect(health.livez().isHealthy).toBe(true);
    health.noteQueued("IPv4");
    await clock.advance(60_000);
    expect(health.isHealthy).toBe(true);
    await clock.advance(1);
    expect(health.livez()).toMatchObject({ isHealthy: false, body: { lastUpdated: "2026-01-01T00:00:00.000Z" } });
    health.noteSynced("IPv6", clock.now());
    expect(health.isHealthy).toBe(false);
    health.noteSynced("IPv4", clock.now());
    expect(health.isHealthy).toBe(true);
  });

  test("what arrived while rules were written still waits", async () => {
    const clock = new FakeClock();
    const health = new ProxyHealth(clock, 60_000);
    health.noteQueued("IPv4");
    const startedAt = clock.now();
    await clock.advance(500);
    health.noteQueued("IPv4");
    health.noteSynced("IPv4", startedAt);
    await clock.advance(60_001);
    expect(health.isHealthy).toBe(false);
  });
});
