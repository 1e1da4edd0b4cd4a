/** berth-server as a real process with a data folder of its own, on a free port of the loopback. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type ChildProcess, systemRunner } from "#pkg/system/exec.ts";

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly kubeconfig: string;
  readonly dataDir: string;
  readonly process: ChildProcess;
  /** The log so far. */
  log(): Promise<string>;
}

export interface TestServerOptions {
  /** Added to the command line. */
  readonly flags?: readonly string[];
  /** Reused, and kept, when given. */
  readonly dataDir?: string;
}

/** Resolves when the server is ready; throws with its last log lines when it does not get there. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = options.dataDir ?? (await mkdtemp(path.join(tmpdir(), "berth-server-")));
  const logFile = path.join(folder, "log");
  const flags = ["--data-dir", folder, "--bind-address", "127.0.0.1", "--secure-port", "0", ...(options.flags ?? [])];
  const child = await systemRunner.spawn({
    argv: [process.execPath, "controlplane/main.ts", ...flags],
    output: { file: logFile },
  });
  const log = (): Promise<string> => readFile(logFile, "utf8").catch(() => "");
  const remove = async (): Promise<void> => {
    await child[Symbol.asyncDispose]();
    if (options.dataDir === undefined) await rm(folder, { recursive: true, force: true });
  };
  try {
    const port = await waitUntilReady(child, log);
    const kubeconfig = path.join(folder, "kubeconfig");
    return {
      url: `https://127.0.0.1:${port}`,
      kubeconfig,
      dataDir: folder,
      process: child,
      log,
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    const lines = (await log())
      .split("\n")
      .slice(-8)
      .map((line) => line.slice(0, 500));
    await remove();
    throw new Error(`berth-server did not become ready:\n${lines.join("\n")}`, { cause: error });
  }
}

async function waitUntilReady(child: ChildProcess, log: () => Promise<string>): Promise<number> {
  let ended = false;
  void child.exited.then(() => {
    ended = true;
  });
  for (let attempt = 0; attempt < 600 && !ended; attempt++) {
    const lines = (await log()).split("\n").flatMap((line) => (line.startsWith("{") ? [parseLine(line)] : []));
    const port = lines.findLast(({ msg }) => msg === "listening")?.port;
    // A data folder that is used again has the lines of former runs: only those after the last "listening" count.
    const listening = lines.findLastIndex(({ msg }) => msg === "listening");
    if (port !== undefined && lines.slice(listening).some(({ msg }) => msg === "ready")) return port;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(ended ? "it ended" : "it took more than 30 seconds");
}

function parseLine(line: string): { readonly msg?: string; readonly port?: number } {
  try {
    return JSON.parse(line) as { msg?: string; port?: number };
  } catch {
    return {};
  }
}
