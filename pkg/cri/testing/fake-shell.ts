/** As much of a shell as the scripts of tests need: echo, exit, sleep, true, false, trap … TERM, and loops that never end. */

export interface ShellRun {
  /** Milliseconds until the script ends by itself; Infinity: never. */
  readonly endsAfterMs: number;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What the process does on SIGTERM: its exit code, or "ignore". The default is to die of it. */
  readonly onTerm: number | "ignore";
}

const killedByTerm = 143;

export function runFakeShell(command: readonly string[]): ShellRun {
  const script = command[1] === "-c" ? (command[2] ?? "") : command.map((word) => word.replace(/^.*\//, "")).join(" ");
  const run = { endsAfterMs: 0, exitCode: 0, stdout: "", stderr: "", onTerm: killedByTerm as number | "ignore" };
  for (const statement of script.split(";").map((text) => text.trim())) {
    const [verb = "", ...words] = statement.split(/\s+/);
    if (verb === "trap") run.onTerm = readTrap(statement);
    else if (verb === "exit") return { ...run, exitCode: Number(words[0] ?? 0) };
    else if (verb === "sleep") run.endsAfterMs += Number(words[0]) * 1000;
    else if (verb === "while") return { ...run, endsAfterMs: Infinity };
    else if (verb === "false") run.exitCode = 1;
    else if (verb === "true") run.exitCode = 0;
    else if (verb === "echo") Object.assign(run, echo(run, words));
  }
  return run;
}

function echo(run: Pick<ShellRun, "stdout" | "stderr">, words: readonly string[]) {
  const isError = words.includes(">&2");
  const text = `${words.filter((word) => word !== ">&2").join(" ")}\n`;
  return isError ? { stderr: run.stderr + text } : { stdout: run.stdout + text };
}

function readTrap(statement: string): number | "ignore" {
  const handler = /^trap\s+'([^']*)'\s+TERM$/.exec(statement)?.[1] ?? "";
  return handler.startsWith("exit") ? Number(handler.split(" ")[1] ?? 0) : "ignore";
}
