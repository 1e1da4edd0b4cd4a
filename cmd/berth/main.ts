/** berth: reads the command line, then loads only the command that was asked for. */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import packageJson from "#package.json" with { type: "json" };
import type { BerthPorts } from "./berth-ports.ts";
import { type CommandLine, parseCommandLine } from "./options.ts";

const { version } = packageJson;
const exitOnUsage = 2;

function readCommandLine(): CommandLine {
  try {
    return parseCommandLine(process.argv.slice(2), process.env, version);
  } catch (error) {
    process.stderr.write(`berth: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(exitOnUsage);
  }
}

/** The files of a source tree lie in cmd/berth, those of a bundle side by side. */
function findInstallation(): BerthPorts["installation"] {
  const here = import.meta.dirname;
  const root = path.resolve(here, "../..");
  return existsSync(path.join(root, "tools/build/main.ts")) && path.relative(root, here) === path.join("cmd", "berth")
    ? { kind: "sources", root }
    : { kind: "bundle", folder: here };
}

async function createPorts(form: "text" | "json", signal: AbortSignal): Promise<BerthPorts> {
  const [{ systemRunner }, { systemFiles }, { systemKernelFiles }, { systemClock }, { createStageReporter }] =
    await Promise.all([
      import("#pkg/system/exec.ts"),
      import("#pkg/system/files.ts"),
      import("#pkg/system/kernel-files.ts"),
      import("#pkg/system/clock.ts"),
      import("./report/stage-reporter.ts"),
    ]);
  const { systemPath } = await import("./machine/prerequisites.ts");
  const installation = findInstallation();
  // Programs of the system are found also where the user's PATH has no sbin.
  process.env["PATH"] = `${process.env["PATH"] ?? ""}:${systemPath}`;
  return {
    runner: systemRunner,
    files: systemFiles,
    kernelFiles: systemKernelFiles,
    clock: systemClock,
    reporter: createStageReporter({
      form: form === "json" ? "json" : process.stderr.isTTY ? "spinner" : "plain",
      hasColour: process.stderr.isTTY && !process.env["NO_COLOR"],
      clock: systemClock,
      progress: (text) => process.stderr.write(text),
      result: (text) => process.stdout.write(text),
    }),
    signal,
    kill: killQuietly,
    httpStatus: async (url, timeoutMs) => (await fetch(url, { signal: AbortSignal.timeout(timeoutMs) })).status,
    machine: {
      isRoot: process.getuid?.() === 0,
      hostName: hostname(),
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      node: process.execPath,
      cacheDir:
        process.env["BERTH_CACHE_DIR"] ??
        (installation.kind === "sources" ? path.join(installation.root, ".cache/berth") : "/var/cache/berth"),
      env: process.env as Record<string, string>,
    },
    installation,
    version,
  };
}

/** The process may have ended meanwhile. */
function killQuietly(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function run(line: Exclude<CommandLine, { kind: "print" }>): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());
  const ports = await createPorts("output" in line ? line.output : "text", interrupted.signal);
  using _reporter = ports.reporter;
  switch (line.kind) {
    case "up": {
      const { up } = await import("./up/up.ts");
      await up(line.wanted, ports);
      return 0;
    }
    case "down": {
      const { down } = await import("./down/down.ts");
      await down(line.wanted, line, ports);
      return 0;
    }
    case "status": {
      const { status } = await import("./status/status.ts");
      return (await status(line.wanted, ports)) ? 0 : 5;
    }
    case "kubeconfig": {
      const { printKubeconfig } = await import("./print-kubeconfig.ts");
      process.stdout.write(await printKubeconfig(line.wanted, line.onlyPath, ports.files));
      return 0;
    }
    case "missingVerb": {
      const { findKubeconfig } = await import("./print-kubeconfig.ts");
      const { describeMissingVerb } = await import("./kubectl-verbs.ts");
      process.stderr.write(`${describeMissingVerb(line.argv, await findKubeconfig(line.wanted, ports.files))}\n`);
      return exitOnUsage;
    }
  }
}

const line = readCommandLine();
if (line.kind === "print") process.stdout.write(line.text);
else {
  try {
    process.exitCode = await run(line);
  } catch (error) {
    const { exitCodeOf } = await import("./exit-codes.ts");
    process.stderr.write(`berth: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
