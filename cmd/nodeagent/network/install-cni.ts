/** Puts the CNI plugin and its configuration where the container runtime looks for them. */
import path from "node:path";
import type { CommandRunner } from "#pkg/system/exec.ts";
import type { Files } from "#pkg/system/files.ts";

export interface CniInstallation {
  readonly binFolder: string;
  readonly confFolder: string;
  readonly socket: string;
  readonly spoolFolder: string;
  /** The static plugin; undefined where it was not built. */
  readonly staticPlugin: string | undefined;
  /** What is started instead: Node.js and the plugin's module. */
  readonly node: string;
  readonly module: string;
}

export const conflistName = "10-berth.conflist";

/** cniVersion 1.0.0: with 1.1.0 runtimes ask for the plugin's status at each of their own status calls. */
export function buildConflist(): string {
  const plugin = { type: "berth-cni", capabilities: { portMappings: true } };
  return `${JSON.stringify({ cniVersion: "1.0.0", name: "berth", plugins: [plugin] }, null, 2)}\n`;
}

/** The configuration comes last: it is what makes the runtime say that the network is ready. */
export async function installCni(
  installation: CniInstallation,
  { files, runner }: { readonly files: Files; readonly runner: CommandRunner },
): Promise<void> {
  const { binFolder, confFolder, socket, spoolFolder } = installation;
  await files.makeFolder(spoolFolder, 0o700);
  await files.makeFolder(binFolder);
  await files.writeAtomic(path.join(binFolder, "berth-cni.conf"), `${socket}\n${spoolFolder}\n`);
  for (const name of ["berth-cni", "loopback"])
    await installProgram(path.join(binFolder, name), installation, files, runner);
  await files.writeAtomic(path.join(confFolder, conflistName), buildConflist());
}

async function installProgram(
  target: string,
  installation: CniInstallation,
  files: Files,
  runner: CommandRunner,
): Promise<void> {
  const { staticPlugin, node, module, binFolder } = installation;
  if (staticPlugin !== undefined && (await files.exists(staticPlugin))) {
    // Written beside and moved, since the old one may be running.
    await runner.run({ argv: ["install", "-m", "0755", staticPlugin, `${target}.new`] });
    await files.move(`${target}.new`, target);
    return;
  }
  const quoted = [node, module].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  await files.writeAtomic(target, `#!/bin/sh\nexec ${quoted} "$0" '${binFolder}'\n`, { mode: 0o755 });
}
