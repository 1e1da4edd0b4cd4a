/** Carries out what compute-down decided. Each action is harmless when its object is gone already. */
import type { CgroupManager } from "#pkg/cgroups/cgroup-manager.ts";
import { connectCri } from "#pkg/cri/grpc-runtime-service.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { assertNever, hasCode, messageOf } from "#pkg/system/errors.ts";
import type { CommandRunner } from "#pkg/system/exec.ts";
import type { Files } from "#pkg/system/files.ts";
import type { DownAction } from "../cluster/compute-down.ts";
import { type ClusterLayout, logFileOf } from "../cluster/layout.ts";
import type { ProcessTable } from "../cluster/process-table.ts";

export interface DownPorts {
  readonly runner: CommandRunner;
  readonly files: Files;
  readonly clock: Clock;
  readonly cgroups: CgroupManager;
  readonly processes: ProcessTable;
  readonly kill: (pid: number, signal: "SIGTERM" | "SIGKILL") => void;
  /** containerd's socket. */
  readonly socket: string;
}

export async function applyDownAction(action: DownAction, layout: ClusterLayout, ports: DownPorts): Promise<void> {
  const { runner, files, processes } = ports;
  switch (action.kind) {
    case "stopProcess":
      return processes.stop(action.record);
    case "removePods":
      return removePods(layout, ports);
    case "killShims":
      for (const pid of action.pids) ports.kill(pid, "SIGKILL");
      return;
    case "unmount":
      // Lazily: what still has files open there ends with its cgroup, right after.
      await runner.run({ argv: ["umount", "-l", action.target] }).catch(() => undefined);
      return;
    case "removeCgroup":
      return removeCgroup(layout, ports);
    case "removeNamespace":
      await runner.run({ argv: ["ip", "netns", "delete", action.name] });
      return;
    case "removeRules": {
      const program = action.family === "ipv4" ? "iptables-restore" : "ip6tables-restore";
      await runner.run({ argv: [program, "-w", "5", "--noflush"], stdin: action.input });
      return;
    }
    case "removeIpset":
      await runner.run({ argv: ["ipset", "destroy", action.name] });
      return;
    case "removeRoutes":
      await runner.run({ argv: ["ip", "route", "flush", "table", "all", "proto", "196"] });
      return;
    case "removeLink":
      await runner.run({ argv: ["ip", "link", "delete", action.name] }).catch(() => undefined);
      return;
    case "removeFolder":
      return files.remove(action.folder);
    default:
      assertNever(action, "action");
  }
}

/** One line for people. */
export function describeDownAction(action: DownAction): string {
  switch (action.kind) {
    case "stopProcess":
      return `${action.record.name} stopped`;
    case "removePods":
      return "pods removed";
    case "killShims":
      return `${action.pids.length} container shims ended`;
    case "unmount":
      return `${action.target} unmounted`;
    case "removeCgroup":
      return "cgroups removed";
    case "removeNamespace":
      return `network namespace ${action.name} removed`;
    case "removeRules":
      return `${action.family} rules removed`;
    case "removeIpset":
      return `ipset ${action.name} removed`;
    case "removeRoutes":
      return "routes removed";
    case "removeLink":
      return `link ${action.name} removed`;
    case "removeFolder":
      return `${action.folder} removed`;
    default:
      return assertNever(action, "action");
  }
}

/** What was killed takes a moment to end, longer on a busy machine. */
async function removeCgroup(layout: ClusterLayout, { cgroups, clock }: DownPorts): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await cgroups.remove(layout.cgroupParent);
      return;
    } catch (error) {
      if (!hasCode(error, "Conflict") || attempt >= 50) throw error;
      await clock.sleep(100);
    }
  }
}

/** Takes down every sandbox with its containers, network namespace and mounts. Starts containerd when it does not run. */
async function removePods(layout: ClusterLayout, ports: DownPorts): Promise<void> {
  const { processes, clock } = ports;
  const before = await processes.running("containerd");
  const argv = ["containerd", "--config", layout.containerdConfig] as const;
  if (!before) await processes.start("containerd", argv, logFileOf(layout, "containerd"));
  await using cri = connectCri({ runtimeEndpoint: ports.socket, now: clock.now });
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        await cri.runtime.version();
        break;
      } catch (error) {
        if (attempt > 200) throw error;
        await clock.sleep(50);
      }
    }
    const sandboxes = await cri.runtime.listPodSandbox();
    for (let start = 0; start < sandboxes.length; start += parallelRemovals) {
      const some = sandboxes.slice(start, start + parallelRemovals);
      await Promise.all(some.map(({ id }) => removeSandbox(id, cri.runtime)));
    }
  } finally {
    const own = before ? undefined : await processes.running("containerd");
    if (own) await processes.stop(own);
  }
}

const parallelRemovals = 8;

async function removeSandbox(
  id: string,
  runtime: { stopPodSandbox(id: string): Promise<void>; removePodSandbox(id: string): Promise<void> },
): Promise<void> {
  // A network that cannot be taken down as it should must not keep the rest: its link goes with the namespace.
  await runtime.stopPodSandbox(id).catch(messageOf);
  await runtime.removePodSandbox(id).catch(messageOf);
}
