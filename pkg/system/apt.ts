/**
 * Debian packages without installing them: downloaded from a signed source with an apt state of its own, and unpacked into
 * a folder. The machine's own package lists and installed packages stay as they are.
 */
import path from "node:path";
import { BerthError } from "./errors.ts";
import type { CommandRunner } from "./exec.ts";
import type { Files } from "./files.ts";

export interface UnpackRequest {
  /** Debian suite, e.g. "bookworm" or "sid". */
  readonly suite: string;
  readonly packages: readonly string[];
  /** Also everything the packages depend on, as on an empty machine: the folder becomes a small root file system. */
  readonly withDependencies: boolean;
  /** Gets `root/` with the unpacked files; reused when it already holds these packages. */
  readonly folder: string;
}

export interface AptPorts {
  readonly runner: CommandRunner;
  readonly files: Files;
}

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Returns the folder with the unpacked files. Throws "NotFound" naming what is missing when there is no apt or no keyring. */
export async function unpackDebianPackages(request: UnpackRequest, ports: AptPorts): Promise<string> {
  const { files, runner } = ports;
  const folder = path.resolve(request.folder);
  const root = path.join(folder, "root");
  const complete = path.join(folder, "complete");
  const wanted = `${request.suite}\n${request.packages.join("\n")}\n`;
  if ((await files.exists(complete)) && (await files.readText(complete)) === wanted) return root;
  if (!(await files.exists(keyring))) {
    throw new BerthError(
      "NotFound",
      `cannot check Debian's packages: ${keyring} is missing; install debian-archive-keyring`,
    );
  }
  const options = await prepareApt(request.suite, folder, files);
  await runner.run({ argv: ["apt-get", ...options, "update", "-qq"] });
  const downloads = path.join(folder, "packages");
  await files.remove(downloads);
  await files.makeFolder(path.join(downloads, "partial"));
  const fetch = request.withDependencies
    ? ["install", "--download-only", "--no-install-recommends", "-y", "-qq", "-o", `Dir::Cache::archives=${downloads}`]
    : ["download", "-qq"];
  await runner.run({ argv: ["apt-get", ...options, ...fetch, ...request.packages], cwd: downloads });
  await files.makeFolder(root);
  for (const name of await files.list(downloads)) {
    if (name.endsWith(".deb")) await runner.run({ argv: ["dpkg-deb", "-x", path.join(downloads, name), root] });
  }
  await files.remove(downloads);
  await files.writeAtomic(complete, wanted);
  return root;
}

/** Makes the private apt folders and returns the options that make apt use nothing else. */
async function prepareApt(suite: string, folder: string, files: Files): Promise<readonly string[]> {
  const state = path.join(folder, "apt/state");
  const cache = path.join(folder, "apt/cache");
  const source = path.join(folder, `apt/${suite}.sources`);
  await files.makeFolder(path.join(state, "lists/partial"));
  await files.makeFolder(path.join(cache, "archives/partial"));
  await files.writeAtomic(path.join(state, "status"), "");
  await files.writeAtomic(
    source,
    `Types: deb\nURIs: http://deb.debian.org/debian\nSuites: ${suite}\nComponents: main\nSigned-By: ${keyring}\n`,
  );
  const settings = {
    "Dir::State": state,
    "Dir::State::status": path.join(state, "status"),
    "Dir::Cache": cache,
    "Dir::Etc::sourcelist": source,
    "Dir::Etc::sourceparts": "/dev/null",
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}
