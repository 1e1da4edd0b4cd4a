/**
 * The bundle for shipping: one minified ES module per program in dist/, with code that is loaded late in chunks of its own.
 * Bundled programs start in a fraction of the time that hundreds of source files take. Usage: tools/build/main.ts [FOLDER]
 */
import { access, cp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { build } from "esbuild";
import { messageOf } from "#pkg/system/errors.ts";
import { systemRunner } from "#pkg/system/exec.ts";

interface Program {
  /** Name of the file in dist/, without extension. */
  readonly name: string;
  readonly entry: string;
}

const programs: readonly Program[] = [
  { name: "berth-server", entry: "controlplane/main.ts" },
  // The store's worker is started by its file name.
  { name: "sqlite-worker", entry: "controlplane/store/embedded/sqlite-worker.ts" },
  { name: "berth-nodeagent", entry: "cmd/nodeagent/main.ts" },
  { name: "berth-proxy", entry: "cmd/proxy/main.ts" },
  { name: "berth-dns", entry: "cmd/dns/main.ts" },
  { name: "berth-cni", entry: "cmd/cni/main.ts" },
  { name: "berth", entry: "cmd/berth/main.ts" },
];

/** Bundled CommonJS packages ask for Node's own modules with require, which ES modules do not have. */
const requireBanner =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

const present: Program[] = [];
for (const program of programs) {
  const exists = await access(program.entry).then(
    () => true,
    () => false,
  );
  if (exists) present.push(program);
}
const outdir = process.argv[2] ?? "dist";
await rm(outdir, { recursive: true, force: true });
const result = await build({
  entryPoints: present.map(({ name, entry }) => ({ in: entry, out: name })),
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  // Packages that ship both forms are bundled as ES modules: named imports of CommonJS do not survive bundling.
  mainFields: ["module", "main"],
  target: "node24",
  minify: true,
  keepNames: true,
  legalComments: "linked",
  banner: { js: requireBanner },
  external: ["cpu-features", "pino-pretty"],
  metafile: true,
  logLevel: "warning",
});
const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
await writeFile(
  path.join(outdir, "package.json"),
  `${JSON.stringify({ name: "berth", version, type: "module" }, null, 2)}\n`,
);
await buildCniPlugin();
// Goes into an image, not into a program.
await cp("cmd/berth/demo/visits.js", path.join(outdir, "demo/visits.js"));
for (const [file, { bytes, entryPoint }] of Object.entries(result.metafile.outputs)) {
  if (entryPoint) console.log(`${file} ${(bytes / 1024).toFixed(0)} KiB`);
}

/** The static CNI plugin, where there is a compiler; without it the agent installs its Node.js twin. */
async function buildCniPlugin(): Promise<void> {
  const plugin = path.join(outdir, "berth-cni-static");
  try {
    await systemRunner.run({
      argv: ["gcc", "-O2", "-static", "-s", "-Wall", "-Wextra", "-o", plugin, "cmd/cni/berth-cni.c"],
    });
    console.log(plugin);
  } catch (error) {
    console.log(
      `the static CNI plugin was not built (${messageOf(error).slice(0, 200)}); pods start some 50 ms later without it`,
    );
  }
}
