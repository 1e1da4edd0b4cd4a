/**
 * The test command: quick checks, then the test projects from quick to slow, then the leak check. Stops at the first
 * part that fails, but always looks for what was left behind. `npm test -- --project unit` runs one project alone;
 * `npm test -- FILE ...` passes file filters on to vitest.
 */
import { systemRunner } from "#pkg/system/exec.ts";
import { findLeaks, readMachineState, runMarker } from "./machine-state.ts";
import { installMissing } from "./prerequisites.ts";

const projects = ["unit", "kernel", "integration"] as const;

async function main(args: readonly string[]): Promise<number> {
  const started = performance.now();
  const only = args.indexOf("--project");
  const selected = only < 0 ? projects : projects.filter((name) => name === args[only + 1]);
  const filters = args.filter((_argument, index) => only < 0 || (index !== only && index !== only + 1));
  if (selected.length === 0) {
    console.error(`--project takes one of ${projects.join(", ")}`);
    return 2;
  }
  if (selected.some((name) => name !== "unit")) await installMissing();
  const runId = `${process.pid}-${Date.now()}`;
  process.env[runMarker] = runId;
  const before = await readMachineState(runId);
  const failure = await firstFailure(selected, filters, only < 0 && filters.length === 0);
  const leaks = findLeaks(before, await readMachineState(runId));
  for (const leak of leaks) console.log(`LEAK ${leak}`);
  console.log(
    leaks.length === 0 ? "leak check: nothing was left behind" : `leak check: ${leaks.length} things were left behind`,
  );
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  console.log(failure ? `FAILED: ${failure} (${minutes} min)` : `all parts passed (${minutes} min)`);
  return failure || leaks.length > 0 ? 1 : 0;
}

/** The name of the first part that failed, or undefined. */
async function firstFailure(
  selected: readonly string[],
  filters: readonly string[],
  withChecks: boolean,
): Promise<string | undefined> {
  if (withChecks && !(await passes(["node", "tools/check/main.ts"]))) return "checks";
  for (const project of selected) {
    const vitest = ["vitest", "run", "--project", project, "--passWithNoTests", ...filters] as const;
    // The kernel and integration tests share the machine with any other run of them.
    const argv = project === "unit" ? vitest : (["flock", "/run/lock/berth-tests.lock", ...vitest] as const);
    if (!(await passes([...argv] as [string, ...string[]]))) return project;
  }
  return undefined;
}

async function passes(argv: readonly [string, ...string[]]): Promise<boolean> {
  const child = await systemRunner.spawn({ argv, output: "inherit" });
  const { exitCode } = await child.exited;
  return exitCode === 0;
}

process.exitCode = await main(process.argv.slice(2));
