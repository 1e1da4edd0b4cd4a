/** `berth up`: the stages in order. Running it again changes nothing; Ctrl-C takes back what this run started. */
import { containerdSocket } from "#pkg/cri/containerd-config.ts";
import { BerthError, isAborted, messageOf } from "#pkg/system/errors.ts";
import type { BerthPorts } from "../berth-ports.ts";
import { buildLayout, logFileOf } from "../cluster/layout.ts";
import {
  clusterExists,
  combineSettings,
  findDataDir,
  readSettings,
  refuseForeignFolder,
  type WantedSettings,
} from "../cluster/settings.ts";
import { takeDown } from "../down/take-down.ts";
import { clusterStages, demoStage, demoUrl, type Stage } from "./stages.ts";
import { UpRun } from "./up-run.ts";

export async function up(wanted: WantedSettings, ports: BerthPorts): Promise<void> {
  const { reporter, clock, files } = ports;
  const startMs = clock.monotonic();
  const dataDir = await findDataDir(wanted, files);
  const stored = await readSettings(dataDir, files);
  await refuseForeignFolder(dataDir, stored, files);
  const settings = combineSettings(wanted, dataDir, stored);
  const layout = buildLayout(settings);
  const isNew = !(await clusterExists(settings.name, layout, files));
  await using run = new UpRun(settings, layout, containerdSocket({ state: layout.containerdState }), ports);
  for (const stage of settings.hasDemo ? [...clusterStages, demoStage] : clusterStages) {
    try {
      ports.signal.throwIfAborted();
      reporter.begin(stage.name);
      reporter.end(await stage.run(run));
    } catch (error) {
      if (isAborted(error) || ports.signal.aborted) throw await takeBack(run, isNew);
      throw await explainFailure(stage, error, run);
    }
  }
  const seconds = ((clock.monotonic() - startMs) / 1000).toFixed(1);
  reporter.finish(
    {
      name: settings.name,
      kubeconfig: layout.kubeconfig,
      server: `https://127.0.0.1:${settings.port}`,
      node: run.nodeName,
      address: run.nodeAddress,
      ...(settings.hasDemo ? { demo: demoUrl(run.nodeAddress) } : {}),
      ms: Math.round(clock.monotonic() - startMs),
    },
    buildFarewell(run, seconds),
  );
}

/** What to try next. */
function buildFarewell({ settings, layout, nodeAddress }: UpRun, seconds: string): string {
  const which = settings.name === "default" ? "" : ` --name ${settings.name}`;
  const demo = settings.hasDemo
    ? [
        `  curl ${demoUrl(nodeAddress)}`,
        "  kubectl -n demo get pods -o wide",
        "  kubectl -n demo rollout restart deployment/web",
      ]
    : ["  kubectl get nodes"];
  return [
    "",
    `The cluster "${settings.name}" is up (${seconds} s). Try:`,
    `  export KUBECONFIG=${layout.kubeconfig}`,
    ...demo,
    `  berth status${which}     what runs`,
    `  berth down${which}       stop it and remove all it left`,
  ].join("\n");
}

async function explainFailure(stage: Stage, error: unknown, run: UpRun): Promise<BerthError> {
  run.ports.reporter.fail(messageOf(error));
  const lines = await run.lastLogLines();
  const log = run.lastProcess ? logFileOf(run.layout, run.lastProcess) : undefined;
  const message = [
    `stage "${stage.name}" failed: ${messageOf(error)}`,
    `What to do: ${stage.advice}. Then run it again, or take everything down with berth down.`,
    ...(lines.length > 0 ? [`The last lines of ${log}:`, ...lines.map((line) => `  ${line}`)] : []),
  ].join("\n");
  const { code } = BerthError.from(error);
  return new BerthError(code, message, { cause: error, details: { stage: stage.name } });
}

/** A cluster that was not there before goes as a whole; of one that was, only what this run started. */
async function takeBack(run: UpRun, isNew: boolean): Promise<BerthError> {
  const { reporter } = run.ports;
  reporter.fail("interrupted");
  reporter.begin("taking back");
  if (isNew) await takeDown(run.settings, run.layout, { keepsData: false }, run.ports);
  else for (const record of run.started.toReversed()) await run.processes.stop(record);
  reporter.end(isNew ? "nothing is left" : `${run.started.length} processes stopped`);
  return new BerthError("Aborted", "interrupted");
}
