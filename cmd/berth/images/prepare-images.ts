/**
 * Image archives, made once: each is kept under a key of everything that goes into it, so that a second run, or a second
 * cluster, builds nothing.
 */
import { createHash } from "node:crypto";
import path from "node:path";
import { unpackDebianPackages } from "#pkg/system/apt.ts";
import type { CommandRunner } from "#pkg/system/exec.ts";
import type { Files } from "#pkg/system/files.ts";
import { buildImage } from "./build-image.ts";
import { debianPackages, debianSuite } from "./cluster-images.ts";
import type { ImageRecipe } from "./image-recipe.ts";
import type { OciArchitecture } from "./oci-layout.ts";

export interface PreparedImage {
  readonly reference: string;
  /** Changes when anything in the image may have. */
  readonly key: string;
  readonly archive: string;
}

export interface PrepareOptions {
  /** Archives and unpacked Debian packages are kept here. */
  readonly cacheDir: string;
  readonly architecture: OciArchitecture;
  /** Told which image is being built. */
  readonly onBuild: (what: string) => void;
}

interface Ports {
  readonly runner: CommandRunner;
  readonly files: Files;
}

/** Raised when the builder makes other bytes from the same recipe. */
const builderVersion = 1;

export async function prepareImages(
  recipes: readonly ImageRecipe[],
  options: PrepareOptions,
  ports: Ports,
): Promise<readonly PreparedImage[]> {
  const prepared: PreparedImage[] = [];
  for (const recipe of recipes) prepared.push(await prepareImage(recipe, options, ports));
  return prepared;
}

async function prepareImage(recipe: ImageRecipe, options: PrepareOptions, ports: Ports): Promise<PreparedImage> {
  const key = computeImageKey(recipe, options.architecture, await describeLocalPrograms(recipe, ports.runner));
  const folder = path.join(options.cacheDir, "images");
  const archive = path.join(folder, `${key}.tar`);
  const prepared = { reference: recipe.reference, key, archive };
  if (await ports.files.exists(archive)) return prepared;
  options.onBuild(recipe.reference);
  const debianRoot = await unpackDebianPackages(
    {
      suite: debianSuite,
      packages: debianPackages,
      withDependencies: true,
      folder: path.join(options.cacheDir, "debian"),
    },
    ports,
  );
  const scratch = path.join(folder, `${key}.build`);
  await ports.files.makeFolder(scratch);
  try {
    const built = await buildImage(recipe, { debianRoot, folder: scratch, architecture: options.architecture }, ports);
    await ports.files.move(built, archive);
  } finally {
    await ports.files.remove(scratch);
  }
  return prepared;
}

export function computeImageKey(
  recipe: ImageRecipe,
  architecture: OciArchitecture,
  localPrograms: readonly string[],
): string {
  const inputs = [builderVersion, architecture, debianSuite, debianPackages, recipe, localPrograms];
  return createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, 16);
}

/** Programs from this machine may change under the same path; their size and time tell without reading 100 MB. */
async function describeLocalPrograms(recipe: ImageRecipe, runner: CommandRunner): Promise<readonly string[]> {
  const sources = recipe.programs.flatMap(({ from, source }) => (from === "local" ? source : []));
  if (sources.length === 0) return [];
  const { stdout } = await runner.run({ argv: ["stat", "-L", "-c", "%s %Y", ...sources] });
  return stdout.trim().split("\n");
}
