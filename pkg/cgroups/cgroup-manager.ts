/**
 * The only writer of pod cgroups. Works on any tree: the root folder is an argument, so tests use a temporary one.
 * Idempotent throughout; existing hierarchies outside its parent are never touched.
 */
import path from "node:path";
import { BerthError, hasCode, isNotFound } from "#pkg/system/errors.ts";
import type { KernelFiles } from "#pkg/system/kernel-files.ts";
import type { CgroupPath } from "./hierarchy.ts";
import type { CgroupValues } from "./pod-cgroup.ts";
import {
  type CgroupFileTexts,
  type CgroupStats,
  parseStatsV1,
  parseStatsV2,
  statFilesV1,
  statFilesV2,
} from "./stats.ts";
import { type CgroupVersion, cgroupWrites } from "./writes.ts";

/** Controllers the agent makes cgroups in. On v1 each has its own mount; cpuset, devices and the like are left to the runtime. */
const controllersV1 = ["cpu", "cpuacct", "memory", "pids", "freezer", "blkio", "cpuset", "devices"] as const;
const controllersV2 = ["cpu", "memory", "pids", "cpuset", "io", "hugetlb"] as const;

export interface CgroupManager {
  readonly version: CgroupVersion;
  /** Makes the cgroup (and its parents) where it is missing, then sets the values. */
  ensure(cgroup: CgroupPath, values: CgroupValues): Promise<void>;
  exists(cgroup: CgroupPath): Promise<boolean>;
  /** Names of the cgroups directly below, sorted. */
  children(cgroup: CgroupPath): Promise<readonly string[]>;
  /** Ends what still runs inside and removes the cgroup with all below it; harmless when it is not there. */
  remove(cgroup: CgroupPath): Promise<void>;
  processes(cgroup: CgroupPath): Promise<readonly number[]>;
  /** Throws "NotFound" when there is no such cgroup. */
  stats(cgroup: CgroupPath): Promise<CgroupStats>;
}

/** "v2" where the unified hierarchy is mounted at `root`; else "v1", also in hybrid mode. */
export async function detectCgroupVersion(root: string, files: KernelFiles): Promise<CgroupVersion> {
  if (await files.exists(path.join(root, "cgroup.controllers"))) return "v2";
  if (await files.exists(path.join(root, "memory"))) return "v1";
  throw new BerthError("Unsupported", `no cgroup hierarchy with a memory controller is mounted at ${root}`);
}

export interface CgroupManagerOptions {
  /** Usually "/sys/fs/cgroup". */
  readonly root: string;
  readonly version: CgroupVersion;
  readonly files: KernelFiles;
  /** Sends SIGKILL. */
  readonly kill: (pid: number) => void;
}

export function createCgroupManager(options: CgroupManagerOptions): CgroupManager {
  return options.version === "v2" ? new UnifiedCgroups(options) : new SplitCgroups(options);
}

abstract class TreeCgroups implements CgroupManager {
  abstract readonly version: CgroupVersion;
  protected readonly options: CgroupManagerOptions;

  constructor(options: CgroupManagerOptions) {
    this.options = options;
  }

  /** Folders that make up one cgroup: one on v2, one per mounted controller on v1. */
  protected abstract folders(cgroup: CgroupPath): Promise<readonly string[]>;
  /** Also those in hierarchies only the runtime makes cgroups in. */
  protected abstract allFolders(cgroup: CgroupPath): Promise<readonly string[]>;
  protected abstract prepare(cgroup: CgroupPath): Promise<void>;
  protected abstract fileOf(cgroup: CgroupPath, controller: string, file: string): string;
  abstract stats(cgroup: CgroupPath): Promise<CgroupStats>;

  async ensure(cgroup: CgroupPath, values: CgroupValues): Promise<void> {
    await this.prepare(cgroup);
    for (const { controller, file, value } of cgroupWrites(this.version, values)) {
      await this.options.files.write(this.fileOf(cgroup, controller, file), value);
    }
  }

  async exists(cgroup: CgroupPath): Promise<boolean> {
    return this.options.files.exists(this.fileOf(cgroup, "memory", ""));
  }

  async children(cgroup: CgroupPath): Promise<readonly string[]> {
    return this.options.files.listFolders(this.fileOf(cgroup, "memory", ""));
  }

  async processes(cgroup: CgroupPath): Promise<readonly number[]> {
    const found = new Set<number>();
    for (const folder of await this.folders(cgroup)) for (const pid of await this.processesIn(folder)) found.add(pid);
    return [...found];
  }

  async remove(cgroup: CgroupPath): Promise<void> {
    for (const folder of await this.allFolders(cgroup)) await this.removeTree(folder);
  }

  protected async readTexts(files: readonly (readonly [string, string])[]): Promise<CgroupFileTexts> {
    const texts: Record<string, string | undefined> = {};
    await Promise.all(
      files.map(async ([name, file]) => {
        texts[name] = await this.options.files.read(file).catch(() => undefined);
      }),
    );
    return texts;
  }

  /** A folder of the kernel can be removed once it is empty of processes; ending them takes a moment. */
  private async removeTree(folder: string): Promise<void> {
    const { files, kill } = this.options;
    for (const child of await files.listFolders(folder)) await this.removeTree(path.join(folder, child));
    for (let attempt = 0; ; attempt++) {
      for (const pid of await this.processesIn(folder)) kill(pid);
      try {
        await files.removeFolder(folder);
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        if (!hasCode(error, "Conflict") || attempt >= maxRemoveAttempts) throw error;
      }
    }
  }

  private async processesIn(folder: string): Promise<readonly number[]> {
    const text = await this.options.files.read(path.join(folder, "cgroup.procs")).catch(() => "");
    return text.split("\n").flatMap((line) => (line === "" ? [] : Number(line)));
  }
}

/** Each attempt reads and kills, which takes the kernel long enough to be a pause by itself. */
const maxRemoveAttempts = 200;

class UnifiedCgroups extends TreeCgroups {
  readonly version = "v2";

  protected async folders(cgroup: CgroupPath): Promise<readonly string[]> {
    return [this.fileOf(cgroup, "", "")];
  }

  protected allFolders(cgroup: CgroupPath): Promise<readonly string[]> {
    return this.folders(cgroup);
  }

  protected fileOf(cgroup: CgroupPath, _controller: string, file: string): string {
    return path.join(this.options.root, cgroup, file);
  }

  /** A controller works in a cgroup only when every parent hands it down. */
  protected async prepare(cgroup: CgroupPath): Promise<void> {
    const { files, root } = this.options;
    const parts = cgroup.split("/").filter((part) => part !== "");
    let folder = root;
    for (const part of parts) {
      await this.delegate(folder);
      folder = path.join(folder, part);
      await files.makeFolder(folder);
    }
  }

  private async delegate(folder: string): Promise<void> {
    const { files } = this.options;
    const available = (await files.read(path.join(folder, "cgroup.controllers")).catch(() => "")).trim().split(" ");
    const active = (await files.read(path.join(folder, "cgroup.subtree_control")).catch(() => "")).trim().split(" ");
    const missing = controllersV2.filter((name) => available.includes(name) && !active.includes(name));
    if (missing.length > 0)
      await files.write(path.join(folder, "cgroup.subtree_control"), missing.map((name) => `+${name}`).join(" "));
  }

  async stats(cgroup: CgroupPath): Promise<CgroupStats> {
    if (!(await this.exists(cgroup))) throw new BerthError("NotFound", `no cgroup ${cgroup}`);
    return parseStatsV2(await this.readTexts(statFilesV2.map((file) => [file, this.fileOf(cgroup, "", file)])));
  }
}

class SplitCgroups extends TreeCgroups {
  readonly version = "v1";

  protected async folders(cgroup: CgroupPath): Promise<readonly string[]> {
    const mounted: string[] = [];
    for (const controller of controllersV1) {
      if (await this.options.files.exists(path.join(this.options.root, controller)))
        mounted.push(this.fileOf(cgroup, controller, ""));
    }
    // cpu and cpuacct are often one mount under two names: removing twice is harmless.
    return mounted;
  }

  protected async allFolders(cgroup: CgroupPath): Promise<readonly string[]> {
    const hierarchies = await this.options.files.listFolders(this.options.root);
    return hierarchies.map((hierarchy) => this.fileOf(cgroup, hierarchy, ""));
  }

  protected fileOf(cgroup: CgroupPath, controller: string, file: string): string {
    return path.join(this.options.root, controller, cgroup, file);
  }

  protected async prepare(cgroup: CgroupPath): Promise<void> {
    for (const folder of await this.folders(cgroup)) await this.options.files.makeFolder(folder);
    await this.inheritCpuset(cgroup);
  }

  /** A new v1 cpuset is empty and takes no process until it has CPUs and memory nodes of its own. */
  private async inheritCpuset(cgroup: CgroupPath): Promise<void> {
    const { files, root } = this.options;
    if (!(await files.exists(path.join(root, "cpuset", "cpuset.cpus")))) return;
    let folder = path.join(root, "cpuset");
    for (const part of cgroup.split("/").filter((name) => name !== "")) {
      const parent = folder;
      folder = path.join(folder, part);
      for (const file of ["cpuset.cpus", "cpuset.mems"]) {
        const own = await files.read(path.join(folder, file)).catch(() => "");
        if (own.trim() !== "") continue;
        const inherited = (await files.read(path.join(parent, file))).trim();
        await files.write(path.join(folder, file), inherited);
      }
    }
  }

  async stats(cgroup: CgroupPath): Promise<CgroupStats> {
    if (!(await this.exists(cgroup))) throw new BerthError("NotFound", `no cgroup ${cgroup}`);
    const files = Object.entries(statFilesV1).flatMap(([controller, names]) =>
      names.map((name) => [name, this.fileOf(cgroup, controller, name)] as const),
    );
    return parseStatsV1(await this.readTexts(files));
  }
}
