/**
 * Fetches the Debian packages the generator reads, from a signed source and with an apt state directory of its own, so that
 * the machine's package lists stay as they are. Nothing is installed: the packages are only unpacked into the cache folder.
 */
import path from "node:path";
import type { CommandRunner } from "../../pkg/system/exec.ts";
import type { Files } from "../../pkg/system/files.ts";
import { debianPackages } from "./packages.ts";

const aptSource = [
  "Types: deb",
  "URIs: http://deb.debian.org/debian",
  "Suites: sid",
  "Components: main",
  "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
  "",
].join("\n");

/** Unpacks the packages below `cache` and returns the root of the Go sources in them. */
export async function fetchSources(runner: CommandRunner, files: Files, cache: string): Promise<string> {
  const root = path.resolve(cache);
  const unpacked = path.join(root, "root");
  const sources = path.join(unpacked, "usr/share/gocode/src");
  if (await files.exists(path.join(root, "complete"))) return sources;
  const options = await prepareApt(files, root);
  await runner.run({ argv: ["apt-get", ...options, "update"] });
  const downloads = path.join(root, "packages");
  await files.makeFolder(downloads);
  await runner.run({ argv: ["apt-get", ...options, "download", ...debianPackages], cwd: downloads });
  for (const name of await files.list(downloads)) {
    if (name.endsWith(".deb")) await runner.run({ argv: ["dpkg-deb", "-x", path.join(downloads, name), unpacked] });
  }
  await files.writeAtomic(path.join(root, "complete"), `${(await files.list(downloads)).join("\n")}\n`);
  return sources;
}

/** Makes the private apt directories and returns the options which make apt use nothing else. */
async function prepareApt(files: Files, root: string): Promise<string[]> {
  const state = path.join(root, "apt/state");
  const cache = path.join(root, "apt/cache");
  const sourceList = path.join(root, "apt/sid.sources");
  await files.makeFolder(path.join(state, "lists/partial"));
  await files.makeFolder(path.join(cache, "archives/partial"));
  await files.writeAtomic(sourceList, aptSource);
  const settings = {
    "Dir::State": state,
    "Dir::State::status": "/dev/null",
    "Dir::Cache": cache,
    "Dir::Etc::sourcelist": sourceList,
    "Dir::Etc::sourceparts": "/dev/null",
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
  };
  return Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
}
