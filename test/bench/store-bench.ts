/**
 * Durable creates per second, each acknowledged when it is on disk, on the embedded store and on Debian's etcd, all on the
 * same disk in one run. Each is driven in two ways: through the store port, as the API server does it, and through gRPC by
 * a generator of bare HTTP/2 frames, which costs next to nothing.
 *
 *   node test/bench/store-bench.ts [seconds for each measurement: 3] [rounds: 3] [numbers of writers: 1,32,256]
 *
 * The subjects take turns in each round, and the middle round of each is shown, so that whatever else the machine does
 * hits all of them alike.
 */

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { openEmbeddedStore } from "#controlplane/store/embedded-store.ts";
import { openEtcdStore } from "#controlplane/store/etcd-store.ts";
import type { Store } from "#controlplane/store/store.ts";
import { systemRunner } from "#pkg/system/exec.ts";
import { findFreePort } from "#test/harness/etcd.ts";
import { GrpcLoad } from "./grpc-load.ts";

const seconds = Number(process.argv[2] ?? 3);
const rounds = Number(process.argv[3] ?? 3);
const writerCounts = (process.argv[4] ?? "1,32,256").split(",").map(Number);
const valueBytes = 1024;

interface Figure {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

let serial = 0;

/** Milliseconds before the measured time, for caches and compilers to warm up. */
const warmUpMs = 1000;

/** `writers` loops of creates for the measured time, after the warm-up. */
async function measure(
  writers: number,
  create: (key: Uint8Array, value: Uint8Array) => Promise<unknown>,
): Promise<Figure> {
  const latencies: number[] = [];
  const value = new Uint8Array(valueBytes).fill(0x61);
  const begin = performance.now() + warmUpMs;
  const end = begin + seconds * 1000;
  const writer = async (): Promise<void> => {
    for (;;) {
      const key = Buffer.from(`/registry/configmaps/default/bench-${serial++}`);
      const started = performance.now();
      if (started >= end) return;
      await create(new Uint8Array(key), value);
      if (started >= begin) latencies.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: writers }, writer));
  latencies.sort((left, right) => left - right);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
  return { perSecond: Math.round(latencies.length / seconds), p50Ms: at(0.5), p99Ms: at(0.99) };
}

async function withFolder<T>(action: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), "berth-store-bench-"));
  try {
    return await action(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function measureStore(store: Store, writers: number): Promise<Figure> {
  return measure(writers, (key, value) =>
    store.txn({
      compare: [{ start: key, target: "mod", relation: "equal", operand: 0 }],
      success: [{ kind: "put", key, value }],
      failure: [{ kind: "range", start: key }],
    }),
  );
}

function measurePort(writers: number): Promise<Figure> {
  return withFolder(async (dataDir) => {
    await using store = await openEmbeddedStore({ dataDir });
    return await measureStore(store, writers);
  });
}

async function measureEndpoint(endpoint: string, writers: number): Promise<Figure> {
  using load = await GrpcLoad.connect(endpoint, Math.min(writers, 8));
  return await measure(writers, (key, value) => load.create(key, value));
}

function measureGrpc(writers: number): Promise<Figure> {
  return withFolder(async (dataDir) => {
    const script = path.join(import.meta.dirname, "store-server.ts");
    const child = spawn(process.execPath, [script, dataDir], { stdio: ["ignore", "pipe", "inherit"] });
    const endpoint = await new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve));
    try {
      return await measureEndpoint(endpoint, writers);
    } finally {
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await exited;
    }
  });
}

function withEtcd(action: (endpoint: string) => Promise<Figure>): Promise<Figure> {
  return withFolder(async (folder) => {
    const endpoint = `http://127.0.0.1:${await findFreePort()}`;
    const peer = `http://127.0.0.1:${await findFreePort()}`;
    await using _etcd = await systemRunner.spawn({
      argv: [
        process.env["BERTH_BENCH_ETCD"] ?? "etcd",
        ...["--name", "bench", "--data-dir", path.join(folder, "data"), "--initial-cluster", `bench=${peer}`],
        ...["--listen-client-urls", endpoint, "--advertise-client-urls", endpoint],
        ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ],
      output: { file: path.join(folder, "etcd.log") },
    });
    for (let tries = 0; ; tries++) {
      try {
        await using store = await openEtcdStore({ endpoints: [endpoint] });
        await store.range({ start: Uint8Array.of(0) });
        break;
      } catch (error) {
        if (tries > 50) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    return await action(endpoint);
  });
}

interface Subject {
  readonly name: string;
  /** The one it is compared with. */
  readonly peer?: string;
  readonly run: (writers: number) => Promise<Figure>;
}

const subjects: readonly Subject[] = [
  { name: "etcd, gRPC", run: (writers) => withEtcd((endpoint) => measureEndpoint(endpoint, writers)) },
  { name: "berth, gRPC", peer: "etcd, gRPC", run: measureGrpc },
  {
    name: "etcd, store port",
    run: (writers) =>
      withEtcd(async (endpoint) => {
        await using store = await openEtcdStore({ endpoints: [endpoint] });
        return await measureStore(store, writers);
      }),
  },
  { name: "berth, store port", peer: "etcd, store port", run: measurePort },
];

function median(figures: readonly Figure[]): Figure {
  const sorted = figures.toSorted((left, right) => left.perSecond - right.perSecond);
  return sorted[Math.floor(sorted.length / 2)] ?? { perSecond: 0, p50Ms: 0, p99Ms: 0 };
}

const rows: Record<string, string | number>[] = [];
for (const writers of writerCounts) {
  const figures = new Map<string, Figure[]>(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of subjects) figures.get(name)?.push(await run(writers));
  }
  const middle = (name: string): Figure => median(figures.get(name) ?? []);
  for (const { name, peer } of subjects) {
    const { perSecond, p50Ms, p99Ms } = middle(name);
    rows.push({
      writers,
      subject: name,
      "creates/s": perSecond,
      "p50 ms": p50Ms.toFixed(2),
      "p99 ms": p99Ms.toFixed(2),
      "x its peer": peer === undefined ? "" : (perSecond / middle(peer).perSecond).toFixed(2),
    });
  }
}
console.table(rows);
