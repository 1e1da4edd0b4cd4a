/**
 * Takes our chains out of what iptables-save prints: the input for `iptables-restore --noflush` that deletes every rule which
 * jumps to them and then the chains, table by table, each table at once. Pure. Other programs' chains are not named.
 */

const ours = /^(BERTH-|KUBE-)/;

/** "" when there is nothing of ours. */
export function computeRuleRemoval(saved: string): string {
  return splitTables(saved)
    .flatMap(({ name, chains, rules }) => {
      if (chains.length === 0) return [];
      const jumps = rules.filter(({ chain, target }) => !ours.test(chain) && target !== undefined && ours.test(target));
      return [
        `*${name}`,
        // Naming a chain empties it, so that they can be deleted in any order.
        ...chains.map((chain) => `:${chain} - [0:0]`),
        ...jumps.map(({ text }) => `-D${text.slice(2)}`),
        ...chains.map((chain) => `-X ${chain}`),
        "COMMIT",
        "",
      ];
    })
    .join("\n");
}

interface SavedRule {
  readonly chain: string;
  readonly target: string | undefined;
  readonly text: string;
}

interface SavedTable {
  readonly name: string;
  /** Ours only. */
  readonly chains: readonly string[];
  readonly rules: readonly SavedRule[];
}

function splitTables(saved: string): readonly SavedTable[] {
  const tables: { name: string; chains: string[]; rules: SavedRule[] }[] = [];
  for (const line of saved.split("\n")) {
    const table = tables.at(-1);
    if (line.startsWith("*")) tables.push({ name: line.slice(1), chains: [], rules: [] });
    else if (line.startsWith(":")) {
      const chain = line.slice(1).split(" ")[0] ?? "";
      if (ours.test(chain)) table?.chains.push(chain);
    } else if (line.startsWith("-A ")) {
      table?.rules.push({ chain: line.split(" ")[1] ?? "", target: / -[jg] (\S+)/.exec(line)?.[1], text: line });
    }
  }
  return tables;
}
