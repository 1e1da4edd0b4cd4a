/**
 * iptables rules as values: a rule is a list of arguments, a chain a list of rules, a change a list of chains per table.
 * Rendering and parsing are pure and each other's inverse.
 */
import { BerthError } from "#pkg/system/errors.ts";

export type Table = "raw" | "mangle" | "nat" | "filter";
export type IpFamily = "IPv4" | "IPv6";

/** Arguments after `-A CHAIN`, as words: `["-d", "10.0.0.1/32", "-j", "DNAT", ...]`. */
export type Rule = readonly string[];

export interface Chain {
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** What happens to one table, all at once or not at all. */
export interface TableChange {
  readonly table: Table;
  /** Made where missing, and filled anew. */
  readonly chains: readonly Chain[];
  /** Emptied and removed; nothing may jump to them any more. */
  readonly removed?: readonly string[];
}

/** The kernel's limit for a chain's name. */
export const maxChainName = 28;

/** Input of `iptables-restore --noflush`: a block per table, each of which is applied as a whole. */
export function renderRestore(changes: readonly TableChange[]): string {
  return changes.map(renderTable).join("");
}

function renderTable({ table, chains, removed = [] }: TableChange): string {
  const lines = [`*${table}`];
  // Declaring a chain makes it, or empties it when it is there.
  for (const { name } of chains) lines.push(`:${checkName(name)} - [0:0]`);
  for (const name of removed) lines.push(`:${checkName(name)} - [0:0]`);
  for (const { name, rules } of chains) for (const rule of rules) lines.push(`-A ${name} ${renderRule(rule)}`);
  for (const name of removed) lines.push(`-X ${name}`);
  return `${lines.join("\n")}\nCOMMIT\n`;
}

export function renderRule(rule: Rule): string {
  return rule.map(quoteWord).join(" ");
}

/** Words with blanks or quotes stand in double quotes, as iptables-save prints them. */
function quoteWord(word: string): string {
  if (/[\n\r\0]/.test(word))
    throw new BerthError("Invalid", `a rule cannot hold a line break: ${JSON.stringify(word)}`);
  return /^[^\s"'\\]+$/.test(word) ? word : `"${word.replaceAll(/["\\]/g, (letter) => `\\${letter}`)}"`;
}

/** The reverse of renderRestore and the form of iptables-save: tables with their chains, in order. */
export function parseRestore(text: string): readonly TableChange[] {
  const changes: { table: Table; chains: { name: string; rules: Rule[] }[]; removed: string[] }[] = [];
  for (const line of text.split("\n")) {
    const current = changes.at(-1);
    if (line === "" || line.startsWith("#") || line === "COMMIT") continue;
    if (line.startsWith("*")) changes.push({ table: line.slice(1) as Table, chains: [], removed: [] });
    else if (line.startsWith(":")) current?.chains.push({ name: line.slice(1).split(" ")[0] ?? "", rules: [] });
    else if (line.startsWith("-A ")) {
      const [, name = "", ...rule] = splitWords(line);
      current?.chains.find((chain) => chain.name === name)?.rules.push(rule);
    } else if (line.startsWith("-X ")) {
      const name = line.slice(3);
      if (current) {
        current.chains = current.chains.filter((chain) => chain.name !== name);
        current.removed.push(name);
      }
    } else throw new BerthError("Invalid", `cannot read the rule line ${JSON.stringify(line)}`);
  }
  return changes.map(({ table, chains, removed }) => ({ table, chains, ...(removed.length > 0 ? { removed } : {}) }));
}

/** Splits at blanks, with double quotes and backslashes as the shell has them. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  for (const match of line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)) {
    words.push(match[1] === undefined ? (match[2] ?? "") : match[1].replaceAll(/\\(.)/g, "$1"));
  }
  return words;
}

function checkName(name: string): string {
  if (name.length === 0 || name.length > maxChainName || /\s/.test(name)) {
    throw new BerthError(
      "Invalid",
      `${JSON.stringify(name)} is no chain name: 1 to ${maxChainName} characters without blanks`,
    );
  }
  return name;
}
