/** What the tool has to know of the machine before it makes a node of it. */
import { BerthError } from "#pkg/system/errors.ts";
import type { CommandRunner } from "#pkg/system/exec.ts";
import type { KernelFiles } from "#pkg/system/kernel-files.ts";

/** The address that packets to elsewhere leave from: with several interfaces, the one with the default route. */
export async function findNodeAddress(runner: CommandRunner): Promise<string> {
  // A documentation address: nothing is sent, the kernel only looks the route up.
  const route = await runner
    .run({ argv: ["ip", "-4", "-o", "route", "get", "192.0.2.1"] })
    .catch(() => ({ stdout: "" }));
  const routed = / src (\S+)/.exec(route.stdout)?.[1];
  if (routed && !routed.startsWith("127.")) return routed;
  const { stdout } = await runner.run({ argv: ["ip", "-4", "-o", "addr", "show", "scope", "global", "up"] });
  const first = / inet ([^/ ]+)/.exec(stdout)?.[1];
  if (first) return first;
  throw new BerthError(
    "Unavailable",
    "this machine has no address but loopback; pods and services need one: bring an interface up",
  );
}

/** Whether a negative oom_score_adj may be set; containerd needs to know. */
export async function hasSysResource(files: Pick<KernelFiles, "read">): Promise<boolean> {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(await files.read("/proc/self/status"))?.[1] ?? "0";
  return (BigInt(`0x${effective}`) & (1n << 24n)) !== 0n;
}

/** overlayfs cannot lie on overlayfs, which is where a container's own files are. */
export async function chooseSnapshotter(folder: string, runner: CommandRunner): Promise<"overlayfs" | "native"> {
  const { stdout } = await runner.run({ argv: ["stat", "-f", "-c", "%T", folder] });
  return stdout.trim().startsWith("overlay") ? "native" : "overlayfs";
}

/** Number of the network namespace a process is in; undefined when it is gone. */
export async function networkNamespaceOf(pid: number | "self", runner: CommandRunner): Promise<string | undefined> {
  try {
    return (await runner.run({ argv: ["stat", "-L", "-c", "%i", `/proc/${pid}/ns/net`] })).stdout.trim();
  } catch {
    return undefined;
  }
}
