/** The embedded store from a bundle, as it is shipped: its thread is a file of its own beside the program. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemRunner } from "#pkg/system/exec.ts";

const root = path.join(import.meta.dirname, "../..");

describe("the embedded store in a bundle", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "berth-bundle-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test("writes and reads with the worker as a second entry point", async () => {
    const program = path.join(folder, "program.ts");
    await writeFile(
      program,
      `import { openEmbeddedStore } from "#controlplane/store/embedded-store.ts";
       const store = await openEmbeddedStore({ dataDir: ${JSON.stringify(path.join(folder, "data"))} });
       const key = new TextEncoder().encode("a");
       await store.txn({ compare: [], success: [{ kind: "put", key, value: key }], failure: [] });
       console.log(JSON.stringify((await store.range({ start: key })).kvs.map((kv) => kv.modRevision)));
       await store[Symbol.asyncDispose]();`,
    );
    await build({
      entryPoints: {
        program,
        "sqlite-worker": path.join(root, "controlplane/store/embedded/sqlite-worker.ts"),
      },
      outdir: path.join(folder, "out"),
      bundle: true,
      platform: "node",
      format: "esm",
      // Packages stay outside here; what matters is where our own modules find each other.
      packages: "external",
      plugins: [
        {
          name: "own modules",
          setup(builder) {
            builder.onResolve({ filter: /^#/ }, ({ path: name }) => ({ path: path.join(root, name.slice(1)) }));
          },
        },
      ],
      logLevel: "silent",
    });
    await writeFile(path.join(folder, "out/package.json"), '{"type":"module"}');
    await systemRunner.run({ argv: ["ln", "-s", path.join(root, "node_modules"), path.join(folder, "node_modules")] });
    const { stdout } = await systemRunner.run({ argv: [process.execPath, path.join(folder, "out/program.js")] });
    expect(stdout.trim()).toBe("[2]");
  });
});
