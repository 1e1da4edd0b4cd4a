/** `berth status`: the processes of a cluster, and what the API says of nodes and pods. */
import type { Node, Pod } from "#pkg/api/core/v1.ts";
import { createKubeClient } from "#pkg/kube/client.ts";
import { createTransport } from "#pkg/kube/client-config.ts";
import { loadKubeconfig } from "#pkg/kube/kubeconfig.ts";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import type { BerthPorts } from "../berth-ports.ts";
import { buildLayout } from "../cluster/layout.ts";
import { type ProcessRecord, ProcessTable } from "../cluster/process-table.ts";
import { type ProcessName, processNames } from "../cluster/programs.ts";
import { clusterExists, findDataDir, type WantedSettings } from "../cluster/settings.ts";

export interface ClusterStatus {
  readonly name: string;
  readonly dataDir: string;
  readonly kubeconfig: string;
  readonly processes: readonly {
    readonly name: ProcessName;
    readonly pid?: number;
    readonly runningSeconds?: number;
  }[];
  readonly nodes: readonly { readonly name: string; readonly isReady: boolean }[];
  /** Number of pods by phase. */
  readonly pods: Readonly<Record<string, number>>;
  /** Why the API could not be asked. */
  readonly apiError?: string;
}

/** Returns whether everything runs. Throws "NotFound" when there is no such cluster. */
export async function status(wanted: WantedSettings, ports: BerthPorts): Promise<boolean> {
  const { files, clock, reporter } = ports;
  const dataDir = await findDataDir(wanted, files);
  const layout = buildLayout({ name: wanted.name, dataDir });
  if (!(await clusterExists(wanted.name, layout, files)))
    throw new BerthError("NotFound", `there is no cluster "${wanted.name}" in ${dataDir}; berth up makes one`);
  const running = await new ProcessTable(layout.recordsDir, ports).list();
  const api = await askApi(layout.kubeconfig, ports);
  const found = computeStatus(running, api, clock.now());
  const whole: ClusterStatus = { name: wanted.name, dataDir, kubeconfig: layout.kubeconfig, ...found };
  reporter.finish({ ...whole }, formatStatus(whole));
  return isWhole(whole);
}

interface ApiAnswer {
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  readonly apiError?: string;
}

async function askApi(kubeconfig: string, ports: BerthPorts): Promise<ApiAnswer> {
  const { files, clock, version } = ports;
  try {
    await using transport = createTransport(await loadKubeconfig(files, kubeconfig), { clock, files });
    const client = createKubeClient(transport, { userAgent: `berth/${version}`, clock });
    const giveUp = new AbortController();
    using _timer = clock.setTimer(3000, () => giveUp.abort());
    const options = { signal: giveUp.signal };
    const [nodes, pods] = await Promise.all([client.nodes.list(options), client.pods.list(options)]);
    return { nodes: nodes.items, pods: pods.items };
  } catch (error) {
    return { nodes: [], pods: [], apiError: messageOf(error) };
  }
}

export function computeStatus(
  running: readonly ProcessRecord[],
  { nodes, pods, apiError }: ApiAnswer,
  nowMs: number,
): Omit<ClusterStatus, "name" | "dataDir" | "kubeconfig"> {
  const phases: Record<string, number> = {};
  for (const { status: { phase = "Unknown" } = {} } of pods) phases[phase] = (phases[phase] ?? 0) + 1;
  return {
    processes: processNames.map((name) => {
      const record = running.find((one) => one.name === name);
      return record
        ? { name, pid: record.pid, runningSeconds: Math.max(0, Math.round((nowMs - record.startedMs) / 1000)) }
        : { name };
    }),
    nodes: nodes.map(({ metadata, status: found }) => ({
      name: metadata.name ?? "",
      isReady: found?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false,
    })),
    pods: phases,
    ...(apiError === undefined ? {} : { apiError }),
  };
}

function isWhole({ processes, nodes, apiError }: ClusterStatus): boolean {
  return (
    apiError === undefined && processes.every(({ pid }) => pid !== undefined) && nodes.every((node) => node.isReady)
  );
}

export function formatStatus(found: ClusterStatus): string {
  const processes = found.processes.map(({ name, pid, runningSeconds }) =>
    pid === undefined
      ? `  ${name.padEnd(12)} stopped`
      : `  ${name.padEnd(12)} running  pid ${String(pid).padEnd(8)} ${runningSeconds} s`,
  );
  const pods = Object.entries(found.pods).map(([phase, count]) => `${count} ${phase}`);
  const api = found.apiError
    ? [`  the API does not answer: ${found.apiError}`]
    : [
        ...found.nodes.map(({ name, isReady }) => `  node ${name}: ${isReady ? "ready" : "not ready"}`),
        `  pods: ${pods.join(", ") || "none"}`,
      ];
  return [`cluster "${found.name}" in ${found.dataDir}`, ...processes, ...api].join("\n");
}
