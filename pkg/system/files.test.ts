import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { systemFiles } from "./files.ts";
import { filesSuite } from "./testing/files-suite.ts";
import { MemoryFiles } from "./testing/memory-files.ts";

filesSuite("the real file system", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "berth-files-"));
  return {
    files: systemFiles,
    folder,
    modeOf: async (file) => (await stat(file)).mode & 0o777,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
});

filesSuite("MemoryFiles", async () => {
  const files = new MemoryFiles();
  await files.makeFolder("/work");
  return {
    files,
    folder: "/work",
    modeOf: async (file) => files.modeOf(file),
    [Symbol.asyncDispose]: async () => undefined,
  };
});

describe("MemoryFiles", () => {
  test("begins with what it is given, and shows what it holds", async () => {
    const files = new MemoryFiles({ "/etc/a": "1" });
    await files.writeAtomic("/etc/b", "2");
    expect(files.snapshot()).toEqual({ "/etc/a": "1", "/etc/b": "2" });
  });

  test("fails once when told to, and changes nothing then", async () => {
    const files = new MemoryFiles({ "/f": "old" });
    files.failNext("writeAtomic", "Exhausted");
    await expect(files.writeAtomic("/f", "new")).rejects.toMatchObject({ code: "Exhausted" });
    expect(await files.readText("/f")).toBe("old");
    await files.writeAtomic("/f", "new");
    expect(await files.readText("/f")).toBe("new");
  });
});
