/**
 * From a source tree: the bundle of all programs, made once per state of the sources and kept in a folder named by it, so that
 * running programs keep the files they were started from.
 */
import path from "node:path";
import type { BerthPorts } from "../berth-ports.ts";
import type { Installation } from "../cluster/programs.ts";

/** Returns the bundle, or the sources themselves where the bundler is not installed. */
export async function buildPrograms(ports: BerthPorts): Promise<Installation> {
  const { installation, files, runner, machine, reporter } = ports;
  if (installation.kind === "bundle") return installation;
  const { root } = installation;
  if (!(await files.exists(path.join(root, "node_modules/esbuild/package.json")))) return installation;
  const folder = path.join(machine.cacheDir, "programs", await hashSources(root, ports));
  if (await files.exists(folder)) return { kind: "bundle", folder };
  reporter.note("bundling");
  const scratch = `${folder}.new`;
  await files.remove(scratch);
  await runner.run({ argv: [machine.node, "tools/build/main.ts", scratch], cwd: root });
  await files.move(scratch, folder);
  return { kind: "bundle", folder };
}

async function hashSources(root: string, { runner }: Pick<BerthPorts, "runner">): Promise<string> {
  const script =
    "find cmd pkg controlplane tools/build package-lock.json -type f ! -name '*.test.ts' -print0 | sort -z | xargs -0 sha256sum | sha256sum";
  const { stdout } = await runner.run({ argv: ["sh", "-c", script], cwd: root });
  return stdout.slice(0, 16);
}
