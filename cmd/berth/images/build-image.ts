/**
 * Makes an OCI archive from a recipe: collects the files in a folder, packs them as one layer with GNU tar (sorted, owned
 * by root, times at zero, so that the same input gives the same image), and writes the image layout around it.
 */
import { createHash } from "node:crypto";
import path from "node:path";
import { BerthError } from "#pkg/system/errors.ts";
import type { CommandRunner } from "#pkg/system/exec.ts";
import type { Files } from "#pkg/system/files.ts";
import { type ImageProgram, type ImageRecipe, standardFiles, standardFolders } from "./image-recipe.ts";
import { type Blob, buildConfig, buildIndex, buildManifest, layoutFile, type OciArchitecture } from "./oci-layout.ts";

export interface ImageBuilderPorts {
  readonly runner: CommandRunner;
  readonly files: Files;
}

export interface BuildOptions {
  /** Root of unpacked Debian packages, for programs "from debian". */
  readonly debianRoot: string;
  /** Scratch and result folder. */
  readonly folder: string;
  readonly architecture: OciArchitecture;
}

/** Returns the path of the archive, which `ctr images import` and `docker load` take. */
export async function buildImage(
  recipe: ImageRecipe,
  options: BuildOptions,
  ports: ImageBuilderPorts,
): Promise<string> {
  const name = recipe.reference.replaceAll(/[^a-zA-Z0-9.]+/g, "-");
  const stage = path.join(options.folder, `${name}.stage`);
  const layout = path.join(options.folder, `${name}.layout`);
  const archive = path.join(options.folder, `${name}.tar`);
  const { files, runner } = ports;
  for (const folder of [stage, layout]) await files.remove(folder);
  for (const folder of standardFolders) await files.makeFolder(path.join(stage, folder));
  for (const program of recipe.programs) await copyProgram(program, stage, options.debianRoot, runner);
  for (const file of [...standardFiles, ...recipe.files]) {
    await files.writeAtomic(path.join(stage, file.target), file.content, { mode: file.mode ?? 0o644 });
  }
  for (const [link, target] of Object.entries(recipe.links ?? {})) {
    await runner.run({ argv: ["install", "-d", path.dirname(path.join(stage, link))] });
    await runner.run({ argv: ["ln", "-sfn", target, path.join(stage, link)] });
  }
  await runner.run({ argv: ["chmod", "1777", path.join(stage, "tmp")] });
  await writeLayout(recipe, stage, layout, options, ports);
  await runner.run({ argv: ["tar", "-cf", archive, "-C", layout, "."] });
  for (const folder of [stage, layout]) await files.remove(folder);
  return archive;
}

async function writeLayout(
  recipe: ImageRecipe,
  stage: string,
  layout: string,
  options: BuildOptions,
  ports: ImageBuilderPorts,
): Promise<void> {
  const { files, runner } = ports;
  const blobs = path.join(layout, "blobs/sha256");
  await files.makeFolder(blobs);
  const unnamed = path.join(layout, "layer.tar");
  const reproducible = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"];
  await runner.run({ argv: ["tar", ...reproducible, "-cf", unnamed, "-C", stage, "."] });
  const layer = await describeFile(unnamed, runner);
  await runner.run({ argv: ["mv", unnamed, path.join(blobs, hexOf(layer))] });
  const put = async (content: string): Promise<Blob> => {
    const blob = describeText(content);
    await files.writeAtomic(path.join(blobs, hexOf(blob)), content);
    return blob;
  };
  const config = await put(buildConfig(recipe.config, options.architecture, layer.digest));
  const manifest = await put(buildManifest(config, layer));
  await files.writeAtomic(path.join(layout, "index.json"), buildIndex(manifest, recipe.reference));
  await files.writeAtomic(path.join(layout, "oci-layout"), layoutFile);
}

/** Copies the program and every library its loader would take, each to the path the loader looks at. */
async function copyProgram(
  program: ImageProgram,
  stage: string,
  debianRoot: string,
  runner: CommandRunner,
): Promise<void> {
  const source = program.from === "debian" ? path.join(debianRoot, program.source) : program.source;
  await install(source, path.join(stage, program.target), runner);
  for (const library of await listLibraries(source, program.from === "debian" ? debianRoot : "", runner)) {
    await install(library.source, path.join(stage, library.target), runner);
  }
}

async function install(source: string, target: string, runner: CommandRunner): Promise<void> {
  await runner.run({ argv: ["install", "-D", "-m", "0755", source, target] });
}

export interface Library {
  /** Where the file is on this machine. */
  readonly source: string;
  /** Where it belongs in the image. */
  readonly target: string;
}

const loaders: readonly string[] = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
const libraryFolders: readonly string[] = ["lib", "usr/lib"].flatMap((folder) =>
  ["x86_64-linux-gnu", "aarch64-linux-gnu"].map((triplet) => `${folder}/${triplet}`),
);

/** Asks the loader below `root` ("" for this machine's own) what it would load. Empty for static programs. */
export async function listLibraries(program: string, root: string, runner: CommandRunner): Promise<readonly Library[]> {
  for (const loader of loaders) {
    const own = path.join(root || "/", loader);
    const search = libraryFolders.map((folder) => path.join(root || "/", folder)).join(":");
    try {
      const { stdout } = await runner.run({ argv: [own, "--library-path", search, "--list", program] });
      return [...parseLoaderOutput(stdout, root), { source: own, target: loader }];
    } catch (error) {
      // No such loader here, or the program is static or for another architecture: the next one may know it.
      if (!(error instanceof BerthError)) throw error;
    }
  }
  return [];
}

/** Lines `libm.so.6 => /path/libm.so.6 (0x…)`. Throws "NotFound" naming a library that is missing. */
export function parseLoaderOutput(output: string, root: string): readonly Library[] {
  return output.split("\n").flatMap((line) => {
    const [, name, found] = /^\s*(\S+) => (\S+)/.exec(line) ?? [];
    if (name === undefined || found === undefined || loaders.includes(name)) return [];
    if (found === "not")
      throw new BerthError("NotFound", `the library ${name} is missing; name the Debian package that has it`);
    return [{ source: found, target: root && found.startsWith(root) ? found.slice(root.length) : found }];
  });
}

async function describeFile(file: string, runner: CommandRunner): Promise<Blob> {
  const [{ stdout: sum }, { stdout: size }] = await Promise.all([
    runner.run({ argv: ["sha256sum", file] }),
    runner.run({ argv: ["stat", "-c", "%s", file] }),
  ]);
  return { digest: `sha256:${sum.split(" ")[0]}`, size: Number(size) };
}

function describeText(content: string): Blob {
  return { digest: `sha256:${createHash("sha256").update(content).digest("hex")}`, size: Buffer.byteLength(content) };
}

function hexOf({ digest }: Blob): string {
  return digest.slice("sha256:".length);
}
