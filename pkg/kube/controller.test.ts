import { describe, expect, test } from "vitest";
import { StatusError } from "#pkg/api/status.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { type LogFields, type Logger, silentLogger } from "#pkg/system/log.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { type Controller, type ControllerOptions, type ReconcileResult, startController } from "./controller.ts";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

class RecordingLogger implements Logger {
  readonly lines: Line[] = [];
  debug = this.#write("debug");
  info = this.#write("info");
  warn = this.#write("warn");
  error = this.#write("error");

  with(): Logger {
    return this;
  }

  #write(level: string): (message: string, fields?: LogFields) => void {
    return (message, fields = {}) => this.lines.push({ level, message, fields });
  }
}

function start(
  clock: FakeClock,
  reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult>,
  options: Partial<ControllerOptions> = {},
): Controller {
  return startController({ reconciler: { name: "test", reconcile }, clock, log: silentLogger, ...options });
}

describe("startController", () => {
  test("runs each key once, however often it was enqueued, and logs one line per run", async () => {
    const clock = new FakeClock();
    const log = new RecordingLogger();
    const seen: string[] = [];
    const reconcile = async (key: string): Promise<ReconcileResult> => {
      seen.push(key);
      return {};
    };
    await using controller = start(clock, reconcile, { log });
    for (const key of ["a", "b", "a"]) controller.enqueue(key);
    await clock.advance(0);
    expect(seen).toEqual(["a", "b"]);
    expect(log.lines.map(({ level, fields }) => [level, fields["key"]])).toEqual([
      ["debug", "a"],
      ["debug", "b"],
    ]);
    expect(controller.pending).toBe(0);
  });

  test("works on as many keys at once as it has workers, never twice on one", async () => {
    const clock = new FakeClock();
    let running = 0;
    let most = 0;
    const reconcile = async (): Promise<ReconcileResult> => {
      most = Math.max(most, ++running);
      await clock.sleep(10);
      running--;
      return {};
    };
    await using controller = start(clock, reconcile, { workers: 3 });
    for (const key of ["a", "b", "c", "d", "e"]) controller.enqueue(key);
    await clock.advance(5);
    controller.enqueue("a");
    expect([running, most, controller.pending]).toEqual([3, 3, 5]);
    await clock.advance(100);
    expect([running, most]).toEqual([0, 3]);
  });

  test("a failure comes again with growing delays, and success makes them short again", async () => {
    const clock = new FakeClock();
    const at: number[] = [];
    const reconcile = async (): Promise<ReconcileResult> => {
      at.push(clock.monotonic());
      if (at.length <= 3) throw new BerthError("Unavailable", "not yet");
      return {};
    };
    await using controller = start(clock, reconcile, { backoff: { baseMs: 10, maxMs: 1000 } });
    controller.enqueue("a");
    await clock.advance(1_000);
    expect(at).toEqual([0, 10, 30, 70]);
    controller.enqueue("a");
    await clock.advance(0);
    expect(at).toHaveLength(5);
  });

  test("Invalid is logged as an error and not tried again, a conflict is tried again quietly", async () => {
    const clock = new FakeClock();
    const log = new RecordingLogger();
    const errors = new Map<string, Error>([
      ["invalid", new BerthError("Invalid", "spec.x: no")],
      ["conflict", StatusError.modified({ group: "", resource: "pods" }, "p")],
      ["broken", new Error("broken")],
    ]);
    const runs: string[] = [];
    const reconcile = async (key: string): Promise<ReconcileResult> => {
      runs.push(key);
      const error = errors.get(key);
      errors.delete(key === "invalid" ? "" : key);
      if (error) throw error;
      return {};
    };
    await using controller = start(clock, reconcile, { log });
    for (const key of [...errors.keys()]) controller.enqueue(key);
    await clock.advance(10_000);
    expect(runs).toEqual(["invalid", "conflict", "broken", "conflict", "broken"]);
    expect(log.lines.slice(0, 3).map(({ level }) => level)).toEqual(["error", "debug", "warn"]);
  });

  test("requeueAfterMs brings the key back", async () => {
    const clock = new FakeClock();
    let runs = 0;
    await using controller = start(clock, async () => {
      runs++;
      return { requeueAfterMs: 50 };
    });
    controller.enqueue("a");
    await clock.advance(149);
    expect(runs).toBe(3);
  });

  test("nothing runs before its caches have synced", async () => {
    const clock = new FakeClock();
    const synced = Promise.withResolvers<void>();
    const seen: string[] = [];
    const reconcile = async (key: string): Promise<ReconcileResult> => {
      seen.push(key);
      return {};
    };
    await using controller = start(clock, reconcile, { waitForSync: () => synced.promise });
    controller.enqueue("a");
    await clock.advance(1_000);
    expect(seen).toEqual([]);
    synced.resolve();
    await clock.advance(0);
    expect(seen).toEqual(["a"]);
  });

  test("dispose fires the signal, waits for what runs, and starts nothing more", async () => {
    const clock = new FakeClock();
    const ended: string[] = [];
    const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult> => {
      await clock.sleep(1_000, signal).catch(() => undefined);
      ended.push(key);
      return {};
    };
    const controller = start(clock, reconcile);
    controller.enqueue("a");
    controller.enqueue("b");
    await clock.advance(0);
    await controller[Symbol.asyncDispose]();
    expect([ended, clock.waiting]).toEqual([["a"], 0]);
  });

  test("reports every run to onRun", async () => {
    const clock = new FakeClock();
    const runs: unknown[] = [];
    const reconcile = async (key: string): Promise<ReconcileResult> => {
      await clock.sleep(7);
      if (key === "bad") throw new BerthError("Invalid", "no");
      return {};
    };
    await using controller = start(clock, reconcile, {
      onRun: ({ key, durationMs, error }) => runs.push([key, durationMs, error !== undefined]),
    });
    controller.enqueue("good");
    controller.enqueue("bad");
    await clock.advance(20);
    expect(runs).toEqual([
      ["good", 7, false],
      ["bad", 7, true],
    ]);
  });
});
