/**
 * The kubectls of this machine: the one in PATH, those named `kubectl.1.NN` beside it, and the newest of Debian's, which is
 * unpacked, not installed.
 */
import { readdir, realpath } from "node:fs/promises";
import path from "node:path";
import { unpackDebianPackages } from "#pkg/system/apt.ts";
import { CommandError, systemRunner } from "#pkg/system/exec.ts";
import { systemFiles } from "#pkg/system/files.ts";

export interface Kubectl {
  /** "1.36" */
  readonly version: string;
  readonly program: string;
}

export interface KubectlResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Oldest first, one per minor version. */
export async function findKubectls(): Promise<readonly Kubectl[]> {
  const programs = [...(await besidePath()), await fromDebian()];
  const found = new Map<string, Kubectl>();
  for (const program of programs) {
    const version = await versionOf(program);
    if (version) found.set(version, { version, program });
  }
  return [...found.values()].sort((a, b) => Number(a.version.split(".")[1]) - Number(b.version.split(".")[1]));
}

async function besidePath(): Promise<readonly string[]> {
  const { stdout } = await systemRunner.run({ argv: ["sh", "-c", "command -v kubectl || true"] });
  if (stdout.trim() === "") return [];
  const folder = path.dirname(await realpath(stdout.trim()));
  const names = (await readdir(folder)).filter((name) => /^kubectl\.1\.\d+$/.test(name));
  return [stdout.trim(), ...names.map((name) => path.join(folder, name))];
}

async function fromDebian(): Promise<string> {
  const request = { suite: "sid", packages: ["kubectl"], withDependencies: false, folder: ".cache/kubectl" };
  const root = await unpackDebianPackages(request, { runner: systemRunner, files: systemFiles });
  return path.join(root, "usr/bin/kubectl");
}

async function versionOf(program: string): Promise<string | undefined> {
  const { stdout } = await systemRunner.run({ argv: [program, "version", "--client", "-o", "json"] });
  const { clientVersion } = JSON.parse(stdout) as { clientVersion: { major: string; minor: string } };
  return `${clientVersion.major}.${clientVersion.minor.replace(/\D.*$/, "")}`;
}

/** Runs kubectl; never throws for a non-zero exit. */
export async function runKubectl(
  kubectl: Kubectl,
  kubeconfig: string,
  argv: readonly string[],
  options: { readonly stdin?: string; readonly timeoutMs?: number } = {},
): Promise<KubectlResult> {
  // Discovery is cached in the home folder: a folder of its own keeps runs apart.
  const env = { PATH: process.env["PATH"] ?? "", HOME: path.dirname(kubeconfig), KUBECONFIG: kubeconfig };
  try {
    const command = {
      argv: [kubectl.program, ...argv] as [string, ...string[]],
      env,
      timeoutMs: options.timeoutMs ?? 60_000,
    };
    const { stdout, stderr } = await systemRunner.run({
      ...command,
      ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
    });
    return { stdout, stderr, exitCode: 0 };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { stdout: error.stdout, stderr: error.stderr, exitCode: error.exitCode ?? -1 };
  }
}
