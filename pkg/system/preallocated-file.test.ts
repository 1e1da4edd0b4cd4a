import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PreallocatedFile } from "./preallocated-file.ts";

describe("PreallocatedFile", () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "berth-ahead-"));
    file = path.join(folder, "log");
  });
  afterEach(() => rm(folder, { recursive: true }));

  test("writes zeros a step ahead of the writer, never over what it wrote, and not past the bound", async () => {
    await writeFile(file, "content");
    using ahead = PreallocatedFile.open(file, { stepBytes: 1000, mostBytes: 2500 });
    ahead?.advance(1);
    expect((await stat(file)).size).toBe(1007);
    ahead?.advance(900);
    expect((await stat(file)).size).toBe(1007);
    ahead?.advance(900);
    ahead?.advance(5000);
    ahead?.advance(5000);
    expect((await stat(file)).size).toBe(3007);
    const content = await readFile(file);
    expect(content.subarray(0, 7).toString()).toBe("content");
    expect(content.subarray(7).every((byte) => byte === 0)).toBe(true);
  });

  test("is nothing when the file is missing", () => {
    expect(PreallocatedFile.open(path.join(folder, "missing"), { stepBytes: 1, mostBytes: 1 })).toBeUndefined();
  });
});
