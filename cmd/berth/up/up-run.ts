/** What the stages of one `up` share. */
import { connectCri } from "#pkg/cri/grpc-runtime-service.ts";
import { createKubeClient, type KubeClient } from "#pkg/kube/client.ts";
import { createTransport } from "#pkg/kube/client-config.ts";
import { loadKubeconfig } from "#pkg/kube/kubeconfig.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { BerthPorts } from "../berth-ports.ts";
import { computeProcess } from "../cluster/compute-up.ts";
import { type ClusterLayout, type ClusterSettings, logFileOf } from "../cluster/layout.ts";
import { type ProcessRecord, ProcessTable } from "../cluster/process-table.ts";
import { buildProcessArgv, type Installation, type ProcessContext, type ProcessName } from "../cluster/programs.ts";

export class UpRun implements AsyncDisposable {
  readonly settings: ClusterSettings;
  readonly layout: ClusterLayout;
  readonly ports: BerthPorts;
  readonly processes: ProcessTable;
  readonly socket: string;
  /** Set by the first stages. */
  nodeAddress = "";
  installation: Installation;
  /** What this run started, in order: Ctrl-C takes back no more than that. */
  readonly started: ProcessRecord[] = [];
  /** The process whose log explains a failure of the current stage. */
  lastProcess: ProcessName | undefined;
  readonly #stack = new AsyncDisposableStack();
  #client: KubeClient | undefined;

  constructor(settings: ClusterSettings, layout: ClusterLayout, socket: string, ports: BerthPorts) {
    this.settings = settings;
    this.layout = layout;
    this.socket = socket;
    this.ports = ports;
    this.installation = ports.installation;
    this.processes = new ProcessTable(layout.recordsDir, ports);
  }

  get nodeName(): string {
    return this.ports.machine.hostName.toLowerCase();
  }

  /** Throws "NotFound" before the server has written its kubeconfig. */
  async client(): Promise<KubeClient> {
    if (this.#client) return this.#client;
    const { files, clock, version } = this.ports;
    const transport = createTransport(await loadKubeconfig(files, this.layout.kubeconfig), { clock, files });
    this.#client = createKubeClient(this.#stack.use(transport), { userAgent: `berth/${version}`, clock });
    return this.#client;
  }

  connectRuntime() {
    return this.#stack.use(connectCri({ runtimeEndpoint: this.socket, now: this.ports.clock.now }));
  }

  /** Starts the process, or starts it anew when files or flags changed. Returns whether it ran already. */
  async ensureProcess(name: ProcessName, configChanged = false): Promise<"kept" | "started" | "restarted"> {
    const { machine } = this.ports;
    const context: ProcessContext = {
      settings: this.settings,
      layout: this.layout,
      installation: this.installation,
      node: machine.node,
      nodeName: this.nodeName,
      nodeAddress: this.nodeAddress,
      containerdSocket: this.socket,
    };
    const argv = buildProcessArgv(name, context);
    this.lastProcess = name;
    const decision = computeProcess(argv, await this.processes.running(name), configChanged);
    if (decision.kind === "keep") return "kept";
    if (decision.kind === "restart") await this.processes.stop(decision.record);
    const log = logFileOf(this.layout, name);
    this.started.push(await this.processes.start(name, argv, log, machine.env));
    return decision.kind === "restart" ? "restarted" : "started";
  }

  /** For `waitUntil`: throws as soon as the process has ended. */
  checkRuns(name: ProcessName): () => Promise<void> {
    return async () => {
      if (await this.processes.running(name)) return;
      throw new BerthError("Unavailable", `${name} ended`);
    };
  }

  /** The last lines of the log that belongs to the current stage. */
  async lastLogLines(count = 8): Promise<readonly string[]> {
    if (!this.lastProcess) return [];
    const file = logFileOf(this.layout, this.lastProcess);
    const { stdout } = await this.ports.runner
      .run({ argv: ["tail", "-n", String(count), file] })
      .catch(() => ({ stdout: "" }));
    return stdout.split("\n").flatMap((line) => (line === "" ? [] : line.slice(0, 300)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
