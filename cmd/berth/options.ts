/** The command line of `berth`. Pure: words and environment in, a value out that says what to do. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { BerthError } from "#pkg/system/errors.ts";
import type { WantedSettings } from "./cluster/settings.ts";
import { exitCodesHelp } from "./exit-codes.ts";
import { isKubectlVerb } from "./kubectl-verbs.ts";

export type OutputForm = "text" | "json";

export type CommandLine =
  | { readonly kind: "up"; readonly wanted: WantedSettings; readonly output: OutputForm }
  | {
      readonly kind: "down";
      readonly wanted: WantedSettings;
      readonly output: OutputForm;
      readonly keepsData: boolean;
    }
  | { readonly kind: "status"; readonly wanted: WantedSettings; readonly output: OutputForm }
  | { readonly kind: "kubeconfig"; readonly wanted: WantedSettings; readonly onlyPath: boolean }
  | { readonly kind: "missingVerb"; readonly argv: readonly string[]; readonly wanted: WantedSettings }
  /** Help or version. */
  | { readonly kind: "print"; readonly text: string };

interface Flags {
  readonly name: string;
  readonly dataDir?: string;
  readonly output: OutputForm;
}

/** `argv` without the program. Throws "Invalid" with a message for people. */
export function parseCommandLine(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  version: string,
): CommandLine {
  const defaults = { name: env["BERTH_NAME"] ?? "default", dataDir: env["BERTH_DATA_DIR"] };
  if (argv[0] !== undefined && isKubectlVerb(argv[0])) return { kind: "missingVerb", argv, wanted: defaults };
  let chosen: CommandLine | undefined;
  let printed = "";
  const program = defineProgram(version, defaults, (line) => {
    chosen = line;
  });
  const print = (text: string): void => {
    printed += text;
  };
  for (const one of [program, ...program.commands])
    one.exitOverride().configureOutput({ writeOut: print, writeErr: () => undefined });
  try {
    if (argv.length === 0) return { kind: "print", text: program.helpInformation() + exitCodesHelp.concat("\n") };
    program.parse([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "print", text: printed };
    throw new BerthError("Invalid", error.message.replace(/^error: /, ""), { cause: error });
  }
  if (!chosen) throw new BerthError("Invalid", `say what to do; see berth --help`);
  return chosen;
}

function defineProgram(
  version: string,
  defaults: { readonly name: string; readonly dataDir: string | undefined },
  choose: (line: CommandLine) => void,
): Command {
  const program = new Command("berth")
    .description("A Kubernetes cluster on this machine, and the tool to look after it.")
    .version(version)
    .addHelpText("after", exitCodesHelp);
  const add = (verb: string, description: string): Command =>
    program
      .command(verb)
      .description(description)
      .option("--name <name>", "tells clusters apart", parseName, defaults.name)
      .option("--data-dir <folder>", "everything that lasts (default: /var/lib/berth/<name>)", defaults.dataDir);
  const output = (): Option =>
    new Option("-o, --output <form>", "for people, or one JSON object per line")
      .choices(["text", "json"])
      .default("text");
  add("up", "start a cluster; changes nothing where it runs already")
    .option("--port <port>", "port of the API server (default: 6443)", parsePort)
    .option("--demo", "run the demo application (default for a new cluster)")
    .option("--no-demo", "do without the demo application")
    .addOption(output())
    .action((flags: Flags & { port?: number; demo?: boolean }) => {
      const { port, demo } = flags;
      choose({ kind: "up", wanted: { ...wantedOf(flags), port, demo }, output: flags.output });
    });
  add("down", "stop the cluster and remove all it left on this machine")
    .option("--keep-data", "leave the data folder, so that up brings the same cluster back")
    .addOption(output())
    .action((flags: Flags & { keepData?: boolean }) => {
      choose({
        kind: "down",
        wanted: wantedOf(flags),
        output: flags.output,
        keepsData: flags.keepData ?? false,
      });
    });
  add("status", "what runs, since when, and what the cluster says of itself")
    .addOption(output())
    .action((flags: Flags) => choose({ kind: "status", wanted: wantedOf(flags), output: flags.output }));
  add("kubeconfig", "print the administrator's kubeconfig")
    .option("--path", "print where the file is")
    .action((flags: Flags & { path?: boolean }) =>
      choose({ kind: "kubeconfig", wanted: wantedOf(flags), onlyPath: flags.path ?? false }),
    );
  return program;
}

function wantedOf({ name, dataDir }: Flags): WantedSettings {
  return { name, dataDir };
}

/** It becomes part of folder, cgroup and socket names. */
function parseName(text: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(text))
    throw new InvalidArgumentError("It must be 1 to 32 lower-case letters, digits and dashes.");
  return text;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535)
    throw new InvalidArgumentError("It must be a port, 1 to 65535.");
  return port;
}
