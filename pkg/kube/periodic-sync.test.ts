import { describe, expect, test } from "vitest";
import { silentLogger } from "#pkg/system/log.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { type PeriodicSync, type PeriodicSyncOptions, startPeriodicSync } from "./periodic-sync.ts";

class Fixture {
  readonly clock = new FakeClock();
  /** When runs started. */
  readonly at: number[] = [];
  failures = 0;
  durationMs = 0;

  start(options: Partial<PeriodicSyncOptions> = {}): PeriodicSync {
    return startPeriodicSync({
      name: "test",
      minMs: 1_000,
      retryMs: 2_000,
      maxMs: 60_000,
      clock: this.clock,
      log: silentLogger,
      sync: async (signal) => {
        this.at.push(this.clock.monotonic());
        if (this.durationMs > 0) await this.clock.sleep(this.durationMs, signal);
        if (this.failures-- > 0) throw new Error("not now");
      },
      ...options,
    });
  }
}

describe("startPeriodicSync", () => {
  test("runs at once, then at the longest interval without any trigger", async () => {
    const fixture = new Fixture();
    await using _loop = fixture.start();
    await fixture.clock.advance(120_000);
    expect(fixture.at).toEqual([0, 60_000, 120_000]);
  });

  test("many triggers make one run, not sooner than the least interval", async () => {
    const fixture = new Fixture();
    await using loop = fixture.start();
    await fixture.clock.advance(400);
    for (let count = 0; count < 10; count++) loop.trigger();
    await fixture.clock.advance(10_000);
    expect(fixture.at).toEqual([0, 1_000]);
    loop.trigger();
    await fixture.clock.advance(0);
    expect(fixture.at).toEqual([0, 1_000, 10_400]);
  });

  test("triggers during a run make one run after it", async () => {
    const fixture = new Fixture();
    fixture.durationMs = 3_000;
    await using loop = fixture.start();
    await fixture.clock.advance(1_500);
    loop.trigger();
    loop.trigger();
    await fixture.clock.advance(10_000);
    expect(fixture.at).toEqual([0, 3_000]);
  });

  test("a failed run is tried again after the retry interval", async () => {
    const fixture = new Fixture();
    fixture.failures = 2;
    await using _loop = fixture.start();
    await fixture.clock.advance(30_000);
    expect(fixture.at).toEqual([0, 2_000, 4_000]);
  });

  test("a trigger does not have to wait for the retry interval", async () => {
    const fixture = new Fixture();
    fixture.failures = 1;
    await using loop = fixture.start();
    await fixture.clock.advance(100);
    loop.trigger();
    await fixture.clock.advance(1_000);
    expect(fixture.at).toEqual([0, 1_000]);
  });

  test("nothing runs before its caches have synced", async () => {
    const fixture = new Fixture();
    const synced = Promise.withResolvers<void>();
    await using loop = fixture.start({ waitForSync: () => synced.promise });
    loop.trigger();
    await fixture.clock.advance(100_000);
    expect(fixture.at).toEqual([]);
    synced.resolve();
    await fixture.clock.advance(0);
    expect(fixture.at).toEqual([100_000]);
  });

  test("flush() resolves after a run that began later, through failures", async () => {
    const fixture = new Fixture();
    fixture.durationMs = 500;
    await using loop = fixture.start();
    await fixture.clock.advance(100);
    fixture.failures = 2;
    let flushedAt = -1;
    const flushed = loop.flush().then(() => {
      flushedAt = fixture.clock.monotonic();
    });
    await fixture.clock.advance(20_000);
    await flushed;
    expect(fixture.at.slice(0, 3)).toEqual([0, 1_000, 3_500]);
    expect(flushedAt).toBe(4_000);
  });

  test("dispose ends a running sync and rejects flushes", async () => {
    const fixture = new Fixture();
    fixture.durationMs = 5_000;
    const loop = fixture.start();
    await fixture.clock.advance(100);
    const flushed = expect(loop.flush()).rejects.toMatchObject({ code: "Aborted" });
    await loop[Symbol.asyncDispose]();
    await flushed;
    await expect(loop.flush()).rejects.toMatchObject({ code: "Aborted" });
    expect(fixture.clock.waiting).toBe(0);
  });
});
