import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { systemRunner } from "#pkg/system/exec.ts";
import { systemFiles } from "#pkg/system/files.ts";
import { buildImage, listLibraries, parseLoaderOutput } from "./build-image.ts";
import type { ImageRecipe } from "./image-recipe.ts";

const ports = { runner: systemRunner, files: systemFiles };
const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "berth-image-"));
  folders.push(folder);
  return folder;
}

const recipe: ImageRecipe = {
  reference: "berth.local/true:1",
  programs: [{ from: "local", source: "/bin/true", target: "/bin/true" }],
  files: [{ target: "/etc/motd", content: "hello\n", mode: 0o600 }],
  links: { "/bin/yes": "true" },
  config: { entrypoint: ["/bin/true"], user: "65534", env: { A: "1" } },
};

async function build(): Promise<{ folder: string; archive: string }> {
  const folder = await temporaryFolder();
  const archive = await buildImage(recipe, { debianRoot: "", folder, architecture: "amd64" }, ports);
  return { folder, archive };
}

describe("buildImage", () => {
  test("makes a layout whose digests are those of its blobs, and whose layer runs", async () => {
    const { folder, archive } = await build();
    await systemRunner.run({ argv: ["tar", "-xf", archive, "-C", folder] });
    const blobs = path.join(folder, "blobs/sha256");
    for (const name of await readdir(blobs)) {
      const { stdout } = await systemRunner.run({ argv: ["sha256sum", path.join(blobs, name)] });
      expect(stdout.split(" ")[0]).toBe(name);
    }
    const read = async (digest: string): Promise<Record<string, never>> =>
      JSON.parse(await readFile(path.join(blobs, digest.slice(7)), "utf8")) as Record<string, never>;
    const index = JSON.parse(await readFile(path.join(folder, "index.json"), "utf8")) as {
      manifests: { digest: string; annotations: object }[];
    };
    expect(index.manifests[0]?.annotations).toMatchObject({ "io.containerd.image.name": "berth.local/true:1" });
    const manifest = (await read(index.manifests[0]?.digest ?? "")) as unknown as {
      config: { digest: string };
      layers: { digest: string }[];
    };
    expect(await read(manifest.config.digest)).toMatchObject({
      config: { User: "65534", Env: ["PATH=/usr/local/bin:/usr/bin:/bin", "A=1"] },
    });
    const { stdout } = await systemRunner.run({
      argv: ["tar", "-tvf", path.join(blobs, (manifest.layers[0]?.digest ?? "").slice(7))],
    });
    expect(stdout).toMatch(/-rw------- 0\/0 .*\.\/etc\/motd/);
    expect(stdout).toMatch(/drwxrwxrwt .*\.\/tmp\//);
    expect(stdout).toMatch(/\.\/bin\/yes -> true/);
    expect(stdout).toMatch(/libc\.so\.6/);
  });

  test("gives the same image for the same recipe", async () => {
    const [first, second] = [await build(), await build()];
    const sum = async (file: string): Promise<string | undefined> => {
      await systemRunner.run({ argv: ["tar", "-xf", file, "-C", path.dirname(file), "./index.json"] });
      return readFile(path.join(path.dirname(file), "index.json"), "utf8");
    };
    expect(await sum(first.archive)).toBe(await sum(second.archive));
  });
});

describe("listLibraries", () => {
  test("finds the loader and libc of a dynamic program", async () => {
    const targets = (await listLibraries("/bin/true", "", systemRunner)).map(({ target }) => path.basename(target));
    expect(targets).toContain("libc.so.6");
    expect(targets.some((name) => name.startsWith("ld-linux"))).toBe(true);
  });
});

describe("parseLoaderOutput", () => {
  test("maps files below the Debian root to their place in the image", () => {
    const output =
      "\tlinux-vdso.so.1 (0x1)\n\tlibm.so.6 => /r/lib/x/libm.so.6 (0x2)\n\t/lib64/ld-linux-x86-64.so.2 => /r/lib64/ld-linux-x86-64.so.2 (0x3)\n";
    expect(parseLoaderOutput(output, "/r")).toEqual([{ source: "/r/lib/x/libm.so.6", target: "/lib/x/libm.so.6" }]);
  });

  test("names a library that is missing", () => {
    expect(() => parseLoaderOutput("\tlibgone.so.1 => not found\n", "")).toThrow(/libgone\.so\.1 is missing/);
  });
});
