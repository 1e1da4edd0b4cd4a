/** The cgroup manager on temporary trees for both versions, and on the machine's own hierarchy in a subtree of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type CgroupManager, createCgroupManager, detectCgroupVersion } from "#pkg/cgroups/cgroup-manager.ts";
import type { CgroupPath } from "#pkg/cgroups/hierarchy.ts";
import { systemKernelFiles } from "#pkg/system/kernel-files.ts";

const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
};
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function temporaryTree(): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), "berth-cgroups-"));
  cleanups.push(() => rm(root, { recursive: true, force: true }));
  return root;
}

describe("createCgroupManager on a temporary tree", () => {
  test("v2: hands controllers down from parent to child before it writes", async () => {
    const root = await temporaryTree();
    await writeFile(path.join(root, "cgroup.controllers"), "cpu memory pids io\n");
    await writeFile(path.join(root, "cgroup.subtree_control"), "cpu\n");
    await mkdir(path.join(root, "kubepods/podx"), { recursive: true });
    for (const file of ["cpu.weight", "memory.max"]) await writeFile(path.join(root, "kubepods/podx", file), "");
    expect(await detectCgroupVersion(root, systemKernelFiles)).toBe("v2");
    const manager = createCgroupManager({ root, version: "v2", files: systemKernelFiles, kill });
    await manager.ensure("/kubepods/podx", { cpuShares: 1024, memoryLimitBytes: 4096 });
    expect(await readFile(path.join(root, "cgroup.subtree_control"), "utf8")).toContain("+memory +pids +io");
    expect(await readFile(path.join(root, "kubepods/podx/cpu.weight"), "utf8")).toBe("39");
    expect(await readFile(path.join(root, "kubepods/podx/memory.max"), "utf8")).toBe("4096");
  });

  test("a refused value is an error that names the file and the value", async () => {
    const root = await temporaryTree();
    await mkdir(path.join(root, "memory"));
    const manager = createCgroupManager({ root, version: "v1", files: systemKernelFiles, kill });
    await expect(manager.ensure("/kubepods", { memoryLimitBytes: 4096 })).rejects.toThrow(
      /write "4096" to .*memory\.limit_in_bytes/,
    );
  });
});

describe("createCgroupManager on this machine", () => {
  const parent: CgroupPath = `/berth-test-${process.pid}`;

  async function open(): Promise<CgroupManager> {
    const version = await detectCgroupVersion("/sys/fs/cgroup", systemKernelFiles);
    const manager = createCgroupManager({ root: "/sys/fs/cgroup", version, files: systemKernelFiles, kill });
    cleanups.push(() => manager.remove(parent));
    return manager;
  }

  test("sets values that the kernel gives back, counts, and removes everything with what runs inside", async () => {
    const manager = await open();
    const pod: CgroupPath = `${parent}/kubepods/podx`;
    await manager.ensure(`${parent}/kubepods`, { memoryLimitBytes: 256 * 2 ** 20 });
    await manager.ensure(pod, {
      cpuShares: 512,
      cpuQuotaUs: 20_000,
      cpuPeriodUs: 100_000,
      memoryLimitBytes: 64 * 2 ** 20,
      pidsLimit: 20,
    });
    await manager.ensure(pod, { cpuShares: 512, memoryLimitBytes: 32 * 2 ** 20 });
    const child = spawn("sleep", ["600"]);
    const exited = once(child, "exit");
    const procs =
      manager.version === "v1"
        ? ["cpu", "memory", "pids"].map((name) => `/sys/fs/cgroup/${name}${pod}`)
        : [`/sys/fs/cgroup${pod}`];
    for (const folder of procs) await writeFile(`${folder}/cgroup.procs`, String(child.pid));
    expect(await manager.processes(pod)).toEqual([child.pid]);
    const stats = await manager.stats(pod);
    expect(stats.memoryLimitBytes).toBe(32 * 2 ** 20);
    expect(stats.processes).toBe(1);
    expect(await manager.children(`${parent}/kubepods`)).toEqual(["podx"]);
    await manager.remove(parent);
    await exited;
    expect(await manager.exists(parent)).toBe(false);
    await manager.remove(parent);
    await expect(manager.stats(pod)).rejects.toMatchObject({ code: "NotFound" });
  });
});
