/** Reads, writes and revisions. Source: etcd API guarantees; figures measured on etcd 3.4.23. */
import { describe, expect, test } from "vitest";
import { BerthError } from "#pkg/system/errors.ts";
import { compareBytes, prefixEnd } from "../keys.ts";
import { bytes, type StoreClient, text } from "./store-client.ts";

export function keyValueSuite(client: () => StoreClient): void {
  describe("put, delete and range", () => {
    test("each write takes exactly the next revision", async () => {
      const c = client();
      const base = await c.revision();
      expect(await c.put("a", "1")).toBe(base + 1);
      expect(await c.put("a", "1")).toBe(base + 2);
      expect(await c.delete("a")).toBe(base + 3);
      expect(await c.revision()).toBe(base + 3);
    });

    test("deleting what is not there and an empty transaction leave the revision alone", async () => {
      const c = client();
      const base = await c.revision();
      expect(await c.delete("missing")).toBe(base);
      expect(await c.do()).toEqual({ succeeded: true, revision: base, results: [] });
      expect(await c.revision()).toBe(base);
    });

    test("a pair counts its writes from 1, keeps its create revision, and begins anew after a delete", async () => {
      const c = client();
      const first = await c.put("a", "1");
      const second = await c.put("a", "2");
      expect(await c.get("a")).toEqual({ key: "a", value: "2", create: first, mod: second, version: 2 });
      await c.delete("a");
      expect(await c.get("a")).toBeUndefined();
      const third = await c.put("a", "3");
      expect(await c.get("a")).toEqual({ key: "a", value: "3", create: third, mod: third, version: 1 });
    });

    test("empty values and keys of any bytes come back as they were", async () => {
      const c = client();
      const odd = Uint8Array.from([...c.key(""), 0, 0xff, 0x80, 0x0a, 0xc3]);
      await c.do({ kind: "put", key: odd, value: Uint8Array.of(0xff, 0, 0x80) }, c.putOperation("empty", ""));
      const { kvs } = await c.store.range({ start: odd });
      expect(kvs.map((kv) => [...kv.value])).toEqual([[0xff, 0, 0x80]]);
      expect([...(kvs[0]?.key ?? [])]).toEqual([...odd]);
      expect(await c.get("empty")).toMatchObject({ value: "" });
    });

    test("keys sort as unsigned bytes", async () => {
      const c = client();
      const tails = [[0x7f], [0x80], [0xff], [0], [0x7f, 0], [0x61], [0xc3, 0xa9], []];
      for (const tail of tails) {
        await c.do({ kind: "put", key: Uint8Array.from([...c.key("k"), ...tail]), value: bytes("") });
      }
      const { kvs } = await c.range();
      const wanted = tails.map((tail) => Uint8Array.from([...c.key("k"), ...tail])).sort(compareBytes);
      expect(kvs.map((kv) => [...kv.key])).toEqual(wanted.map((key) => [...key]));
    });

    test("a value of a megabyte is kept whole, and a request over 1.5 MiB is refused", async () => {
      const c = client();
      const large = "x".repeat(1_000_000);
      await c.put("large", large);
      expect((await c.get("large"))?.value).toBe(large);
      const tooLarge = c.put("huge", "x".repeat(1_600_000));
      await expect(tooLarge).rejects.toMatchObject({ code: "Invalid", message: "etcdserver: request is too large" });
    });

    test("an empty key is refused", async () => {
      const c = client();
      const wanted = { code: "Invalid", message: "etcdserver: key is not provided" };
      const none = new Uint8Array(0);
      await expect(c.store.range({ start: none })).rejects.toMatchObject(wanted);
      await expect(c.do({ kind: "put", key: none, value: none })).rejects.toMatchObject(wanted);
      await expect(c.do({ kind: "delete", start: none })).rejects.toMatchObject(wanted);
    });

    test("a range takes its start and leaves its end; the end 0x00 means everything from the start", async () => {
      const c = client();
      for (const name of ["a", "b", "c"]) await c.put(name, name);
      expect(await c.names(c.between("a", "c"))).toEqual(["a", "b"]);
      expect(await c.names(c.between("b", "b"))).toEqual([]);
      expect(await c.names(c.between("c", "a"))).toEqual([]);
      const fromB = await c.store.range({ start: c.key("b"), end: Uint8Array.of(0) });
      expect(fromB.kvs.slice(0, 2).map((kv) => c.name(kv))).toEqual(["b", "c"]);
      expect(prefixEnd(Uint8Array.of(0x61, 0xff))).toEqual(Uint8Array.of(0x62));
    });

    test("limit cuts, says so, and count still counts all", async () => {
      const c = client();
      for (const name of ["a", "b", "c"]) await c.put(name, name);
      expect(await c.range({ limit: 2 })).toMatchObject({ more: true, count: 3, kvs: { length: 2 } });
      expect(await c.range({ limit: 3 })).toMatchObject({ more: false, count: 3, kvs: { length: 3 } });
      expect(await c.range({ countOnly: true })).toMatchObject({ more: false, count: 3, kvs: [] });
      const keys = await c.range({ keysOnly: true });
      expect(keys.kvs.map((kv) => [c.name(kv), kv.value.length])).toEqual([
        ["a", 0],
        ["b", 0],
        ["c", 0],
      ]);
    });

    test("results sort by every target, and sorting comes before the limit", async () => {
      const c = client();
      await c.put("a", "z");
      await c.put("b", "y");
      await c.put("c", "x");
      await c.put("b", "y");
      const sorted = async (by: "key" | "version" | "create" | "mod" | "value", descending: boolean) =>
        (await c.names({ sort: { by, descending }, limit: 2 })).join("");
      expect(await sorted("key", true)).toBe("cb");
      expect(await sorted("value", false)).toBe("cb");
      expect(await sorted("mod", true)).toBe("bc");
      expect(await sorted("create", true)).toBe("cb");
      expect((await sorted("version", true))[0]).toBe("b");
    });

    test("revision filters pick pairs, and count ignores them", async () => {
      const c = client();
      const [a, b, d] = [await c.put("a", "1"), await c.put("b", "1"), await c.put("c", "1")];
      const late = await c.put("a", "2");
      expect(await c.names({ minModRevision: b })).toEqual(["a", "b", "c"]);
      expect(await c.names({ minModRevision: d })).toEqual(["a", "c"]);
      expect(await c.names({ maxModRevision: b })).toEqual(["b"]);
      expect(await c.names({ minCreateRevision: b, maxCreateRevision: b })).toEqual(["b"]);
      expect(await c.names({ maxCreateRevision: a })).toEqual(["a"]);
      expect(await c.range({ minModRevision: late })).toMatchObject({ count: 3, kvs: { length: 1 }, more: false });
    });

    test("old revisions read as they were", async () => {
      const c = client();
      const before = await c.revision();
      const one = await c.put("a", "1");
      const two = await c.put("a", "2");
      await c.put("b", "1");
      const gone = await c.delete("a");
      const state = async (revision: number): Promise<string[]> =>
        (await c.range({ revision })).kvs.map((kv) => `${c.name(kv)}=${text(kv.value)}`);
      expect(await state(before)).toEqual([]);
      expect(await state(one)).toEqual(["a=1"]);
      expect(await state(two)).toEqual(["a=2"]);
      expect(await state(gone - 1)).toEqual(["a=2", "b=1"]);
      expect(await state(gone)).toEqual(["b=1"]);
      expect((await c.range({ revision: one })).revision).toBe(gone);
    });

    test("a revision that does not exist yet is refused", async () => {
      const c = client();
      const head = await c.revision();
      await expect(c.range({ revision: head + 1 })).rejects.toMatchObject({
        code: "Invalid",
        message: "etcdserver: mvcc: required revision is a future revision",
      });
      await expect(c.range({ revision: head + 1 })).rejects.toBeInstanceOf(BerthError);
    });

    test("pages at one revision add up to the state of that revision while writes go on", async () => {
      const c = client();
      for (let index = 0; index < 25; index++) await c.put(`k${String(index).padStart(2, "0")}`, "old");
      const { end } = c.all();
      let start = c.key("");
      let revision = 0;
      const seen: string[] = [];
      for (;;) {
        const page = await c.store.range({ start, end, limit: 10, revision });
        revision ||= page.revision;
        seen.push(...page.kvs.map((kv) => `${c.name(kv)}=${text(kv.value)}`));
        await c.put(`k${String(seen.length).padStart(2, "0")}`, "new");
        await c.delete(`k${String(seen.length - 1).padStart(2, "0")}`);
        if (!page.more) break;
        start = Uint8Array.from([...(page.kvs.at(-1)?.key ?? []), 0]);
      }
      expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => `k${String(index).padStart(2, "0")}=old`));
    });
  });
}
