/** `berth kubeconfig`: where the administrator's kubeconfig is, or what is in it. */
import { BerthError } from "#pkg/system/errors.ts";
import type { Files } from "#pkg/system/files.ts";
import { buildLayout } from "./cluster/layout.ts";
import { findDataDir, type WantedSettings } from "./cluster/settings.ts";

export async function findKubeconfig(wanted: WantedSettings, files: Files): Promise<string> {
  const dataDir = await findDataDir(wanted, files);
  return buildLayout({ name: wanted.name, dataDir }).kubeconfig;
}

/** Throws "NotFound" when there is no such cluster. */
export async function printKubeconfig(wanted: WantedSettings, onlyPath: boolean, files: Files): Promise<string> {
  const file = await findKubeconfig(wanted, files);
  if (!(await files.exists(file)))
    throw new BerthError("NotFound", `there is no cluster "${wanted.name}": ${file} is missing; berth up makes one`);
  return onlyPath ? `${file}\n` : files.readText(file);
}
