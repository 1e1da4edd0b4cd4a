/** The embedded store served as etcd, driven by the real etcdctl: Debian's, or what BERTH_TEST_ETCDCTL names. */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EmbeddedEngine, openEmbeddedStore, restoreSnapshot } from "#controlplane/store/embedded-store.ts";
import { type EtcdServer, startEtcdServer } from "#controlplane/store/etcd-server.ts";
import { bytes, StoreClient } from "#controlplane/store/testing/store-client.ts";
import { type ChildProcess, CommandError, systemRunner } from "#pkg/system/exec.ts";
import { type CertificateFiles, writeTestCertificates } from "#test/harness/certificates.ts";
import { CleanupStack } from "#test/harness/cleanup.ts";
import { findFreePort, startTestEtcd } from "#test/harness/etcd.ts";

const etcdctl = process.env["BERTH_TEST_ETCDCTL"] ?? "etcdctl";
/** From 3.6 on snapshots are looked into by a program of their own. */
const etcdutl = process.env["BERTH_TEST_ETCDUTL"] ?? etcdctl;
const etcd = process.env["BERTH_TEST_ETCD"] ?? "etcd";

describe("etcdctl against the embedded store", () => {
  const cleanup = new CleanupStack();
  let folder: string;
  let files: CertificateFiles;
  let store: EmbeddedEngine;
  let server: EtcdServer;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "berth-etcd-server-"));
    cleanup.defer(() => rm(folder, { recursive: true, force: true }));
    files = await writeTestCertificates(path.join(folder, "pki"));
    store = cleanup.use(await openEmbeddedStore({ dataDir: path.join(folder, "data") }));
    const [cert, key, clientCa] = await Promise.all([
      readFile(files.serverCert, "utf8"),
      readFile(files.serverKey, "utf8"),
      readFile(files.ca, "utf8"),
    ]);
    server = cleanup.use(
      await startEtcdServer({
        store,
        port: 0,
        tls: { cert, key, clientCa },
        identity: store.identity,
        defragment: () => store.defragment(),
      }),
    );
  });
  afterAll(() => cleanup[Symbol.asyncDispose]());

  const environment = (): Record<string, string> => ({ PATH: process.env["PATH"] ?? "", ETCDCTL_API: "3" });
  const clientFlags = (): string[] => [
    ...["--endpoints", server.endpoint, "--cacert", files.ca],
    ...["--cert", files.clientCert, "--key", files.clientKey],
  ];
  const ctl = async (...args: string[]): Promise<string> => {
    const { stdout, stderr } = await systemRunner.run({
      argv: [etcdctl, ...clientFlags(), ...args],
      env: environment(),
      timeoutMs: 20_000,
    });
    return stdout === "" ? stderr : stdout;
  };
  const ctlWithInput = async (stdin: string, ...args: string[]): Promise<string> => {
    const argv: [string, ...string[]] = [etcdctl, ...clientFlags(), ...args];
    return (await systemRunner.run({ argv, stdin, env: environment(), timeoutMs: 20_000 })).stdout;
  };
  const failure = async (run: Promise<unknown>): Promise<string> => {
    const error = await run.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return error instanceof CommandError ? error.stderr : `no failure: ${String(error)}`;
  };
  /** etcdctl in the background; `until` waits for its output. */
  const background = async (name: string, ...args: string[]) => {
    const file = path.join(folder, name);
    const child: ChildProcess = await systemRunner.spawn({
      argv: [etcdctl, ...clientFlags(), ...args],
      env: environment(),
      output: { file },
    });
    const output = (): Promise<string> => readFile(file, "utf8").catch(() => "");
    return {
      child,
      until: async (isThere: (text: string) => boolean): Promise<string> => {
        for (let tries = 0; tries < 200; tries++) {
          const text = await output();
          if (isThere(text)) return text;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        throw new Error(`etcdctl ${args.join(" ")} printed only: ${await output()}`);
      },
    };
  };

  test("is refused without a client certificate", async () => {
    const argv: [string, ...string[]] = [etcdctl, "--endpoints", server.endpoint, "--cacert", files.ca];
    const run = systemRunner.run({ argv: [...argv, "--command-timeout=2s", "get", "a"], env: environment() });
    expect(await failure(run)).toMatch(/deadline exceeded|bad certificate|certificate required/);
  });

  test("put, get and del, with ranges, prefixes, limits, order, old revisions and filters", async () => {
    expect(await ctl("put", "k/a", "1")).toBe("OK\n");
    for (const [key, value] of [
      ["k/b", "2"],
      ["k/c", "3"],
      ["k/a", "4"],
    ] as const) {
      await ctl("put", key, value);
    }
    expect(await ctl("get", "k/a")).toBe("k/a\n4\n");
    expect(await ctl("get", "k/", "--prefix", "--keys-only")).toBe("k/a\n\nk/b\n\nk/c\n\n");
    expect(await ctl("get", "k/a", "k/c", "--print-value-only")).toBe("4\n2\n");
    expect(await ctl("get", "--prefix", "k/", "--limit=1", "--sort-by=MODIFY", "--order=DESCEND")).toBe("k/a\n4\n");
    expect(await ctl("get", "k/b", "--from-key", "--print-value-only")).toBe("2\n3\n");
    const { kvs, count } = JSON.parse(await ctl("get", "k/", "--prefix", "-w", "json")) as {
      kvs: { mod_revision: number; create_revision: number; version: number }[];
      count: number;
    };
    expect(count).toBe(3);
    expect(kvs[0]).toMatchObject({ version: 2 });
    expect(await ctl("get", "k/a", `--rev=${kvs[0]?.create_revision}`)).toBe("k/a\n1\n");
    expect(await failure(ctl("get", "k/a", "--rev=100000"))).toContain("required revision is a future revision");
    expect(await ctl("put", "k/a", "5", "--prev-kv")).toBe("OK\nk/a\n4\n");
    expect(await ctl("del", "k/", "--prefix", "--prev-kv")).toBe("3\nk/a\n5\nk/b\n2\nk/c\n3\n");
    expect(await ctl("del", "k/a")).toBe("0\n");
  });

  test("txn runs the branch its comparison picks, and refuses what etcd refuses", async () => {
    await ctl("put", "t/a", "1");
    const succeeded = await ctlWithInput('value("t/a") = "1"\n\nput t/b 2\nget t/a\n\nget t/missing\n\n', "txn");
    expect(succeeded).toBe("SUCCESS\n\nOK\n\nt/a\n1\n");
    const failed = await ctlWithInput('mod("t/a") = "1"\n\nput t/b 3\n\nget t/b\n\n', "txn");
    expect(failed).toBe("FAILURE\n\nt/b\n2\n");
    expect(await failure(ctlWithInput("\nput t/c 1\nput t/c 2\n\n\n", "txn"))).toContain("duplicate key given in txn");
  });

  test("watch shows changes, with history and previous values, and the compaction error", async () => {
    const client = new StoreClient(store, "w/");
    const first = await client.put("a", "1");
    const watch = await background("watch.log", "watch", "w/", "--prefix", "--prev-kv", `--rev=${first}`);
    await client.put("a", "2");
    await ctl("del", "w/a");
    const text = await watch.until((shown) => shown.includes("DELETE"));
    expect(text).toBe("PUT\nw/a\n1\nPUT\nw/a\n1\nw/a\n2\nDELETE\nw/a\n2\nw/a\n\n");
    await watch.child[Symbol.asyncDispose]();
    await ctl("compaction", String(first + 1));
    expect(await failure(ctl("get", "w/a", `--rev=${first}`))).toContain("required revision has been compacted");
    const late = await background("late.log", "watch", "w/", "--prefix", `--rev=${first}`);
    const ended = await late.until((shown) => shown.includes("compacted"));
    expect(ended).toContain("mvcc: required revision has been compacted");
    await late.child.exited;
  });

  test("watch takes manual and regular progress requests", async () => {
    const watch = await systemRunner.run({
      argv: [
        "sh",
        "-c",
        '(echo "watch p"; sleep 0.5; echo progress; sleep 0.5) | "$@" watch -i || true',
        "sh",
        etcdctl,
        ...clientFlags(),
      ],
      env: environment(),
    });
    expect(watch.stdout).toContain(`progress notify: ${(await store.status()).revision}`);
  });

  test("leases are granted, listed, kept alive and revoked, and take their keys along", async () => {
    const id = (await ctl("lease", "grant", "300")).match(/^lease ([0-9a-f]+) granted with TTL\(300s\)/)?.[1] ?? "none";
    await ctl("put", "--lease", id, "l/a", "1");
    expect(await ctl("lease", "list")).toContain(id);
    expect(await ctl("lease", "timetolive", "--keys", id)).toMatch(
      /granted with TTL\(300s\).*attached keys\(\[l\/a\]\)/,
    );
    expect(await ctl("lease", "keep-alive", "--once", id)).toContain(`lease ${id} keepalived with TTL(300)`);
    expect(await ctl("lease", "revoke", id)).toBe(`lease ${id} revoked\n`);
    expect(await ctl("get", "l/a")).toBe("");
    expect(await ctl("lease", "timetolive", id)).toContain("already expired");
    expect(await failure(ctl("lease", "revoke", id))).toContain("requested lease not found");
  });

  test("endpoint health, status and hashes, member list, alarms and defragmentation answer", async () => {
    expect(await ctl("endpoint", "health")).toContain("is healthy");
    const [status] = JSON.parse(await ctl("endpoint", "status", "-w", "json")) as [
      { Status: { header: { revision: number }; version: string; dbSize: number; leader: number } },
    ];
    expect(status.Status).toMatchObject({ version: (await store.status()).version });
    expect(status.Status.header.revision).toBe((await store.status()).revision);
    expect(status.Status.dbSize).toBeGreaterThan(4096);
    expect(await ctl("endpoint", "hashkv")).toMatch(/, \d+/);
    expect(await ctl("member", "list")).toContain(server.endpoint);
    expect(await ctl("alarm", "list")).toBe("");
    expect(await ctl("defrag")).toContain("Finished defragmenting etcd member");
    expect(await failure(ctl("member", "remove", "1"))).toContain("only member of its cluster");
  });

  test("values of a megabyte pass, larger requests are refused with etcd's text", async () => {
    const large = "x".repeat(1_000_000);
    await ctlWithInput(large, "put", "large");
    expect((await ctl("get", "large", "--print-value-only")).trim()).toBe(large);
    await ctl("del", "large");
    expect(await failure(ctlWithInput("x".repeat(1_600_000), "put", "large"))).toContain("request is too large");
  });

  test("a snapshot is whole, and a real etcd restored from it goes on where we were", async () => {
    const client = new StoreClient(store, "s/");
    for (let index = 0; index < 300; index++) await client.put(`k${index}`, `value ${index} ${"x".repeat(index * 30)}`);
    await client.do(
      client.putOperation("k1", "again"),
      client.putOperation("k2", "again"),
      client.deleteOperation("k3"),
    );
    const lease = await store.leases.grant(500, 0x1234_5678_9abcn);
    const revision = await client.put("leased", "1", { lease: lease.id });
    const file = path.join(folder, "snapshot.db");
    await ctl("snapshot", "save", file);
    const saved = await readFile(file);
    const digest = createHash("sha256").update(saved.subarray(0, -32)).digest("hex");
    expect(saved.subarray(-32).toString("hex")).toBe(digest);
    const { stdout } = await systemRunner.run({
      argv: [etcdutl, "snapshot", "status", file, "-w", "json"],
      env: environment(),
    });
    const { count } = await store.range({ start: bytes("\0"), end: bytes("\0"), countOnly: true });
    expect(JSON.parse(stdout)).toMatchObject({ revision, totalKey: expect.any(Number) });
    const restored = await readRestored(file);
    expect(restored.revision).toBe(revision);
    expect(restored.count).toBe(count);
    const expected = await client.range();
    expect(restored.pairs).toEqual(expected.kvs.map((kv) => client.pair(kv)));
    expect(restored.leaseTtl).toBe(500);
    await expectRestoredHere(saved, revision, client);
  });

  test("a snapshot of a real etcd becomes a store of ours", async () => {
    const real = cleanup.use(await startTestEtcd());
    const opened = await real.open();
    const client = new StoreClient(opened, "r/");
    for (let index = 0; index < 100; index++) await client.put(`k${index % 30}`, `value ${index}`.repeat(index));
    for (const name of ["k3", "k4"]) await client.delete(name);
    const lease = await opened.leases.grant(400, 77n);
    const revision = await client.put("leased", "1", { lease: lease.id });
    const file = path.join(folder, "real.db");
    const tls = ["--cacert", real.certificates.ca, "--cert", real.certificates.clientCert];
    await systemRunner.run({
      argv: [
        etcdctl,
        ...["--endpoints", real.endpoint, ...tls, "--key", real.certificates.clientKey],
        ...["snapshot", "save", file],
      ],
      env: environment(),
    });
    await expectRestoredHere(await readFile(file), revision, client);
    await opened[Symbol.asyncDispose]();
  });

  /** Restores into a store of ours and compares it with the one the snapshot was taken of. */
  async function expectRestoredHere(snapshot: Uint8Array, revision: number, source: StoreClient): Promise<void> {
    const dataDir = await mkdtemp(path.join(folder, "restored-here-"));
    expect(await restoreSnapshot({ snapshot, dataDir })).toEqual({ revision });
    await expect(restoreSnapshot({ snapshot, dataDir })).rejects.toMatchObject({ code: "AlreadyExists" });
    await using restored = await openEmbeddedStore({ dataDir });
    const here = new StoreClient(restored, source.prefix);
    const pairs = async (client: StoreClient) =>
      (await client.range()).kvs.map((kv) => ({ ...client.pair(kv), lease: kv.lease }));
    expect(await pairs(here)).toEqual(await pairs(source));
    expect((await restored.leases.list()).length).toBe((await source.store.leases.list()).length);
    expect(await here.put("next", "1")).toBe(revision + 1);
    const damaged = Buffer.from(snapshot);
    damaged[5000] = (damaged[5000] ?? 0) ^ 1;
    const other = restoreSnapshot({ snapshot: damaged, dataDir: `${dataDir}-damaged` });
    await expect(other).rejects.toMatchObject({ code: "Corrupt" });
  }

  async function readRestored(file: string) {
    const data = path.join(folder, "restored");
    const [clientUrl, peerUrl] = [
      `http://127.0.0.1:${await findFreePort()}`,
      `http://127.0.0.1:${await findFreePort()}`,
    ];
    const cluster = ["--name", "r", "--initial-cluster", `r=${peerUrl}`, "--initial-advertise-peer-urls", peerUrl];
    await systemRunner.run({
      argv: [etcdutl, "snapshot", "restore", file, "--data-dir", data, ...cluster],
      env: environment(),
    });
    await using _etcd = await systemRunner.spawn({
      argv: [
        etcd,
        ...["--data-dir", data, ...cluster, "--listen-peer-urls", peerUrl],
        ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
      ],
      output: { file: path.join(folder, "restored.log") },
    });
    const { openEtcdStore } = await import("#controlplane/store/etcd-store.ts");
    const opened = await retry(() => openEtcdStore({ endpoints: [clientUrl], timeoutMs: 2000 }));
    await using restored = opened;
    const client = new StoreClient(restored, "s/");
    const answer = await retry(() => client.range());
    const all = await restored.range({ start: bytes("\0"), end: bytes("\0"), countOnly: true });
    const lease = await restored.leases.timeToLive(0x1234_5678_9abcn, true);
    return {
      revision: answer.revision,
      count: all.count,
      pairs: answer.kvs.map((kv) => client.pair(kv)),
      leaseTtl: lease.grantedTtlSeconds,
    };
  }
});

async function retry<T>(action: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await action();
    } catch (error) {
      if (tries > 60) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
