import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "./clock.ts";
import { CommandError, type CommandRunner, systemRunner } from "./exec.ts";
import { ScriptedRunner } from "./testing/scripted-runner.ts";

const sh = (script: string): { argv: [string, ...string[]] } => ({ argv: ["sh", "-c", script] });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "berth-exec-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe("systemRunner.run", () => {
  test("gives the input and returns both outputs as they were written", async () => {
    const command = { ...sh("cat; echo öops >&2"), stdin: "in\n\n" };
    expect(await systemRunner.run(command)).toEqual({ stdout: "in\n\n", stderr: "öops\n" });
  });

  test("a command that does not read its input is no failure", async () => {
    const stdin = Buffer.alloc(1024 * 1024, "x");
    expect((await systemRunner.run({ ...sh("echo done"), stdin })).stdout).toBe("done\n");
  });

  test("a non-zero exit throws with the status and what was said last", async () => {
    const failed = systemRunner.run(sh("echo out; echo why >&2; exit 4"));
    await expect(failed).rejects.toBeInstanceOf(CommandError);
    await expect(failed).rejects.toMatchObject({
      exitCode: 4,
      stdout: "out\n",
      stderr: "why\n",
      message: expect.stringMatching(/exited with 4: why$/),
    });
  });

  test("an end by a signal throws without a status", async () => {
    await expect(systemRunner.run(sh("kill -KILL $$"))).rejects.toMatchObject({
      exitCode: undefined,
      message: expect.stringContaining("was killed by SIGKILL"),
    });
  });

  test("a missing program, a missing folder and a file that is no program are told apart", async () => {
    await expect(systemRunner.run({ argv: ["/no/such/program"] })).rejects.toMatchObject({
      code: "NotFound",
      message: expect.stringContaining("no such program"),
    });
    await expect(systemRunner.run({ argv: ["true"], cwd: "/no/such/folder" })).rejects.toMatchObject({
      code: "NotFound",
      message: expect.stringContaining("/no/such/folder"),
    });
    await expect(systemRunner.run({ argv: ["/etc/passwd"] })).rejects.toMatchObject({ code: "Forbidden" });
    await expect(systemRunner.run({ argv: ["true", "nul\0"] })).rejects.toMatchObject({ code: "Internal" });
  });

  test("env replaces the environment, cwd is where it runs", async () => {
    const command = { argv: ["/bin/sh", "-c", "env; pwd"] as const, env: { ONLY: "this" }, cwd: "/" };
    const lines = (await systemRunner.run(command)).stdout.trim().split("\n");
    expect(lines).toContain("ONLY=this");
    expect(lines.filter((line) => line.startsWith("HOME="))).toEqual([]);
    expect(lines.at(-1)).toBe("/");
  });

  test("a command that takes too long is Timeout, also when it ignores SIGTERM", async () => {
    const started = systemClock.monotonic();
    const stubborn = systemRunner.run({ ...sh("trap '' TERM; while :; do sleep 0.1; done"), timeoutMs: 50 });
    await expect(stubborn).rejects.toMatchObject({ code: "Timeout" });
    expect(systemClock.monotonic() - started).toBeLessThan(5_000);
  });

  test("does not wait for a grandchild that keeps the output open", async () => {
    const started = systemClock.monotonic();
    const { stdout } = await systemRunner.run(sh("echo $$; sleep 30 & echo $!"));
    expect(systemClock.monotonic() - started).toBeLessThan(10_000);
    process.kill(Number(stdout.split("\n")[1]), "SIGKILL");
  });

  test("the signal ends it, before and while it runs", async () => {
    await expect(systemRunner.run(sh("true"), AbortSignal.abort())).rejects.toMatchObject({ code: "Aborted" });
    const controller = new AbortController();
    const running = systemRunner.run({ argv: ["sleep", "30"] }, controller.signal);
    setTimeout(() => controller.abort(), 20);
    await expect(running).rejects.toMatchObject({ code: "Aborted" });
  });
});

describe("systemRunner.spawn", () => {
  test("writes both outputs to the end of a file, and tells how the process ended", async () => {
    const file = path.join(folder, "log");
    for (const word of ["one", "two"]) {
      await using child = await systemRunner.spawn({ ...sh(`echo ${word}; echo err >&2; exit 3`), output: { file } });
      expect(child.pid).toBeGreaterThan(1);
      expect(await child.exited).toEqual({ exitCode: 3, signal: undefined });
    }
    expect(await readFile(file, "utf8")).toBe("one\nerr\ntwo\nerr\n");
  });

  test("a missing program or a missing folder for its output is NotFound", async () => {
    await expect(systemRunner.spawn({ argv: ["/no/such/program"] })).rejects.toMatchObject({ code: "NotFound" });
    const output = { file: path.join(folder, "no", "log") };
    await expect(systemRunner.spawn({ argv: ["true"], output })).rejects.toMatchObject({ code: "NotFound" });
  });

  test("dispose ends it, with time to clean up, and by force when it does not go", async () => {
    const file = path.join(folder, "polite");
    const polite = "trap 'sleep 0.2; echo bye; exit 0' TERM; echo hi; while :; do sleep 0.05; done";
    {
      await using _child = await systemRunner.spawn({ ...sh(polite), output: { file } });
      await until(async () => (await readFile(file, "utf8")) === "hi\n");
    }
    expect(await readFile(file, "utf8")).toBe("hi\nbye\n");
    const stubborn = sh("trap '' TERM; echo ready; while :; do sleep 0.05; done");
    const child = await systemRunner.spawn({ ...stubborn, output: { file: `${file}2` }, stopGraceMs: 50 });
    await until(async () => (await readFile(`${file}2`, "utf8")) === "ready\n");
    await child[Symbol.asyncDispose]();
    expect(await child.exited).toEqual({ exitCode: undefined, signal: "SIGKILL" });
  });

  test("a detached process has a session of its own", async () => {
    const child = await systemRunner.spawn({ argv: ["sleep", "30"], detached: true });
    const { stdout } = await systemRunner.run({ argv: ["ps", "-o", "sid=", "-p", String(child.pid)] });
    expect(Number(stdout)).toBe(child.pid);
    await child[Symbol.asyncDispose]();
  });
});

describe("ScriptedRunner", () => {
  const script = [
    { argv: ["iptables-save"], stdout: "rules" },
    { argv: ["iptables-restore"], stdin: "x", exitCode: 2, stderr: "bad line" },
  ];

  test("answers as scripted, and throws as the real one does", async () => {
    using runner = new ScriptedRunner(script);
    expect(await runner.run({ argv: ["iptables-save"] })).toEqual({ stdout: "rules", stderr: "" });
    await expect(runner.run({ argv: ["iptables-restore"], stdin: "x" })).rejects.toMatchObject({ exitCode: 2 });
  });

  test("refuses what is not in the script, and complains of what was never run", async () => {
    const runner = new ScriptedRunner(script);
    const port: CommandRunner = runner;
    await expect(port.run({ argv: ["rm"] })).rejects.toThrow(/unexpected command/);
    await expect(port.run({ argv: ["iptables-restore"], stdin: "y" })).rejects.toThrow(/unexpected stdin/);
    const lazy = new ScriptedRunner(script);
    expect(() => lazy[Symbol.dispose]()).toThrow(/never run: iptables-save; iptables-restore/);
  });
});

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isTrue().catch(() => false)) && tries < 500; tries++) await systemClock.sleep(10);
}
