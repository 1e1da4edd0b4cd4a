/** Stops a cluster and removes what it left: looks, ends processes and pods, looks again, cleans. */
import { createCgroupManager, detectCgroupVersion } from "#pkg/cgroups/cgroup-manager.ts";
import { containerdSocket } from "#pkg/cri/containerd-config.ts";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import type { BerthPorts } from "../berth-ports.ts";
import { computeCleaning, computeStopping, type DownAction } from "../cluster/compute-down.ts";
import { type ClusterLayout, type ClusterSettings, runRoot } from "../cluster/layout.ts";
import { ProcessTable } from "../cluster/process-table.ts";
import { applyDownAction, type DownPorts, describeDownAction } from "../machine/apply-down.ts";
import { networkNamespaceOf } from "../machine/machine-facts.ts";
import { observeCluster } from "../machine/observe-cluster.ts";

export type TakeDownPorts = Omit<BerthPorts, "signal">;

/** Goes on past what fails and throws at the end, naming it: the less is left, the better. Returns what was done. */
export async function takeDown(
  settings: Pick<ClusterSettings, "name" | "dataDir">,
  layout: ClusterLayout,
  options: { readonly keepsData: boolean },
  ports: TakeDownPorts,
): Promise<readonly DownAction[]> {
  const { runner, files, kernelFiles, clock, kill } = ports;
  const version = await detectCgroupVersion("/sys/fs/cgroup", kernelFiles);
  const killNow = (pid: number): void => kill(pid, "SIGKILL");
  const cgroups = createCgroupManager({ root: "/sys/fs/cgroup", version, files: kernelFiles, kill: killNow });
  const processes = new ProcessTable(layout.recordsDir, ports);
  const socket = containerdSocket({ state: layout.containerdState });
  const downPorts: DownPorts = { runner, files, clock, cgroups, processes, kill, socket };
  const ownsNetwork = !(await sharesNetwork(settings.name, ports));
  const observe = () => observeCluster(layout, ownsNetwork, { runner, files, kernelFiles, cgroups, processes });
  const failures: string[] = [];
  const done: DownAction[] = [];
  const apply = async (actions: readonly DownAction[]): Promise<void> => {
    for (const action of actions) {
      try {
        await applyDownAction(action, layout, downPorts);
        done.push(action);
        ports.reporter.note(describeDownAction(action));
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
  };
  await apply(computeStopping(await observe()));
  await apply(computeCleaning(await observe(), { keepsData: options.keepsData, dataDir: layout.dataDir }));
  // Of the last cluster: the folder that holds all of them goes too.
  await kernelFiles.removeFolder(runRoot).catch(() => undefined);
  if (failures.length > 0) throw new BerthError("Internal", `not everything could be removed: ${failures.join("; ")}`);
  return done;
}

/** Whether the agent of another cluster is at work in this network namespace. */
async function sharesNetwork(name: string, ports: TakeDownPorts): Promise<boolean> {
  const { files, runner } = ports;
  const others = (await files.exists(runRoot)) ? (await files.list(runRoot)).filter((one) => one !== name) : [];
  const own = await networkNamespaceOf("self", runner);
  for (const other of others) {
    const table = new ProcessTable(`${runRoot}/${other}/processes`, ports);
    const running = (await table.running("nodeagent")) ?? (await table.running("proxy"));
    if (running && (await networkNamespaceOf(running.pid, runner)) === own) return true;
  }
  return false;
}
