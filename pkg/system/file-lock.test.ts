import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemRunner } from "./exec.ts";
import { lockFile } from "./file-lock.ts";

describe("lockFile", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "berth-lock-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test("is held by one until it is released", async () => {
    const file = path.join(folder, "lock");
    const first = await lockFile(file);
    await expect(lockFile(file)).rejects.toMatchObject({ code: "Unavailable", details: { file, pid: process.pid } });
    await first[Symbol.asyncDispose]();
    await using _second = await lockFile(file);
  });

  test("keeps other processes out, and a dead one holds nothing", async () => {
    const file = path.join(folder, "lock");
    const module = path.join(import.meta.dirname, "file-lock.ts");
    const script = `const { lockFile } = await import(${JSON.stringify(module)});
      await lockFile(${JSON.stringify(file)}).then(() => console.log("locked"), (error) => console.log(error.message));
      process.kill(process.pid, "SIGKILL");`;
    const run = async (): Promise<string> => {
      const argv: [string, ...string[]] = ["sh", "-c", '"$@" || true', "sh", process.execPath, "-e", script];
      return (await systemRunner.run({ argv })).stdout.trim();
    };
    const held = await lockFile(file);
    expect(await run()).toBe(`${file} is locked by process ${process.pid}`);
    await held[Symbol.asyncDispose]();
    expect(await run()).toBe("locked");
    await using _mine = await lockFile(file);
  });
});
