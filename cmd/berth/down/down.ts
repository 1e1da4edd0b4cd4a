/** `berth down`. Harmless when there is nothing. */
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import type { BerthPorts } from "../berth-ports.ts";
import { buildLayout } from "../cluster/layout.ts";
import {
  clusterExists,
  findDataDir,
  readIfThere,
  readSettings,
  refuseForeignFolder,
  type WantedSettings,
} from "../cluster/settings.ts";
import { takeDown } from "./take-down.ts";

export async function down(
  wanted: WantedSettings,
  options: { readonly keepsData: boolean },
  ports: BerthPorts,
): Promise<void> {
  const { reporter, files } = ports;
  const dataDir = await findDataDir(wanted, files);
  const layout = buildLayout({ name: wanted.name, dataDir });
  if (!(await clusterExists(wanted.name, layout, files))) {
    reporter.finish({ name: wanted.name, removed: 0 }, `There is no cluster "${wanted.name}" in ${dataDir}.`);
    return;
  }
  const stored = await readSettings(dataDir, files);
  if (stored?.name !== undefined && stored.name !== wanted.name)
    throw new BerthError("Conflict", `${dataDir} belongs to the cluster "${stored.name}": give --name ${stored.name}`);
  // A folder that is half removed has lost its settings; the run folder still says that it is ours.
  const isKnown = (await readIfThere(layout.dataDirFile, files))?.trim() === dataDir;
  if (!isKnown) await refuseForeignFolder(dataDir, stored, files);
  if (!ports.machine.isRoot) throw new BerthError("Forbidden", "taking a node down needs root; e.g. with sudo");
  reporter.begin("down");
  try {
    const done = await takeDown({ name: wanted.name, dataDir }, layout, options, ports);
    reporter.end(options.keepsData ? `all stopped; ${dataDir} is kept` : "nothing is left");
    reporter.finish({ name: wanted.name, removed: done.length }, "");
  } catch (error) {
    reporter.fail(messageOf(error));
    throw error;
  }
}
