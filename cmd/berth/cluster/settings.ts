/** What a cluster was made with, kept beside its data: a second `up` or a `down` needs no flags. */
import path from "node:path";
import { BerthError, isNotFound } from "#pkg/system/errors.ts";
import type { Files } from "#pkg/system/files.ts";
import {
  buildLayout,
  type ClusterLayout,
  type ClusterSettings,
  defaultDataDir,
  defaultSettings,
  runDirOf,
} from "./layout.ts";

/** Flags of the command line; undefined where nothing was said. */
export interface WantedSettings {
  readonly name: string;
  readonly dataDir?: string | undefined;
  readonly port?: number | undefined;
  readonly demo?: boolean | undefined;
}

/** Flags over what the cluster was made with over defaults. Throws "Conflict" for what cannot change. Pure. */
export function combineSettings(
  wanted: WantedSettings,
  dataDir: string,
  stored: Partial<ClusterSettings> | undefined,
): ClusterSettings {
  if (stored?.name !== undefined && stored.name !== wanted.name) {
    throw new BerthError(
      "Conflict",
      `the folder ${dataDir} belongs to the cluster "${stored.name}"; give --name ${stored.name} or another --data-dir`,
    );
  }
  return {
    name: wanted.name,
    dataDir,
    port: wanted.port ?? stored?.port ?? defaultSettings.port,
    agentPort: stored?.agentPort ?? defaultSettings.agentPort,
    dnsPort: stored?.dnsPort ?? defaultSettings.dnsPort,
    hasDemo: wanted.demo ?? stored?.hasDemo ?? true,
  };
}

/** The data folder: as given, else where this cluster runs from, else the usual one. */
export async function findDataDir(wanted: WantedSettings, files: Files): Promise<string> {
  if (wanted.dataDir !== undefined) return path.resolve(wanted.dataDir);
  const pointer = buildLayout({ name: wanted.name, dataDir: defaultDataDir(wanted.name) }).dataDirFile;
  const known = await readIfThere(pointer, files);
  return known?.trim() || defaultDataDir(wanted.name);
}

export async function readSettings(dataDir: string, files: Files): Promise<Partial<ClusterSettings> | undefined> {
  const file = buildLayout({ name: "", dataDir }).settingsFile;
  const text = await readIfThere(file, files);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Partial<ClusterSettings>;
  } catch (error) {
    throw new BerthError("Corrupt", `${file} is damaged; remove it to use the flags and defaults again`, {
      cause: error,
    });
  }
}

export async function writeSettings(settings: ClusterSettings, layout: ClusterLayout, files: Files): Promise<void> {
  await files.makeFolder(layout.dataDir, 0o700);
  await writeIfChanged(layout.settingsFile, `${JSON.stringify(settings, null, 2)}\n`, files);
  await writeIfChanged(layout.dataDirFile, `${settings.dataDir}\n`, files);
}

/** True when anything of the cluster is on this machine. */
export async function clusterExists(name: string, layout: ClusterLayout, files: Files): Promise<boolean> {
  return (await files.exists(layout.settingsFile)) || (await files.exists(runDirOf(name)));
}

/**
 * Throws "Conflict" for a folder that may hold something else: `down` removes the data folder as a whole, so it must be one that
 * Berth made, or be empty.
 */
export async function refuseForeignFolder(
  dataDir: string,
  stored: Partial<ClusterSettings> | undefined,
  files: Files,
): Promise<void> {
  if (stored !== undefined || !(await files.exists(dataDir))) return;
  const names = await files.list(dataDir);
  if (names.length === 0) return;
  throw new BerthError(
    "Conflict",
    `${dataDir} holds ${names.slice(0, 3).join(", ")} but no cluster of Berth; take another --data-dir`,
  );
}

/** Returns whether the file had other content before. */
export async function writeIfChanged(file: string, content: string, files: Files, mode = 0o644): Promise<boolean> {
  if ((await readIfThere(file, files)) === content) return false;
  await files.writeAtomic(file, content, { mode });
  return true;
}

export async function readIfThere(file: string, files: Files): Promise<string | undefined> {
  try {
    return await files.readText(file);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
