/**
 * The embedded store on a file system that runs full: a tmpfs of 24 MiB, mounted in a mount namespace of its own so that
 * the machine never sees it. The store runs in a process inside; needs root.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

interface Line {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Runs test/harness/store-filler.ts inside and returns what it told. */
async function fill(mountPoint: string, mode: "hard" | "reserve"): Promise<readonly Line[]> {
  const script = path.join(import.meta.dirname, "../harness/store-filler.ts");
  const mountAndRun = 'mount -t tmpfs -o size=24m tmpfs "$1" && shift && exec "$@"';
  const child = spawn(
    "unshare",
    [
      "--mount",
      "--propagation",
      "private",
      "sh",
      "-c",
      mountAndRun,
      "sh",
      mountPoint,
      process.execPath,
      script,
      mountPoint,
      mode,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let failure = "";
  child.stderr.on("data", (chunk: Buffer) => {
    failure += chunk.toString();
  });
  const lines: Line[] = [];
  const reader = createInterface(child.stdout);
  reader.on("line", (line) => lines.push(JSON.parse(line) as Line));
  const exitCode = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (exitCode !== 0) throw new Error(`the store's process failed: ${failure}`);
  return lines;
}

describe("the embedded store on a full disk", () => {
  let mountPoint: string;
  beforeEach(async () => {
    mountPoint = await mkdtemp(path.join(tmpdir(), "berth-full-"));
  });
  afterEach(() => rm(mountPoint, { recursive: true, force: true }));

  test("refuses writes with a clear error, keeps reading, and goes on by itself when there is room", async () => {
    const lines = await fill(mountPoint, "hard");
    expect(lines.map((line) => line.event)).toEqual(["full", "reads", "status", "healed", "reopened"]);
    const [full, reads, status, healed, reopened] = lines;
    expect(full).toMatchObject({ code: "Exhausted", message: expect.stringContaining("database space exceeded") });
    expect(reads).toMatchObject({ count: full?.["acknowledged"] });
    expect(status).toMatchObject({ reason: expect.stringContaining("database space exceeded") });
    // Not one revision was used up by what could not be written.
    expect(healed).toMatchObject({ revision: Number(full?.["acknowledged"]) + 2 });
    expect(reopened).toMatchObject({ count: Number(full?.["acknowledged"]) + 1, asides: [] });
  });

  test("keeps enough room to delete and compact its way out", async () => {
    const lines = await fill(mountPoint, "reserve");
    expect(lines.map((line) => line.event)).toEqual(["full", "deleted", "healed", "reopened"]);
    const [full, , healed] = lines;
    expect(full).toMatchObject({ code: "Exhausted", message: expect.stringContaining("kept free") });
    expect(healed).toMatchObject({ succeeded: true });
    expect(lines[3]).toMatchObject({ asides: [] });
  });
});
