/**
 * Keeps the kernel's rules equal to the wanted ones by writing differences: chains that changed, whole, and chains that are
 * no longer wanted. What was written is remembered, so that nothing has to be read.
 *  - after a failure, and on demand, everything is written again, and what a former run left behind is removed;
 *  - rules stay when the writer goes away.
 */
import type { IPTables } from "#pkg/network/iptables/iptables.ts";
import { type Chain, type Rule, renderRule, type Table, type TableChange } from "#pkg/network/iptables/ruleset.ts";
import { canaryChain, hooks } from "./build-service-rules.ts";
import { changingChains } from "./chain-names.ts";

/** The chains of one table by name. */
export type WrittenChains = ReadonlyMap<string, readonly Rule[]>;

export type RuleCounts = Readonly<Partial<Record<Table, number>>>;

export interface WriteResult {
  readonly kind: "full" | "partial" | "none";
  /** Rules that were written, per table. */
  readonly written: RuleCounts;
  /** Rules that there are now, per table. */
  readonly total: RuleCounts;
}

/** What has to be written so that `written` becomes `desired`; undefined: nothing. Pure. */
export function diffTable(written: WrittenChains, desired: TableChange): TableChange | undefined {
  const chains = desired.chains.filter(({ name, rules }) => {
    const known = written.get(name);
    return known === undefined || !areEqual(known, rules);
  });
  const wanted = new Set(desired.chains.map(({ name }) => name));
  const removed = [...written.keys()].filter((name) => !wanted.has(name));
  if (chains.length === 0 && removed.length === 0) return undefined;
  return { table: desired.table, chains, ...(removed.length > 0 ? { removed } : {}) };
}

export class RuleWriter {
  readonly #iptables: IPTables;
  readonly #written = new Map<Table, WrittenChains>();
  #needsFull = true;

  constructor(iptables: IPTables) {
    this.#iptables = iptables;
  }

  /** The next write writes everything. */
  forget(): void {
    this.#needsFull = true;
  }

  get needsFull(): boolean {
    return this.#needsFull;
  }

  /** Whether somebody flushed or removed our rules since they were written. Looks at two rules, not at all of them. */
  async isIntact(): Promise<boolean> {
    const hook = hooks.at(-1);
    const checks = [
      this.#iptables.hasRule("filter", canaryChain.name, canaryChain.rules[0] ?? []),
      this.#iptables.hasRule("nat", canaryChain.name, canaryChain.rules[0] ?? []),
      ...(hook ? [this.#iptables.hasRule(hook.table, hook.chain, hook.rule)] : []),
    ];
    return (await Promise.all(checks)).every(Boolean);
  }

  /** Throws as IPTables does; the next write is a full one then. */
  async write(desired: readonly TableChange[], signal?: AbortSignal): Promise<WriteResult> {
    const isFull = this.#needsFull;
    this.#needsFull = true;
    const changes = isFull ? await this.#everything(desired) : this.#differences(desired);
    await this.#iptables.restore(changes, signal);
    if (isFull) for (const { table, chain, rule } of hooks) await this.#iptables.ensureRule(table, chain, rule);
    for (const { table, chains } of desired) this.#written.set(table, byName(chains));
    this.#needsFull = false;
    const kind = isFull ? "full" : changes.length > 0 ? "partial" : "none";
    return { kind, written: countRules(changes), total: countRules(desired) };
  }

  #differences(desired: readonly TableChange[]): readonly TableChange[] {
    return desired.flatMap((change) => diffTable(this.#written.get(change.table) ?? new Map(), change) ?? []);
  }

  async #everything(desired: readonly TableChange[]): Promise<readonly TableChange[]> {
    const changes: TableChange[] = [];
    for (const { table, chains } of desired) {
      const wanted = new Set(chains.map(({ name }) => name));
      const present = await this.#iptables.listChains(table, changingChains);
      const removed = present.filter((name) => !wanted.has(name));
      changes.push({ table, chains, ...(removed.length > 0 ? { removed } : {}) });
    }
    return changes;
  }
}

/** Takes out every rule and chain of the proxy, of any run. Chains of others, as the kubelet's canary, stay. */
export async function removeServiceRules(iptables: IPTables): Promise<void> {
  const fixed = new Set([
    "KUBE-MARK-MASQ",
    "KUBE-LOOP-BACK",
    "KUBE-CLUSTER-IPS",
    "KUBE-NO-NODEPORTS",
    canaryChain.name,
  ]);
  for (const { rule } of hooks) fixed.add(rule.at(-1) ?? "");
  for (const { table, chain, rule } of hooks) {
    // A rule that jumps to a chain that is not there cannot even be asked for.
    if (await iptables.hasChain(table, rule.at(-1) ?? "")) await iptables.removeRule(table, chain, rule);
  }
  for (const table of ["filter", "nat"] as const) {
    const present = await iptables.listChains(table, ["KUBE-"]);
    const removed = present.filter((name) => fixed.has(name) || changingChains.some((start) => name.startsWith(start)));
    if (removed.length > 0) await iptables.restore([{ table, chains: [], removed }]);
  }
}

function byName(chains: readonly Chain[]): WrittenChains {
  return new Map(chains.map(({ name, rules }) => [name, rules]));
}

/** Chains of services that did not change are the same value as before. */
function areEqual(one: readonly Rule[], other: readonly Rule[]): boolean {
  if (one === other) return true;
  return one.length === other.length && one.every((rule, index) => isSameRule(rule, other[index] ?? []));
}

function isSameRule(one: Rule, other: Rule): boolean {
  return one === other || renderRule(one) === renderRule(other);
}

function countRules(changes: readonly TableChange[]): RuleCounts {
  const count = (chains: readonly Chain[]): number => chains.reduce((total, { rules }) => total + rules.length, 0);
  return Object.fromEntries(changes.map(({ table, chains }) => [table, count(chains)]));
}
