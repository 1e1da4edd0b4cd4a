/** What the port promises, for the fake and for the real tool. */
import { describe, expect, test } from "vitest";
import type { IPTables } from "../iptables/iptables.ts";

export function iptablesSuite(name: string, open: () => Promise<IPTables>): void {
  describe(`${name} satisfies IPTables`, () => {
    test("makes, fills anew and removes whole chains", async () => {
      const iptables = await open();
      await iptables.restore([
        {
          table: "nat",
          chains: [
            { name: "T-A", rules: [["-p", "tcp", "-j", "RETURN"]] },
            { name: "T-B", rules: [["-j", "T-A"]] },
          ],
        },
      ]);
      expect(await iptables.hasChain("nat", "T-A")).toBe(true);
      expect([...(await iptables.listChains("nat", ["T-"]))].sort()).toEqual(["T-A", "T-B"]);
      await iptables.restore([{ table: "nat", chains: [{ name: "T-B", rules: [] }] }]);
      await iptables.restore([{ table: "nat", chains: [], removed: ["T-A", "T-B"] }]);
      expect(await iptables.hasChain("nat", "T-A")).toBe(false);
    });

    test("a table that is wrong changes nothing in itself, and leaves earlier tables changed", async () => {
      const iptables = await open();
      const good = { table: "filter" as const, chains: [{ name: "T-GOOD", rules: [] }] };
      const bad = { table: "nat" as const, chains: [{ name: "T-NEW", rules: [["-j", "T-NOWHERE"]] }] };
      await expect(iptables.restore([good, bad])).rejects.toMatchObject({ code: "Invalid" });
      expect(await iptables.hasChain("filter", "T-GOOD")).toBe(true);
      expect(await iptables.hasChain("nat", "T-NEW")).toBe(false);
    });

    test("a jump from a built-in chain is made once and removed whole", async () => {
      const iptables = await open();
      await iptables.restore([{ table: "nat", chains: [{ name: "T-HOOK", rules: [] }] }]);
      const rule = ["-m", "comment", "--comment", "our own hook", "-j", "T-HOOK"];
      for (let round = 0; round < 2; round++) await iptables.ensureRule("nat", "OUTPUT", rule);
      expect(await iptables.hasRule("nat", "OUTPUT", rule)).toBe(true);
      expect(await iptables.hasRule("nat", "T-NOWHERE", rule)).toBe(false);
      await iptables.removeRule("nat", "OUTPUT", rule);
      await iptables.removeRule("nat", "OUTPUT", rule);
      await iptables.restore([{ table: "nat", chains: [], removed: ["T-HOOK"] }]);
      expect(await iptables.hasChain("nat", "T-HOOK")).toBe(false);
    });
  });
}
