/**
 * iptables behind a port. Whole chains are written with iptables-restore; nothing is ever read back in steady state.
 */
import { BerthError, isNotFound, messageOf } from "#pkg/system/errors.ts";
import { CommandError, type CommandRunner } from "#pkg/system/exec.ts";
import { type IpFamily, type Rule, renderRestore, type Table, type TableChange } from "./ruleset.ts";

export interface IPTables {
  readonly family: IpFamily;
  /**
   * Applies the tables in order. Atomic per table, not over all: a table that fails leaves the earlier ones applied, so that
   * callers must be able to run again. Throws "Invalid" with iptables' words, "Unavailable" when the lock could not be had.
   */
  restore(changes: readonly TableChange[], signal?: AbortSignal): Promise<void>;
  /** Makes sure that a built-in chain holds this rule, at its top when it has to be added. */
  ensureRule(table: Table, chain: string, rule: Rule): Promise<void>;
  /** Takes the rule out, as often as it is there. */
  removeRule(table: Table, chain: string, rule: Rule): Promise<void>;
  /** Whether the chain holds the rule; a chain that is not there holds none. */
  hasRule(table: Table, chain: string, rule: Rule): Promise<boolean>;
  /** Whether the chain is there: somebody may have flushed everything. */
  hasChain(table: Table, chain: string): Promise<boolean>;
  /** Names of the chains that start with one of the prefixes; for cleaning up only. */
  listChains(table: Table, prefixes: readonly string[]): Promise<readonly string[]>;
}

export interface IPTablesOptions {
  readonly family: IpFamily;
  readonly runner: CommandRunner;
  /** Put in front of each command, e.g. `["nsenter", "--net=/run/netns/a"]`. */
  readonly prefix?: readonly string[];
}

/** Seconds to wait for the lock that all iptables of a machine share. */
const lockWaitSeconds = "5";

export function createIPTables({ family, runner, prefix = [] }: IPTablesOptions): IPTables {
  const program = family === "IPv4" ? "iptables" : "ip6tables";
  const run = async (argv: readonly string[], stdin?: string, signal?: AbortSignal): Promise<string> => {
    const [first = "", ...rest] = [...prefix, ...argv];
    try {
      return (await runner.run({ argv: [first, ...rest], ...(stdin === undefined ? {} : { stdin }) }, signal)).stdout;
    } catch (error) {
      throw classify(error);
    }
  };
  const edit = (flag: string, table: Table, chain: string, rule: Rule): Promise<string> =>
    run([program, "-w", lockWaitSeconds, "-t", table, flag, chain, ...rule]);
  const holds = async (flag: string, table: Table, chain: string, rule: Rule = []): Promise<boolean> => {
    try {
      await edit(flag, table, chain, rule);
      return true;
    } catch (error) {
      if (error instanceof BerthError && error.code === "NotFound") return false;
      throw error;
    }
  };
  return {
    family,
    async restore(changes, signal) {
      if (changes.length === 0) return;
      try {
        await run([`${program}-restore`, "-w", lockWaitSeconds, "--noflush"], renderRestore(changes), signal);
      } catch (error) {
        // A jump to nowhere is a wrong rule here, not a chain that was looked for.
        if (isNotFound(error)) throw new BerthError("Invalid", error.message, { cause: error });
        throw error;
      }
    },
    async ensureRule(table, chain, rule) {
      if (!(await holds("-C", table, chain, rule))) await edit("-I", table, chain, rule);
    },
    async removeRule(table, chain, rule) {
      while (await holds("-C", table, chain, rule)) await edit("-D", table, chain, rule);
    },
    hasRule: (table, chain, rule) => holds("-C", table, chain, rule),
    hasChain: (table, chain) => holds("-L", table, chain, ["-n"]),
    async listChains(table, prefixes) {
      const saved = await run([program, "-w", lockWaitSeconds, "-t", table, "-S"]);
      const names = saved.split("\n").flatMap((line) => /^-N (\S+)/.exec(line)?.[1] ?? []);
      return names.filter((name) => prefixes.some((start) => name.startsWith(start)));
    },
  };
}

/** Exit 1 and 2 cover everything, so that the words must tell what is missing from what is wrong. */
function classify(error: unknown): BerthError {
  if (!(error instanceof CommandError)) return BerthError.from(error);
  const text = error.stderr;
  if (error.exitCode === 4 || /xtables lock|Resource temporarily unavailable/.test(text)) {
    return new BerthError("Unavailable", `another process holds the xtables lock: ${messageOf(error)}`, {
      cause: error,
    });
  }
  // iptables-nft calls a chain that is not there "incompatible".
  if (
    /No chain\/target\/match by that name|does a matching rule exist|does not exist|is incompatible, use 'nft' tool/.test(
      text,
    )
  ) {
    return new BerthError("NotFound", messageOf(error), { cause: error });
  }
  return new BerthError("Invalid", messageOf(error), { cause: error });
}
