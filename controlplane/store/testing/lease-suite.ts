/** Leases. Source: etcd rpc.proto Lease and server/lease. */
import { describe, expect, test } from "vitest";
import type { StoreClient } from "./store-client.ts";

export function leaseSuite(client: () => StoreClient, passTime: (ms: number) => Promise<void>): void {
  describe("leases", () => {
    test("a granted lease is listed and knows its time and its keys", async () => {
      const c = client();
      const { leases } = c.store;
      const { id, ttlSeconds } = await leases.grant(100);
      expect({ positive: id > 0n, ttlSeconds }).toEqual({ positive: true, ttlSeconds: 100 });
      await c.put("b", "1", { lease: id });
      await c.put("a", "1", { lease: id });
      expect(await leases.list()).toContain(id);
      const info = await leases.timeToLive(id, true);
      expect(info).toMatchObject({ id, grantedTtlSeconds: 100 });
      expect(info.ttlSeconds).toBeGreaterThan(90);
      expect(info.keys.map((key) => Buffer.from(key).toString().slice(c.prefix.length)).sort()).toEqual(["a", "b"]);
      expect((await c.range()).kvs.map((kv) => kv.lease)).toEqual([id, id]);
      await leases.revoke(id);
    });

    test("a lease keeps the ID it is given, and the same ID twice is refused", async () => {
      const c = client();
      const id = 0x7fff_ffff_ffff_0123n;
      expect(await c.store.leases.grant(100, id)).toMatchObject({ id });
      await expect(c.store.leases.grant(100, id)).rejects.toMatchObject({
        code: "AlreadyExists",
        message: "etcdserver: lease already exists",
      });
      await c.store.leases.revoke(id);
    });

    test("revoking deletes the keys at one new revision, and only keys still attached", async () => {
      const c = client();
      const { leases } = c.store;
      const { id } = await leases.grant(100);
      for (const name of ["a", "b", "c"]) await c.put(name, "1", { lease: id });
      await c.put("c", "2");
      using watch = await c.watch();
      const base = await c.revision();
      expect(await leases.revoke(id)).toEqual({ revision: base + 1 });
      expect((await watch.untilEvents(2)).map((event) => c.eventText(event))).toEqual([
        `delete a @${base + 1}`,
        `delete b @${base + 1}`,
      ]);
      expect(await c.names()).toEqual(["c"]);
      expect(await leases.list()).not.toContain(id);
    });

    test("revoking a lease without keys leaves the revision alone", async () => {
      const c = client();
      const { id } = await c.store.leases.grant(100);
      const base = await c.revision();
      expect(await c.store.leases.revoke(id)).toEqual({ revision: base });
    });

    test("an unknown lease is NotFound everywhere, but its time to live is -1", async () => {
      const c = client();
      const { leases } = c.store;
      const wanted = { code: "NotFound", message: "etcdserver: requested lease not found" };
      await expect(leases.revoke(12345n)).rejects.toMatchObject(wanted);
      await expect(leases.keepAlive(12345n)).rejects.toMatchObject(wanted);
      await expect(c.put("a", "1", { lease: 12345n })).rejects.toMatchObject(wanted);
      expect(await leases.timeToLive(12345n, true)).toMatchObject({ ttlSeconds: -1, keys: [] });
    });

    test("a time to live beyond etcd's bound is refused", async () => {
      await expect(client().store.leases.grant(9_000_000_001)).rejects.toMatchObject({
        code: "Invalid",
        message: "etcdserver: too large lease TTL",
      });
    });

    test("a lease that runs out deletes its keys; one kept alive does not", async () => {
      const c = client();
      const { leases } = c.store;
      const [short, kept] = [await leases.grant(2), await leases.grant(3)];
      await c.put("short", "1", { lease: short.id });
      await c.put("kept", "1", { lease: kept.id });
      using watch = await c.watch();
      for (let second = 0; second < 5; second++) {
        await passTime(1000);
        expect(await leases.keepAlive(kept.id)).toBe(kept.ttlSeconds);
      }
      const [expiry] = await watch.untilEvents(1);
      expect(expiry && c.eventText(expiry)).toMatch(/^delete short @/);
      expect(await c.names()).toEqual(["kept"]);
      expect(await leases.timeToLive(short.id, false)).toMatchObject({ ttlSeconds: -1 });
      await leases.revoke(kept.id);
      expect(await c.names()).toEqual([]);
    });

    test("moving a key to another lease frees it from the first", async () => {
      const c = client();
      const { leases } = c.store;
      const [one, two] = [await leases.grant(100), await leases.grant(100)];
      await c.put("a", "1", { lease: one.id });
      await c.put("a", "2", { lease: two.id });
      await leases.revoke(one.id);
      expect(await c.get("a")).toMatchObject({ value: "2" });
      await c.put("a", "3", { ignoreLease: true });
      expect((await leases.timeToLive(two.id, true)).keys).toHaveLength(1);
      await leases.revoke(two.id);
      expect(await c.get("a")).toBeUndefined();
    });
  });
}
