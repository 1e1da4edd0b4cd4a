/** Mounts and subPaths on the machine's own kernel, below a temporary folder. */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, statfs, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemRunner } from "#pkg/system/exec.ts";
import { systemKernelFiles } from "#pkg/system/kernel-files.ts";
import { createMounts } from "#pkg/system/mounts.ts";
import { systemTreeFiles } from "#pkg/system/tree-files.ts";

const mounts = createMounts(systemRunner, systemKernelFiles);
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "berth mounts-"));
});
afterEach(async () => {
  for (const { target } of await mounts.below(folder)) await mounts.unmount(target);
  await rm(folder, { recursive: true });
});

describe("createMounts", () => {
  test("a tmpfs is mounted once, with its size, and comes off", async () => {
    const target = path.join(folder, "t");
    await mkdir(target);
    await mounts.mountTmpfs(target, { sizeBytes: 2 ** 20 });
    await mounts.mountTmpfs(target, { sizeBytes: 2 ** 20 });
    expect(await mounts.below(folder)).toEqual([{ target, type: "tmpfs" }]);
    const facts = await statfs(target);
    expect(facts.blocks * facts.bsize).toBe(2 ** 20);
    await mounts.unmount(target);
    await mounts.unmount(target);
    expect(await mounts.below(folder)).toEqual([]);
  });

  test("a busy mount is told as a conflict", async () => {
    const target = path.join(folder, "t");
    await mkdir(path.join(target), { recursive: true });
    await mounts.mountTmpfs(target);
    await using _user = await systemRunner.spawn({ argv: ["sleep", "60"], cwd: target });
    await expect(mounts.unmount(target)).rejects.toMatchObject({ code: "Conflict" });
  });

  test("removal stops at what is still mounted", async () => {
    const target = path.join(folder, "pod/volumes/t");
    await mkdir(target, { recursive: true });
    await mounts.mountTmpfs(target);
    await writeFile(path.join(target, "kept"), "x");
    await expect(systemTreeFiles.remove(path.join(folder, "pod"))).rejects.toMatchObject({ code: "Conflict" });
    expect(await readdir(target)).toEqual(["kept"]);
  });

  test("what was opened is what is bound, whatever the name leads to by then", async () => {
    const volume = path.join(folder, "v");
    await mkdir(path.join(volume, "in"), { recursive: true });
    await writeFile(path.join(volume, "in/file"), "inside");
    await mkdir(path.join(folder, "host"));
    await writeFile(path.join(folder, "host/file"), "outside");
    const target = path.join(folder, "target");
    await mkdir(target);
    await using entry = await systemTreeFiles.openBelow(volume, "in", 0o755);
    await rename(path.join(volume, "in"), path.join(volume, "moved"));
    await symlink(path.join(folder, "host"), path.join(volume, "in"));
    await mounts.bind(entry.path, target);
    expect(await readFile(path.join(target, "file"), "utf8")).toBe("inside");
    expect((await stat(target)).isDirectory()).toBe(true);
  });

  test("a single file is bound", async () => {
    await mkdir(path.join(folder, "v"));
    await writeFile(path.join(folder, "v/file"), "content");
    await writeFile(path.join(folder, "target"), "");
    await using entry = await systemTreeFiles.openBelow(path.join(folder, "v"), "file", 0o755);
    await mounts.bind(entry.path, path.join(folder, "target"));
    expect(await readFile(path.join(folder, "target"), "utf8")).toBe("content");
  });
});
