import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Rule, TableChange } from "#pkg/network/iptables/ruleset.ts";
import { FakeIPTables } from "#pkg/network/testing/fake-iptables.ts";
import { buildServiceRules } from "./build-service-rules.ts";
import { diffTable, RuleWriter, removeServiceRules } from "./rule-writer.ts";
import { ruleSetInput } from "./service-model.ts";
import { endpoint, modelOf, nodeName, ruleOptions, service, slice } from "./testing/service-fixtures.ts";

const services = Array.from({ length: 600 }, (_, index) =>
  service(`s${index}`, { clusterIP: `10.96.${index >> 8}.${index & 255}` }),
);
const slices = services.map(({ metadata }) => slice(metadata.name ?? "", [endpoint("10.244.1.5", "node-2")]));

describe("diffTable", () => {
  test("turns what was written into what is wanted, and says nothing when it is", () => {
    const chains = fc.uniqueArray(
      fc.record({
        name: fc.constantFrom("A", "B", "C", "D"),
        rules: fc.array(fc.constantFrom(["-j", "ACCEPT"], ["-j", "DROP"]), { maxLength: 2 }),
      }),
      { selector: ({ name }) => name },
    );
    fc.assert(
      fc.property(chains, chains, (before, after) => {
        const state = new Map<string, readonly Rule[]>(before.map(({ name, rules }) => [name, rules]));
        const change = diffTable(state, { table: "nat", chains: after });
        for (const { name, rules } of change?.chains ?? []) {
          expect(state.get(name)).not.toEqual(rules);
          state.set(name, rules);
        }
        for (const name of change?.removed ?? []) expect(state.delete(name)).toBe(true);
        expect(Object.fromEntries(state)).toEqual(Object.fromEntries(after.map(({ name, rules }) => [name, rules])));
      }),
    );
  });
});

describe("RuleWriter", () => {
  /** What restore was called with. */
  class WatchedIPTables extends FakeIPTables {
    readonly changes: TableChange[][] = [];
    failsNext = false;

    override async restore(changes: readonly TableChange[]): Promise<void> {
      if (this.failsNext) {
        this.failsNext = false;
        throw new Error("no luck");
      }
      this.changes.push([...changes]);
      await super.restore(changes);
    }
  }

  test("one service that changes rewrites its own chain, or that and its /24", async () => {
    const iptables = new WatchedIPTables();
    const writer = new RuleWriter(iptables);
    const model = modelOf(services, slices);
    const write = () => writer.write(buildServiceRules(ruleSetInput(model.ports()), ruleOptions));
    expect((await write()).kind).toBe("full");
    expect((await write()).kind).toBe("none");

    model.setSlice(slice("s7", [endpoint("10.244.1.9", "node-2")]));
    expect(await write()).toMatchObject({ kind: "partial", written: { nat: 1 } });
    expect(iptables.changes.at(-1)?.map(({ chains }) => chains.length)).toEqual([1]);

    model.removeService(services[300] as (typeof services)[0]);
    await write();
    expect(iptables.changes.at(-1)).toMatchObject([
      { table: "nat", chains: [{ name: "KUBE-IPS-10.96.1.0" }], removed: [expect.stringMatching(/^KUBE-SVC-/)] },
    ]);
  });

  test("ends with the same rules whatever way it got there", async () => {
    const [iptables, fresh] = [new FakeIPTables(), new FakeIPTables()];
    const writer = new RuleWriter(iptables);
    const model = modelOf(services.slice(0, 20), slices.slice(0, 10));
    const rules = () => buildServiceRules(ruleSetInput(model.ports()), ruleOptions);
    await writer.write(rules());
    for (const one of slices.slice(0, 5)) model.removeSlice(one);
    await writer.write(rules());
    for (const one of services.slice(3, 8)) model.removeService(one);
    for (const one of slices.slice(12, 15)) model.setSlice(one);
    await writer.write(rules());
    await new RuleWriter(fresh).write(rules());
    const sorted = (from: FakeIPTables) => from.dump("nat").split("\n").sort();
    expect(sorted(iptables)).toEqual(sorted(fresh));
    expect([...iptables.chains("nat").keys()].sort()).toEqual([...fresh.chains("nat").keys()].sort());
  });

  test("writes everything again after a failure", async () => {
    const iptables = new WatchedIPTables();
    const writer = new RuleWriter(iptables);
    const model = modelOf(services.slice(0, 3), slices);
    const rules = () => buildServiceRules(ruleSetInput(model.ports()), ruleOptions);
    await writer.write(rules());
    model.removeSlice(slices[0] as (typeof slices)[0]);
    iptables.failsNext = true;
    await expect(writer.write(rules())).rejects.toThrow("no luck");
    expect((await writer.write(rules())).kind).toBe("full");
    expect(iptables.dump("filter", "KUBE-SERVICES")).toContain("default/s0 has no endpoints");
  });

  test("notices a flush that leaves the chains", async () => {
    const iptables = new FakeIPTables();
    const writer = new RuleWriter(iptables);
    await writer.write(buildServiceRules({ ports: [], loopBackAddresses: [] }, ruleOptions));
    expect(await writer.isIntact()).toBe(true);
    await iptables.restore([{ table: "filter", chains: [{ name: "KUBE-PROXY-CANARY", rules: [] }] }]);
    expect(await writer.isIntact()).toBe(false);
    iptables.flush();
    expect(await writer.isIntact()).toBe(false);
  });
});

describe("removeServiceRules", () => {
  test("takes out the proxy's chains and hooks, and nobody else's", async () => {
    const iptables = new FakeIPTables();
    await iptables.restore([{ table: "nat", chains: [{ name: "KUBE-KUBELET-CANARY", rules: [] }] }]);
    const model = modelOf(
      [service("web", { clusterIP: "10.96.0.1" })],
      [slice("web", [endpoint("10.244.0.1", nodeName)])],
    );
    await new RuleWriter(iptables).write(buildServiceRules(ruleSetInput(model.ports()), ruleOptions));
    await removeServiceRules(iptables);
    await removeServiceRules(iptables);
    expect(iptables.dump("nat") + iptables.dump("filter")).toBe("");
    expect(await iptables.listChains("nat", ["KUBE-"])).toEqual(["KUBE-KUBELET-CANARY"]);
  });
});
