/**
 * What a test run could leave behind on the machine, read before and after: a test that leaves anything is broken, also
 * when it failed. Processes are found by an environment variable that every child of the run inherits.
 */
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { systemRunner } from "#pkg/system/exec.ts";

/** Name of the variable that marks the processes of a test run. */
export const runMarker = "BERTH_TEST_RUN";

/** Kind of thing to its names, each sorted. */
export type MachineState = Readonly<Record<string, readonly string[]>>;

export async function readMachineState(runId: string): Promise<MachineState> {
  return {
    process: await markedProcesses(runId),
    mount: await mounts(),
    "network namespace": await names("/run/netns"),
    link: (await names("/sys/class/net")).filter((name) => !name.startsWith("ifb")),
    "iptables chain": [...(await chains("iptables-save")), ...(await chains("ip6tables-save"))],
    "nft table": (await lines(["nft", "list", "tables"])).filter(
      (table) => !/ (filter|nat|mangle|raw|security)$/.test(table),
    ),
    ipset: await lines(["ipset", "list", "-n"]),
    cgroup: await cgroups(),
    "temporary file": (await names(tmpdir())).filter((name) => name.startsWith("berth-")),
  };
}

/** What `after` has and `before` had not, as lines `kind name`. */
export function findLeaks(before: MachineState, after: MachineState): readonly string[] {
  return Object.entries(after).flatMap(([kind, found]) => {
    const known = new Set(before[kind] ?? []);
    return found.filter((name) => !known.has(name)).map((name) => `${kind} ${name}`);
  });
}

async function markedProcesses(runId: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of await names("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    if (!environment.split("\0").includes(`${runMarker}=${runId}`)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command !== "") found.push(`${pid} ${command.replaceAll("\0", " ").slice(0, 120)}`);
  }
  return found;
}

async function mounts(): Promise<readonly string[]> {
  const table = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  return table
    .split("\n")
    .flatMap((line) => line.split(" ")[4] ?? [])
    .sort();
}

async function chains(program: string): Promise<readonly string[]> {
  const found: string[] = [];
  let table = "";
  for (const line of await lines([program])) {
    if (line.startsWith("*")) table = line.slice(1);
    if (line.startsWith(":")) found.push(`${program} ${table} ${line.slice(1).split(" ")[0]}`);
  }
  return found;
}

/** Folders of the cgroup hierarchies down to the depth at which pods of a test would appear. */
async function cgroups(): Promise<readonly string[]> {
  const { stdout } = await systemRunner.run({
    argv: ["sh", "-c", "find /sys/fs/cgroup -maxdepth 4 -type d 2>/dev/null || true"],
  });
  return stdout.split("\n").filter((folder) => folder !== "");
}

async function names(folder: string): Promise<readonly string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

async function lines(argv: readonly [string, ...string[]]): Promise<readonly string[]> {
  try {
    const { stdout } = await systemRunner.run({ argv });
    return stdout.split("\n").filter((line) => line !== "");
  } catch {
    return [];
  }
}

/** Where a test keeps its files; the leak check looks for this prefix. */
export const temporaryPrefix = path.join(tmpdir(), "berth-");
