/** What the machine is: read once at the start. The parsers are pure. */
import os from "node:os";
import { readDiskSpace } from "#pkg/system/disk-space.ts";
import type { KernelFiles } from "#pkg/system/kernel-files.ts";
import { hasCapability } from "./capabilities.ts";

export interface MachineInfo {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Of the file system with the agent's folder. */
  readonly diskBytes: number;
  /** By size, "hugepages-2Mi" to bytes. */
  readonly hugepages: Readonly<Record<string, number>>;
  readonly maxPids: number | undefined;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  /** "amd64", "arm64" */
  readonly architecture: string;
  /** Lowest oom_score_adj that can be set here; undefined: any. */
  readonly lowestOomScoreAdj: number | undefined;
}

const architectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", arm: "arm" };

export async function readMachineInfo(files: KernelFiles, rootFolder: string): Promise<MachineInfo> {
  const read = (file: string): Promise<string> => files.read(file).catch(() => "");
  const trimmed = async (file: string): Promise<string> => (await read(file)).trim();
  const [memory, release, status, score] = await Promise.all(
    ["/proc/meminfo", "/etc/os-release", "/proc/self/status", "/proc/self/oom_score_adj"].map(read),
  );
  const machineId = (await trimmed("/etc/machine-id")) || (await trimmed("/var/lib/dbus/machine-id"));
  return {
    cpus: os.cpus().length,
    memoryBytes: parseMemoryTotal(memory ?? ""),
    diskBytes: (await readDiskSpace(rootFolder)).totalBytes,
    hugepages: await readHugepages(files),
    maxPids: Number(await trimmed("/proc/sys/kernel/pid_max")) || undefined,
    machineId,
    systemUuid: (await trimmed("/sys/class/dmi/id/product_uuid")) || machineId,
    bootId: await trimmed("/proc/sys/kernel/random/boot_id"),
    kernelVersion: os.release(),
    osImage: parseOsName(release ?? ""),
    architecture: architectures[os.arch()] ?? os.arch(),
    lowestOomScoreAdj: hasCapability(status ?? "", "CAP_SYS_RESOURCE") ? undefined : Number((score ?? "").trim()) || 0,
  };
}

/** Bytes. */
export function parseMemoryTotal(text: string): number {
  return Number(/^MemTotal:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}

export function parseOsName(text: string): string {
  const pretty = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(text)?.[1];
  return pretty ?? "Linux";
}

async function readHugepages(files: KernelFiles): Promise<Record<string, number>> {
  const root = "/sys/kernel/mm/hugepages";
  const sizes: Record<string, number> = {};
  for (const folder of await files.listFolders(root)) {
    const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(folder)?.[1] ?? 0);
    const count = Number((await files.read(`${root}/${folder}/nr_hugepages`).catch(() => "0")).trim());
    if (kilobytes > 0) sizes[hugepageResource(kilobytes)] = count * kilobytes * 1024;
  }
  return sizes;
}

export function hugepageResource(kilobytes: number): string {
  if (kilobytes % (1024 * 1024) === 0) return `hugepages-${kilobytes / 1024 / 1024}Gi`;
  return kilobytes % 1024 === 0 ? `hugepages-${kilobytes / 1024}Mi` : `hugepages-${kilobytes}Ki`;
}
