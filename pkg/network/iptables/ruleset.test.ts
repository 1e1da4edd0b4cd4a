import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FakeIPTables } from "../testing/fake-iptables.ts";
import { iptablesSuite } from "../testing/iptables-suite.ts";
import { parseRestore, renderRestore, type TableChange } from "./ruleset.ts";

iptablesSuite("FakeIPTables", async () => new FakeIPTables());

const name = fc.stringMatching(/^[A-Z][A-Z0-9-]{0,20}$/);
const word = fc.oneof(fc.stringMatching(/^[a-z0-9./:-]{1,12}$/), fc.stringMatching(/^[ a-z"'\\]{1,12}$/));
const change: fc.Arbitrary<TableChange> = fc.record({
  table: fc.constantFrom("nat" as const, "filter" as const),
  chains: fc.uniqueArray(
    fc.record({ name, rules: fc.array(fc.array(word, { minLength: 1, maxLength: 6 }), { maxLength: 4 }) }),
    { selector: (chain) => chain.name, maxLength: 4 },
  ),
});

describe("renderRestore", () => {
  test("is what parseRestore reads", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3 }), (changes) => {
        expect(parseRestore(renderRestore(changes))).toEqual(changes);
      }),
    );
  });

  test("declares every chain before the rules, and removes at the end", () => {
    const text = renderRestore([
      {
        table: "nat",
        chains: [
          { name: "A", rules: [["-m", "comment", "--comment", 'say "hi"', "-j", "B"]] },
          { name: "B", rules: [] },
        ],
        removed: ["C"],
      },
    ]);
    expect(text).toBe(
      '*nat\n:A - [0:0]\n:B - [0:0]\n:C - [0:0]\n-A A -m comment --comment "say \\"hi\\"" -j B\n-X C\nCOMMIT\n',
    );
  });

  test("refuses what would smuggle in another line, and names that are too long", () => {
    expect(() => renderRestore([{ table: "nat", chains: [{ name: "A", rules: [["x\n-F"]] }] }])).toThrow(/line break/);
    expect(() => renderRestore([{ table: "nat", chains: [{ name: "A".repeat(29), rules: [] }] }])).toThrow(
      /chain name/,
    );
  });
});
