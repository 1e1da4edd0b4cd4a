/** Transactions. Source: etcd rpc.proto TxnRequest and server/etcdserver/apply.go. */
import { describe, expect, test } from "vitest";
import type { Compare, Operation, OperationResult } from "../store.ts";
import { type StoreClient, text } from "./store-client.ts";

const valuesOf = (result: OperationResult | undefined): string[] =>
  result?.kind === "range" ? result.kvs.map((kv) => text(kv.value)) : ["not a range"];

export function txnSuite(client: () => StoreClient): void {
  describe("txn", () => {
    test("create, update and delete as Kubernetes does them: only the expected mod revision writes", async () => {
      const c = client();
      const run = (mod: number, success: Operation) =>
        c.store.txn({
          compare: [c.compare("a", "mod", "equal", mod)],
          success: [success],
          failure: [c.rangeOperation("a")],
        });
      const created = await run(0, c.putOperation("a", "1"));
      expect(created.succeeded).toBe(true);
      const again = await run(0, c.putOperation("a", "2"));
      expect(again).toMatchObject({ succeeded: false, revision: created.revision });
      expect(valuesOf(again.results[0])).toEqual(["1"]);
      const updated = await run(created.revision, c.putOperation("a", "2"));
      expect(updated).toMatchObject({ succeeded: true, revision: created.revision + 1 });
      expect((await run(created.revision, c.deleteOperation("a"))).succeeded).toBe(false);
      const deleted = await run(updated.revision, c.deleteOperation("a"));
      expect(deleted).toMatchObject({ succeeded: true, results: [{ kind: "delete", deleted: 1 }] });
    });

    test("all changes of a transaction share one revision", async () => {
      const c = client();
      await c.put("gone", "1");
      const { revision } = await c.do(c.putOperation("a", "1"), c.putOperation("b", "1"), c.deleteOperation("gone"));
      expect((await c.range()).kvs.map((kv) => [c.name(kv), kv.modRevision])).toEqual([
        ["a", revision],
        ["b", revision],
      ]);
      expect(await c.revision()).toBe(revision);
    });

    test("operations see what earlier ones of the transaction did", async () => {
      const c = client();
      await c.put("b", "old");
      const done = await c.do(
        c.rangeOperation("a", c.all()),
        c.putOperation("a", "1"),
        c.rangeOperation("a", c.all()),
        c.deleteOperation("b"),
        c.rangeOperation("a", { ...c.all(), countOnly: true }),
      );
      expect(valuesOf(done.results[0])).toEqual(["old"]);
      expect(valuesOf(done.results[2])).toEqual(["1", "old"]);
      expect(done.results[4]).toMatchObject({ kind: "range", count: 1 });
    });

    test("previous pairs come back when asked for", async () => {
      const c = client();
      const first = await c.do(c.putOperation("a", "1", { prevKv: true }));
      expect(first.results[0]).toEqual({ kind: "put", prevKv: undefined });
      const second = await c.do(c.putOperation("a", "2", { prevKv: true }));
      const put = second.results[0];
      expect(put?.kind === "put" && put.prevKv && text(put.prevKv.value)).toBe("1");
      await c.put("b", "3");
      const deletion = await c.do(c.deleteOperation("", { ...c.all(), prevKv: true }));
      const result = deletion.results[0];
      expect(result?.kind === "delete" && result.prevKvs.map((kv) => text(kv.value))).toEqual(["2", "3"]);
      expect(result).toMatchObject({ deleted: 2 });
    });

    test("keeping the value or the lease of a key works, and needs the key", async () => {
      const c = client();
      await c.put("a", "1");
      const revision = await c.put("a", "", { ignoreValue: true });
      expect(await c.get("a")).toMatchObject({ value: "1", mod: revision, version: 2 });
      await c.put("a", "2", { ignoreLease: true });
      expect(await c.get("a")).toMatchObject({ value: "2", version: 3 });
      const missing = { code: "Invalid", message: "etcdserver: key not found" };
      await expect(c.put("missing", "", { ignoreValue: true })).rejects.toMatchObject(missing);
      await expect(c.put("missing", "1", { ignoreLease: true })).rejects.toMatchObject(missing);
      await expect(c.put("a", "1", { ignoreValue: true })).rejects.toMatchObject({
        message: "etcdserver: value is provided",
      });
    });

    test("a failing operation undoes the whole transaction", async () => {
      const c = client();
      const base = await c.revision();
      await expect(
        c.do(c.putOperation("a", "1"), c.putOperation("missing", "", { ignoreValue: true })),
      ).rejects.toMatchObject({ code: "Invalid" });
      expect(await c.get("a")).toBeUndefined();
      expect(await c.revision()).toBe(base);
    });

    comparisonTests(client);
    nestingTests(client);

    test("one key can be changed once only", async () => {
      const c = client();
      const wanted = { code: "Invalid", message: "etcdserver: duplicate key given in txn request" };
      await expect(c.do(c.putOperation("a", "1"), c.putOperation("a", "2"))).rejects.toMatchObject(wanted);
      await expect(c.do(c.putOperation("a", "1"), c.deleteOperation("a"))).rejects.toMatchObject(wanted);
      await expect(c.do(c.putOperation("a", "1"), c.deleteOperation("", c.all()))).rejects.toMatchObject(wanted);
      await expect(c.do(c.deleteOperation("a"), c.deleteOperation("", c.all()))).resolves.toMatchObject({
        succeeded: true,
      });
    });

    test("128 operations are taken, 129 are not", async () => {
      const c = client();
      const puts = Array.from({ length: 129 }, (_, index) => c.putOperation(`k${index}`, "1"));
      await c.do(...puts.slice(1));
      expect(await c.range({ countOnly: true })).toMatchObject({ count: 128 });
      await expect(c.do(...puts)).rejects.toMatchObject({
        code: "Invalid",
        message: "etcdserver: too many operations in txn request",
      });
    });

    test("a read in a transaction obeys the rules for revisions", async () => {
      const c = client();
      const one = await c.put("a", "1");
      await c.put("a", "2");
      const old = await c.do(c.rangeOperation("a", { revision: one }));
      expect(valuesOf(old.results[0])).toEqual(["1"]);
      await expect(c.do(c.rangeOperation("a", { revision: one + 1000 }))).rejects.toMatchObject({
        message: "etcdserver: mvcc: required revision is a future revision",
      });
    });

    test("of concurrent writers that compare, exactly one wins each round", async () => {
      const c = client();
      for (let round = 0; round < 10; round++) {
        const mod = (await c.get("a"))?.mod ?? 0;
        const answers = await Promise.all(
          Array.from({ length: 16 }, (_, writer) =>
            c.store.txn({
              compare: [c.compare("a", "mod", "equal", mod)],
              success: [c.putOperation("a", `${round}/${writer}`)],
              failure: [c.rangeOperation("a")],
            }),
          ),
        );
        const winners = answers.filter((answer) => answer.succeeded);
        expect(winners).toHaveLength(1);
        expect((await c.get("a"))?.mod).toBe(winners[0]?.revision);
      }
    });
  });
}

function comparisonTests(client: () => StoreClient): void {
  test("comparisons read every target with every relation", async () => {
    const c = client();
    const create = await c.put("a", "m");
    const mod = await c.put("a", "m");
    type Row = readonly [Compare["target"], number | bigint | string];
    const same: Row[] = [
      ["version", 2],
      ["create", create],
      ["mod", mod],
      ["lease", 0n],
      ["value", "m"],
    ];
    const holds = async (compare: Compare): Promise<boolean> =>
      (await c.store.txn({ compare: [compare], success: [], failure: [] })).succeeded;
    for (const [target, operand] of same) {
      const answers = [
        await holds(c.compare("a", target, "equal", operand)),
        await holds(c.compare("a", target, "notEqual", operand)),
        await holds(c.compare("a", target, "greater", operand)),
        await holds(c.compare("a", target, "less", operand)),
      ];
      expect({ target, answers }).toEqual({ target, answers: [true, false, false, false] });
    }
    expect(await holds(c.compare("a", "version", "greater", 1))).toBe(true);
    expect(await holds(c.compare("a", "mod", "less", mod + 1))).toBe(true);
    expect(await holds(c.compare("a", "value", "greater", "l"))).toBe(true);
    expect(await holds(c.compare("a", "value", "less", "ma"))).toBe(true);
    expect(await holds(c.compare("a", "lease", "less", 1n))).toBe(true);
  });

  test("a missing key compares as zero, and its value never compares", async () => {
    const c = client();
    const holds = async (compare: Compare): Promise<boolean> =>
      (await c.store.txn({ compare: [compare], success: [], failure: [] })).succeeded;
    for (const target of ["version", "create", "mod"] as const) {
      expect(await holds(c.compare("no", target, "equal", 0))).toBe(true);
      expect(await holds(c.compare("no", target, "greater", 0))).toBe(false);
    }
    for (const relation of ["equal", "notEqual", "greater", "less"] as const) {
      expect(await holds(c.compare("no", "value", relation, ""))).toBe(false);
    }
  });

  test("a comparison over a range must hold for every pair in it", async () => {
    const c = client();
    await c.put("a", "1");
    await c.put("b", "1");
    const all = async (compare: Omit<Compare, "start" | "end">): Promise<boolean> =>
      (await c.store.txn({ compare: [{ ...c.all(), ...compare }], success: [], failure: [] })).succeeded;
    expect(await all({ target: "version", relation: "equal", operand: 1 })).toBe(true);
    await c.put("b", "2");
    expect(await all({ target: "version", relation: "equal", operand: 1 })).toBe(false);
    expect(await all({ target: "version", relation: "greater", operand: 0 })).toBe(true);
  });
}

function nestingTests(client: () => StoreClient): void {
  test("transactions nest, and inner comparisons see the state before the whole", async () => {
    const c = client();
    await c.put("a", "1");
    const inner = {
      kind: "txn" as const,
      compare: [c.compare("a", "value", "equal", "1"), c.compare("c", "version", "equal", 0)],
      success: [c.putOperation("b", "inner"), c.rangeOperation("b")],
      failure: [c.putOperation("b", "else")],
    };
    const done = await c.do(c.putOperation("c", "outer"), inner);
    const nested = done.results[1];
    expect(nested).toMatchObject({ kind: "txn", succeeded: true });
    expect(nested?.kind === "txn" ? valuesOf(nested.results[1]) : []).toEqual(["inner"]);
    expect(await c.get("b")).toMatchObject({ value: "inner", mod: done.revision });
    expect(await c.get("c")).toMatchObject({ value: "outer", mod: done.revision });
  });

  test("both branches may write one key, but an inner and an outer write of it collide", async () => {
    const c = client();
    const branches = (value: string) => ({
      kind: "txn" as const,
      compare: [c.compare("x", "version", "equal", 0)],
      success: [c.putOperation("a", value)],
      failure: [c.putOperation("a", `not ${value}`)],
    });
    await c.do(branches("1"));
    expect(await c.get("a")).toMatchObject({ value: "1" });
    await expect(c.do(branches("2"), c.putOperation("a", "3"))).rejects.toMatchObject({
      message: "etcdserver: duplicate key given in txn request",
    });
    await expect(c.do(branches("2"), branches("3"))).rejects.toMatchObject({ code: "Invalid" });
  });
}
