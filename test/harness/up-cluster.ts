/**
 * The `berth` command as a process, in a network namespace of the test's own: links, routes and rules are its own, and the
 * machine's other users are not disturbed.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildRecipes } from "#cmd/berth/images/cluster-images.ts";
import { prepareImages } from "#cmd/berth/images/prepare-images.ts";
import { type ChildProcess, CommandError, systemRunner } from "#pkg/system/exec.ts";
import { systemFiles } from "#pkg/system/files.ts";
import { CleanupStack } from "./cleanup.ts";

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface UpCluster extends AsyncDisposable {
  readonly name: string;
  readonly dataDir: string;
  /** Address of the namespace's only interface. */
  readonly address: string;
  berth(...argv: readonly string[]): Promise<CommandResult>;
  /** The command on its own, its output in a file, so that it can be interrupted. */
  startBerth(...argv: readonly string[]): Promise<ChildProcess & { output(): Promise<string> }>;
  /** Any program inside the namespace. */
  inside(...argv: readonly [string, ...string[]]): Promise<CommandResult>;
  /** A program inside that goes on; dispose ends it. */
  startInside(...argv: readonly [string, ...string[]]): Promise<ChildProcess>;
  get(url: string): Promise<CommandResult>;
  /** Links, routes and rules of the namespace, as text. */
  readNetwork(): Promise<string>;
}

const address = "10.77.0.1";
const cacheDir = path.resolve(".cache/berth");

/** Images are made before, outside: the namespace has no way to Debian's archive. */
export async function openUpCluster(): Promise<UpCluster> {
  await prepareImages(
    buildRecipes({
      nodeProgram: process.execPath,
      visits: await readFile("cmd/berth/demo/visits.js", "utf8"),
    }),
    {
      cacheDir,
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      onBuild: () => undefined,
    },
    { runner: systemRunner, files: systemFiles },
  );
  const cleanup = new CleanupStack();
  try {
    const name = `t${randomBytes(3).toString("hex")}`;
    const folder = await mkdtemp(path.join(tmpdir(), "berth-up-"));
    cleanup.defer(() => rm(folder, { recursive: true, force: true }));
    const dataDir = path.join(folder, "data");
    const enter = await makeNamespace(`berth-${name}`, cleanup);
    const inside = (...argv: readonly string[]): Promise<CommandResult> => runToEnd([...enter, ...argv]);
    const programs = await buildPrograms(name, cleanup);
    const command = (argv: readonly string[]) =>
      [
        ...enter,
        process.execPath,
        path.join(programs, "berth.js"),
        ...argv,
        "--name",
        name,
        "--data-dir",
        dataDir,
      ] as const;
    const berth = (...argv: readonly string[]): Promise<CommandResult> => runToEnd(command(argv));
    cleanup.defer(async () => {
      await berth("down");
    });
    return {
      name,
      dataDir,
      address,
      berth,
      inside,
      async startBerth(...argv) {
        const file = path.join(folder, "output");
        const child = await systemRunner.spawn({ argv: command(argv), output: { file } });
        cleanup.use(child);
        return { ...child, output: () => readFile(file, "utf8").catch(() => "") };
      },
      startInside: (...argv) => systemRunner.spawn({ argv: [...enter, ...argv] }),
      get: (url) =>
        inside(process.execPath, "-e", `fetch(${JSON.stringify(url)}).then((r) => r.text()).then(console.log)`),
      async readNetwork() {
        const parts = [
          ["ip", "-o", "link"],
          ["ip", "-4", "route", "show", "table", "all"],
          // Tables that came into being and are empty say nothing: rules and chains of somebody's own do.
          ["sh", "-c", "(iptables-save; ip6tables-save) | grep -E '^-A|^:.* - ' || true"],
          ["ipset", "list", "-n"],
        ];
        const texts = await Promise.all(parts.map((argv) => inside(...argv)));
        return texts.map(({ stdout }) => stdout).join("\n");
      },
      [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose](),
    };
  } catch (error) {
    await cleanup[Symbol.asyncDispose]();
    throw error;
  }
}

/** The bundle as it is shipped, in a folder of this test's own: sources may be edited meanwhile. */
async function buildPrograms(name: string, cleanup: CleanupStack): Promise<string> {
  const folder = path.resolve(".cache/berth-test", name);
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  await systemRunner.run({ argv: [process.execPath, "tools/build/main.ts", folder] });
  return folder;
}

/** With an address and a default route that lead nowhere; returns the words that run a program in it. */
async function makeNamespace(name: string, cleanup: CleanupStack): Promise<readonly [string, ...string[]]> {
  await systemRunner.run({ argv: ["ip", "netns", "add", name] });
  cleanup.defer(async () => {
    await systemRunner.run({ argv: ["ip", "netns", "delete", name] });
  });
  // `ip netns exec` would hide the cgroup mounts.
  const enter = ["nsenter", `--net=/run/netns/${name}`, "env", `BERTH_CACHE_DIR=${cacheDir}`] as const;
  const script = [
    "ip link set lo up",
    "ip link add eth0 type veth peer name eth0peer",
    `ip addr add ${address}/24 dev eth0`,
    "ip link set eth0 up",
    "ip link set eth0peer up",
    "ip route add default via 10.77.0.254 dev eth0",
  ].join(" && ");
  await systemRunner.run({ argv: [...enter, "sh", "-c", script] });
  return enter;
}

async function runToEnd(argv: readonly string[]): Promise<CommandResult> {
  try {
    return { ...(await systemRunner.run({ argv: argv as [string, ...string[]] })), exitCode: 0 };
  } catch (error) {
    if (!(error instanceof CommandError) || error.exitCode === undefined) throw error;
    return { stdout: error.stdout, stderr: error.stderr, exitCode: error.exitCode };
  }
}
