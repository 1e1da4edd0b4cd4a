/**
 * iptables in memory, with the real tool's rules: a table is changed as a whole or not at all, earlier tables stay changed
 * when a later one fails, jumps to chains that are not there fail, and a chain that is jumped to cannot be removed.
 */
import { BerthError } from "#pkg/system/errors.ts";
import type { IPTables } from "../iptables/iptables.ts";
import { type IpFamily, type Rule, renderRule, type Table, type TableChange } from "../iptables/ruleset.ts";

const builtIn: Readonly<Record<Table, readonly string[]>> = {
  raw: ["PREROUTING", "OUTPUT"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  nat: ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
  filter: ["INPUT", "FORWARD", "OUTPUT"],
};

/** Targets that are no chains. */
const targets = new Set([
  "ACCEPT",
  "DROP",
  "RETURN",
  "REJECT",
  "DNAT",
  "SNAT",
  "MASQUERADE",
  "MARK",
  "LOG",
  "NFLOG",
  "NOTRACK",
  "CT",
  "TCPMSS",
  "REDIRECT",
]);

export class FakeIPTables implements IPTables {
  readonly family: IpFamily;
  #tables = new Map<Table, Map<string, readonly Rule[]>>();
  /** How often restore was called, and with how many lines in all. */
  restores = 0;

  constructor(family: IpFamily = "IPv4") {
    this.family = family;
    for (const [table, chains] of Object.entries(builtIn) as [Table, readonly string[]][]) {
      this.#tables.set(table, new Map(chains.map((name) => [name, []])));
    }
  }

  async restore(changes: readonly TableChange[]): Promise<void> {
    this.restores++;
    for (const change of changes) this.#tables.set(change.table, this.#changed(change));
  }

  async ensureRule(table: Table, chain: string, rule: Rule): Promise<void> {
    const rules = this.rules(table, chain);
    if (!rules.some((one) => renderRule(one) === renderRule(rule))) this.#set(table, chain, [rule, ...rules]);
  }

  async removeRule(table: Table, chain: string, rule: Rule): Promise<void> {
    this.#set(
      table,
      chain,
      this.rules(table, chain).filter((one) => renderRule(one) !== renderRule(rule)),
    );
  }

  async hasRule(table: Table, chain: string, rule: Rule): Promise<boolean> {
    return (this.#table(table).get(chain) ?? []).some((one) => renderRule(one) === renderRule(rule));
  }

  async hasChain(table: Table, chain: string): Promise<boolean> {
    return this.#table(table).has(chain);
  }

  async listChains(table: Table, prefixes: readonly string[]): Promise<readonly string[]> {
    return [...this.#table(table).keys()].filter(
      (name) => !builtIn[table].includes(name) && prefixes.some((start) => name.startsWith(start)),
    );
  }

  /** What the chain holds; throws "NotFound". */
  rules(table: Table, chain: string): readonly Rule[] {
    const rules = this.#table(table).get(chain);
    if (!rules) throw new BerthError("NotFound", `no chain ${chain} in table ${table}`);
    return rules;
  }

  /** Everything, for packet tracers. */
  chains(table: Table): ReadonlyMap<string, readonly Rule[]> {
    return this.#table(table);
  }

  /** As somebody else's `iptables -F; iptables -X` would. */
  flush(): void {
    for (const [table, chains] of Object.entries(builtIn) as [Table, readonly string[]][]) {
      this.#tables.set(table, new Map(chains.map((name) => [name, []])));
    }
  }

  /** The chains with this prefix as text, for comparing with what is wanted. */
  dump(table: Table, prefix = ""): string {
    return [...this.#table(table)]
      .filter(([name, rules]) => name.startsWith(prefix) && (rules.length > 0 || !builtIn[table].includes(name)))
      .flatMap(([name, rules]) => rules.map((rule) => `-A ${name} ${renderRule(rule)}`))
      .join("\n");
  }

  #changed({ table, chains, removed = [] }: TableChange): Map<string, readonly Rule[]> {
    const next = new Map(this.#table(table));
    for (const { name } of chains) next.set(name, []);
    for (const name of removed) next.set(name, []);
    for (const { name, rules } of chains) next.set(name, rules);
    for (const name of removed) next.delete(name);
    for (const [name, rules] of next) {
      for (const rule of rules) this.#checkTarget(table, name, rule, next);
    }
    return next;
  }

  #checkTarget(table: Table, chain: string, rule: Rule, chains: ReadonlyMap<string, unknown>): void {
    const at = rule.findIndex((word) => word === "-j" || word === "-g");
    const target = rule[at + 1];
    if (at < 0 || target === undefined || targets.has(target) || chains.has(target)) return;
    throw new BerthError("Invalid", `table ${table}, chain ${chain}: no chain ${target} to jump to`);
  }

  #table(table: Table): Map<string, readonly Rule[]> {
    return this.#tables.get(table) ?? new Map<string, readonly Rule[]>();
  }

  #set(table: Table, chain: string, rules: readonly Rule[]): void {
    this.rules(table, chain);
    this.#table(table).set(chain, rules);
  }
}
