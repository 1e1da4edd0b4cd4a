/**
 * The quick checks: types, lint and format, import rules, file names and sizes. They run side by side and end within
 * seconds; the first thing the test command does.
 */
import { readFile } from "node:fs/promises";
import { messageOf } from "#pkg/system/errors.ts";
import { CommandError, systemRunner } from "#pkg/system/exec.ts";
import { checkImports } from "./import-rules.ts";
import {
  findBannedNames,
  findLongFiles,
  findLongFunctions,
  maxFileLines,
  maxFunctionLines,
  type SourceFile,
} from "./tidy.ts";

interface Check {
  readonly name: string;
  /** Problem texts; empty means passed. */
  run(): Promise<readonly string[]>;
}

async function main(): Promise<number> {
  const files = await readSources();
  const checks: readonly Check[] = [
    { name: "types", run: () => runTool(["tsc", "-p", "tsconfig.json"]) },
    { name: "lint and format", run: () => runTool(["biome", "check", "--diagnostic-level=error", "."]) },
    { name: "promises and switches", run: () => runTool(["oxlint", "--type-aware", "--quiet"]) },
    { name: "import rules", run: async () => importProblems(files) },
    {
      name: "file names",
      run: async () =>
        findBannedNames(files.map(({ file }) => file)).map((file) => `${file}: name it after what it holds`),
    },
  ];
  let failed = 0;
  await Promise.all(
    checks.map(async ({ name, run }) => {
      const started = performance.now();
      const problems = await run();
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      if (problems.length > 0) failed++;
      console.log(`${problems.length === 0 ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
      for (const problem of problems) console.log(`  ${problem}`);
    }),
  );
  printLongest(files.filter(({ file }) => !isGenerated(file)));
  console.log(`checks: ${checks.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function readSources(): Promise<readonly SourceFile[]> {
  const { stdout } = await systemRunner.run({ argv: ["git", "ls-files", "-co", "--exclude-standard", "*.ts"] });
  const names = stdout.split("\n").filter((name) => name !== "");
  return Promise.all(names.map(async (file) => ({ file, source: await readFile(file, "utf8") })));
}

function importProblems(files: readonly SourceFile[]): readonly string[] {
  return files
    .flatMap(({ file, source }) => checkImports(file, source))
    .map(({ file, line, message }) => `${file}:${line} ${message}`);
}

async function runTool(argv: readonly [string, ...string[]]): Promise<readonly string[]> {
  try {
    await systemRunner.run({ argv });
    return [];
  } catch (error) {
    if (!(error instanceof CommandError)) return [messageOf(error)];
    return `${error.stdout}\n${error.stderr}`
      .split("\n")
      .filter((line) => line.trim() !== "" && !line.startsWith("npm warn"));
  }
}

function printLongest(files: readonly SourceFile[]): void {
  const longFiles = findLongFiles(files);
  const longFunctions = findLongFunctions(files);
  const show = (what: string, limit: number, things: readonly { where: string; lines: number }[]): void => {
    if (things.length === 0) return;
    const worst = things.slice(0, 5).map(({ where, lines }) => `${where} (${lines})`);
    console.log(`note: ${things.length} ${what} over ${limit} lines, the longest: ${worst.join(", ")}`);
  };
  show("files", maxFileLines, longFiles);
  show("functions", maxFunctionLines, longFunctions);
}

function isGenerated(file: string): boolean {
  return file.endsWith(".generated.ts") || /\/generated\//.test(file) || /^pkg\/api\/[a-z]+\/v\d\w*\.ts$/.test(file);
}

process.exitCode = await main();
