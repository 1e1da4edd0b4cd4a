import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { BerthError } from "./errors.ts";
import { createLogger, type Logger, type LogLevel, silentLogger } from "./log.ts";

async function linesOf(write: (log: Logger) => void, level: LogLevel = "info"): Promise<Record<string, unknown>[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "berth-log-"));
  const file = path.join(folder, "log");
  const handle = await open(file, "w");
  try {
    write(createLogger("test", level, handle.fd));
    const text = await readFile(file, "utf8");
    return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Record<string, unknown>]));
  } finally {
    await handle.close();
    await rm(folder, { recursive: true });
  }
}

describe("createLogger", () => {
  test("writes one JSON line per event, with component, level, time and fields", async () => {
    const [line] = await linesOf((log) => log.info("pod started", { pod: "ns/a", ms: 12 }));
    expect(line).toMatchObject({ level: "info", component: "test", msg: "pod started", pod: "ns/a", ms: 12 });
    expect(Date.parse(String(line?.["time"]))).not.toBeNaN();
  });

  test("leaves out what is below its level", async () => {
    const lines = await linesOf((log) => {
      log.debug("a");
      log.info("b");
      log.warn("c");
      log.error("d");
    }, "warn");
    expect(lines.map(({ msg, level }) => [msg, level])).toEqual([
      ["c", "warn"],
      ["d", "error"],
    ]);
  });

  test("errors show as message, code and cause", async () => {
    const error = new BerthError("Unavailable", "no answer", { cause: new Error("reset") });
    const [line] = await linesOf((log) => log.error("failed", { error, other: new Error("plain") }));
    expect(line).toMatchObject({ error: "no answer", errorCode: "Unavailable", errorCause: "reset", other: "plain" });
    expect(line).not.toHaveProperty("otherCode");
  });

  test("with() adds its fields to every line, and only to its own", async () => {
    const lines = await linesOf((log) => {
      const narrow = log.with({ node: "n1" }).with({ pod: "p" });
      narrow.info("a", { x: 1 });
      log.info("b");
    });
    expect(lines[0]).toMatchObject({ node: "n1", pod: "p", x: 1 });
    expect(lines[1]).not.toHaveProperty("node");
  });

  test("silentLogger takes everything and says nothing", () => {
    expect(silentLogger.with({ a: 1 }).info("x")).toBeUndefined();
  });
});
