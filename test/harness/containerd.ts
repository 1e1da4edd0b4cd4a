/** A containerd of a test's own: root, state, socket and cgroups below one temporary folder and one cgroup subtree. */

import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildImage } from "#cmd/berth/images/build-image.ts";
import type { ImageRecipe } from "#cmd/berth/images/image-recipe.ts";
import { createCgroupManager, detectCgroupVersion } from "#pkg/cgroups/cgroup-manager.ts";
import type { CgroupPath } from "#pkg/cgroups/hierarchy.ts";
import { buildContainerdConfig, containerdSocket } from "#pkg/cri/containerd-config.ts";
import { type CriConnection, connectCri } from "#pkg/cri/grpc-runtime-service.ts";
import { unpackDebianPackages } from "#pkg/system/apt.ts";
import { systemRunner } from "#pkg/system/exec.ts";
import { systemFiles } from "#pkg/system/files.ts";
import { systemKernelFiles } from "#pkg/system/kernel-files.ts";
import { CleanupStack } from "./cleanup.ts";

export interface TestContainerd extends AsyncDisposable {
  readonly socket: string;
  readonly folder: string;
  readonly cgroupParent: CgroupPath;
  readonly cri: CriConnection;
  /** Reference of an image with busybox. */
  readonly busyboxImage: string;
  importImage(archive: string): Promise<void>;
}

const ports = { runner: systemRunner, files: systemFiles };
const architecture = process.arch === "arm64" ? "arm64" : "amd64";

export const pauseRecipe: ImageRecipe = {
  reference: "berth.local/pause:1",
  programs: [{ from: "debian", source: "/usr/bin/catatonit", target: "/pause" }],
  files: [],
  config: { entrypoint: ["/pause", "-P"], user: "65535:65535" },
};

export const busyboxRecipe: ImageRecipe = {
  reference: "berth.local/busybox:1",
  programs: [{ from: "debian", source: "/bin/busybox", target: "/bin/busybox" }],
  files: [],
  links: Object.fromEntries(
    [
      "sh",
      "sleep",
      "echo",
      "cat",
      "ls",
      "wget",
      "nc",
      "httpd",
      "id",
      "env",
      "true",
      "false",
      "stat",
      "head",
      "dd",
      "nslookup",
    ].map((name) => [`/bin/${name}`, "busybox"]),
  ),
  config: { entrypoint: ["/bin/sh"] },
};

/** Programs of Debian packages, unpacked once per machine into the repository's cache folder. */
export function debianRoot(): Promise<string> {
  return unpackDebianPackages(
    {
      suite: "bookworm",
      packages: ["busybox", "catatonit"],
      withDependencies: true,
      folder: ".cache/debian-test",
    },
    ports,
  );
}

export async function startTestContainerd(): Promise<TestContainerd> {
  const cleanup = new CleanupStack();
  try {
    const folder = await mkdtemp(path.join(tmpdir(), "berth-containerd-"));
    cleanup.defer(() => rm(folder, { recursive: true, force: true }));
    const cgroupParent: CgroupPath = `/berth-test-${path.basename(folder).slice(-6)}`;
    await startServer(folder, cgroupParent, cleanup);
    const socket = containerdSocket({ state: path.join(folder, "state") });
    const cri = cleanup.use(connectCri({ runtimeEndpoint: socket, now: () => Date.now() }));
    cleanup.defer(() => removeSandboxes(cri));
    await waitUntilReady(cri, folder);
    const importImage = async (archive: string): Promise<void> => {
      await systemRunner.run({ argv: ["ctr", "-a", socket, "-n", "k8s.io", "images", "import", archive] });
    };
    const root = await debianRoot();
    for (const recipe of [pauseRecipe, busyboxRecipe]) {
      await importImage(
        await buildImage(recipe, { debianRoot: root, folder: path.join(folder, "images"), architecture }, ports),
      );
    }
    return {
      socket,
      folder,
      cgroupParent,
      cri,
      importImage,
      busyboxImage: busyboxRecipe.reference,
      [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose](),
    };
  } catch (error) {
    await cleanup[Symbol.asyncDispose]();
    throw error;
  }
}

async function startServer(folder: string, cgroupParent: CgroupPath, cleanup: CleanupStack): Promise<void> {
  const version = await detectCgroupVersion("/sys/fs/cgroup", systemKernelFiles);
  const kill = (pid: number): void => {
    process.kill(pid, "SIGKILL");
  };
  const cgroups = createCgroupManager({ root: "/sys/fs/cgroup", version, files: systemKernelFiles, kill });
  cleanup.defer(() => cgroups.remove(cgroupParent));
  await cgroups.ensure(cgroupParent, {});
  for (const name of ["cni", "logs"]) await mkdir(path.join(folder, name));
  const config = buildContainerdConfig({
    root: path.join(folder, "root"),
    state: path.join(folder, "state"),
    sandboxImage: pauseRecipe.reference,
    cniBinFolder: path.join(folder, "cni"),
    cniConfFolder: path.join(folder, "cni"),
    restrictOomScoreAdj: !hasCapability(24),
    systemdCgroup: false,
    snapshotter: "overlayfs",
  });
  await writeFile(path.join(folder, "config.toml"), config);
  cleanup.use(
    await systemRunner.spawn({
      argv: ["containerd", "--config", path.join(folder, "config.toml")],
      output: { file: path.join(folder, "containerd.log") },
    }),
  );
}

/** Whether this process holds the capability with this number (24 is CAP_SYS_RESOURCE). */
function hasCapability(bit: number): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return (BigInt(`0x${effective}`) & (1n << BigInt(bit))) !== 0n;
}

async function waitUntilReady(cri: CriConnection, folder: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await cri.runtime.version();
      return;
    } catch (error) {
      if (attempt > 100) throw new Error(`containerd did not start; see ${folder}/containerd.log`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Shims outlive containerd: what still runs must go first. */
async function removeSandboxes(cri: CriConnection): Promise<void> {
  for (const sandbox of await cri.runtime.listPodSandbox()) await cri.runtime.removePodSandbox(sandbox.id);
}
