/**
 * What a user of the API server feels, measured on the bundle in one run: start until /readyz, memory at rest, durable
 * creates of ConfigMaps by 32 clients, an event's way to 500 watchers, a list of 10,000 pods. The peer for writes is the
 * same server on Debian's etcd, in turn with the embedded store.
 *
 *   node tools/build/main.ts && node test/bench/apiserver-bench.ts [seconds for each measurement, default 5] [rounds, default 3]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type ClientHttp2Session, connect } from "node:http2";
import { tmpdir } from "node:os";
import path from "node:path";
import { load } from "js-yaml";
import { findFreePort } from "#test/harness/etcd.ts";

const seconds = Number(process.argv[2] ?? 5);
const rounds = Number(process.argv[3] ?? 3);

interface Running {
  readonly url: string;
  readonly startMs: number;
  readonly child: ChildProcess;
  readonly identity: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
  stop(): Promise<void>;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function startServer(flags: readonly string[] = [], cache?: string): Promise<Running> {
  const folder = await mkdtemp(path.join(tmpdir(), "berth-bench-"));
  const port = await findFreePort();
  const env = { ...process.env, ...(cache ? { NODE_COMPILE_CACHE: cache } : {}) };
  // A first run makes keys and certificates, as the first start of a cluster does; only the second one is timed.
  for (const timed of [false, true]) {
    const started = performance.now();
    const child = spawn(
      process.execPath,
      [
        "dist/berth-server.js",
        "--data-dir",
        folder,
        "--bind-address",
        "127.0.0.1",
        "--secure-port",
        String(port),
        "--no-controllers",
        "--log-level",
        "warn",
        ...flags,
      ],
      { env, stdio: ["ignore", "ignore", "inherit"] },
    );
    const exited = new Promise((resolve) => child.once("exit", resolve));
    const stop = async (): Promise<void> => {
      child.kill();
      await exited;
    };
    const identity = await readIdentity(path.join(folder, "kubeconfig"));
    await untilReady(`https://127.0.0.1:${port}`, identity);
    const startMs = performance.now() - started;
    if (!timed) {
      await stop();
      continue;
    }
    const url = `https://127.0.0.1:${port}`;
    return {
      url,
      startMs,
      child,
      identity,
      stop: () => stop().then(() => rm(folder, { recursive: true, force: true })),
    };
  }
  throw new Error("unreachable");
}

async function readIdentity(file: string): Promise<Running["identity"]> {
  for (;;) {
    const text = await readFile(file, "utf8").catch(() => "");
    const config = load(text || "{}") as {
      clusters?: { cluster: Record<string, string> }[];
      users?: { user: Record<string, string> }[];
    };
    const [cluster, user] = [config.clusters?.[0]?.cluster, config.users?.[0]?.user];
    const bytes = (value: string | undefined): Buffer => Buffer.from(value ?? "", "base64");
    if (cluster && user)
      return {
        ca: bytes(cluster["certificate-authority-data"]),
        cert: bytes(user["client-certificate-data"]),
        key: bytes(user["client-key-data"]),
      };
    await pause(2);
  }
}

async function untilReady(url: string, identity: Running["identity"]): Promise<void> {
  for (;;) {
    const status = await new Promise<number>((resolve) => {
      const session = connect(url, { ...identity });
      session.on("error", () => resolve(0));
      const stream = session.request({ ":path": "/readyz" });
      stream.on("response", (headers) => resolve(headers[":status"] ?? 0));
      stream.on("error", () => resolve(0));
      stream.on("close", () => session.destroy());
      stream.resume();
    });
    if (status === 200) return;
    await pause(5);
  }
}

function open({ url, identity }: Running): ClientHttp2Session {
  const session = connect(url, { ...identity });
  session.on("error", () => undefined);
  return session;
}

function send(
  session: ClientHttp2Session,
  method: string,
  target: string,
  body?: string,
): Promise<{ readonly status: number; readonly bytes: number }> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": method,
      ":path": target,
      "content-type": "application/json",
      accept: "application/json",
    });
    let status = 0;
    let bytes = 0;
    stream.on("response", (headers) => {
      status = headers[":status"] ?? 0;
    });
    stream.on("data", (part: Buffer) => {
      bytes += part.length;
    });
    stream.on("end", () => resolve({ status, bytes }));
    stream.on("error", reject);
    stream.end(body);
  });
}

async function measureCreates(server: Running, clients: number): Promise<number> {
  const sessions = Array.from({ length: 8 }, () => open(server));
  const body = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"bench-"},"data":{"value":"${"x".repeat(256)}"}}`;
  let done = 0;
  let failed = 0;
  const run = async (until: number): Promise<void> => {
    await Promise.all(
      Array.from({ length: clients }, async (_, index) => {
        const session = sessions[index % sessions.length] as ClientHttp2Session;
        while (performance.now() < until) {
          const { status } = await send(session, "POST", "/api/v1/namespaces/default/configmaps", body);
          if (status === 201) done++;
          else failed++;
        }
      }),
    );
  };
  await run(performance.now() + 1000);
  [done, failed] = [0, 0];
  const started = performance.now();
  await run(started + seconds * 1000);
  const perSecond = done / ((performance.now() - started) / 1000);
  for (const session of sessions) session.destroy();
  if (failed > 0) console.log(`  ${failed} creates failed`);
  return perSecond;
}

async function measureWatches(server: Running): Promise<{ readonly p50: number; readonly p99: number }> {
  const watchers = 500;
  const sessions = Array.from({ length: 10 }, () => open(server));
  const delays: number[] = [];
  for (let index = 0; index < watchers; index++) {
    const stream = (sessions[index % sessions.length] as ClientHttp2Session).request({
      ":path": "/api/v1/namespaces/bench/configmaps?watch=1&resourceVersion=0",
    });
    let pending = "";
    stream.on("error", () => undefined);
    stream.on("data", (part: Buffer) => {
      pending += part.toString();
      const lines = pending.split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines) {
        const sentAt = /"at":"([\d.]+)"/.exec(line)?.[1];
        if (sentAt) delays.push(performance.now() - Number(sentAt));
      }
    });
  }
  await pause(1000);
  const writer = open(server);
  await send(writer, "POST", "/api/v1/namespaces", '{"metadata":{"name":"bench"}}');
  const until = performance.now() + seconds * 1000;
  for (let next = performance.now(); next < until; next += 10) {
    await pause(Math.max(next - performance.now(), 0));
    void send(
      writer,
      "POST",
      "/api/v1/namespaces/bench/configmaps",
      `{"metadata":{"generateName":"w-"},"data":{"at":"${performance.now()}"}}`,
    );
  }
  await pause(1000);
  for (const session of [...sessions, writer]) session.destroy();
  delays.sort((a, b) => a - b);
  const expected = seconds * 100 * watchers;
  if (delays.length < expected * 0.99) console.log(`  only ${delays.length} of ${expected} events arrived`);
  return {
    p50: delays[Math.floor(delays.length * 0.5)] ?? Number.NaN,
    p99: delays[Math.floor(delays.length * 0.99)] ?? Number.NaN,
  };
}

async function measureList(server: Running): Promise<{ readonly ms: number; readonly megabytes: number }> {
  const session = open(server);
  await send(session, "POST", "/api/v1/namespaces", '{"metadata":{"name":"many"}}');
  await send(session, "POST", "/api/v1/namespaces/many/serviceaccounts", '{"metadata":{"name":"default"}}');
  const body =
    '{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"p-","labels":{"app":"bench"}},"spec":{"containers":[{"name":"c","image":"registry.example/app:1","env":[{"name":"A","value":"1"}],"resources":{"requests":{"cpu":"100m"}}}]}}';
  for (let left = 10_000; left > 0; left -= 100) {
    await Promise.all(Array.from({ length: 100 }, () => send(session, "POST", "/api/v1/namespaces/many/pods", body)));
  }
  const times: { ms: number; bytes: number }[] = [];
  for (let round = 0; round < 5; round++) {
    const started = performance.now();
    const { bytes } = await send(session, "GET", "/api/v1/namespaces/many/pods");
    times.push({ ms: performance.now() - started, bytes });
  }
  session.destroy();
  const middle = times.sort((a, b) => a.ms - b.ms)[2];
  return { ms: middle?.ms ?? Number.NaN, megabytes: (middle?.bytes ?? 0) / 1e6 };
}

async function residentMegabytes({ child }: Running): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function main(): Promise<void> {
  const cache = await mkdtemp(path.join(tmpdir(), "berth-bench-cache-"));
  const [etcdFolder, etcdPort, peerPort] = [
    await mkdtemp(path.join(tmpdir(), "berth-bench-etcd-")),
    await findFreePort(),
    await findFreePort(),
  ];
  const etcd = spawn(
    "etcd",
    [
      "--data-dir",
      etcdFolder,
      "--listen-client-urls",
      `http://127.0.0.1:${etcdPort}`,
      "--advertise-client-urls",
      `http://127.0.0.1:${etcdPort}`,
      "--listen-peer-urls",
      `http://127.0.0.1:${peerPort}`,
    ],
    { stdio: "ignore" },
  );
  try {
    const starts: number[] = [];
    const idle: number[] = [];
    const creates: { embedded: number[]; etcd: number[] } = { embedded: [], etcd: [] };
    for (let round = 0; round < rounds; round++) {
      const embedded = await startServer([], cache);
      starts.push(embedded.startMs);
      await pause(3000);
      idle.push(await residentMegabytes(embedded));
      creates.embedded.push(await measureCreates(embedded, 32));
      await embedded.stop();
      const onEtcd = await startServer(["--etcd-servers", `http://127.0.0.1:${etcdPort}`], cache);
      creates.etcd.push(await measureCreates(onEtcd, 32));
      await onEtcd.stop();
    }
    const ratio = median(creates.embedded.map((value, index) => value / (creates.etcd[index] ?? Number.NaN)));
    console.log(
      `start to /readyz: ${median(starts).toFixed(0)} ms (all: ${starts.map((one) => one.toFixed(0)).join(", ")})`,
    );
    console.log(`memory at rest: ${median(idle).toFixed(0)} MB`);
    console.log(
      `creates of ConfigMaps, 32 clients: ${median(creates.embedded).toFixed(0)}/s embedded, ${median(creates.etcd).toFixed(0)}/s on etcd, ratio ${ratio.toFixed(2)}`,
    );
    const server = await startServer([], cache);
    const watches = await measureWatches(server);
    console.log(
      `event to 500 watchers at 100 events/s: p50 ${watches.p50.toFixed(1)} ms, p99 ${watches.p99.toFixed(1)} ms`,
    );
    const list = await measureList(server);
    console.log(
      `list of 10,000 pods (${list.megabytes.toFixed(1)} MB): ${list.ms.toFixed(0)} ms; memory then: ${(await residentMegabytes(server)).toFixed(0)} MB`,
    );
    await server.stop();
  } finally {
    etcd.kill();
    await new Promise((resolve) => etcd.once("exit", resolve));
    for (const folder of [cache, etcdFolder]) await rm(folder, { recursive: true, force: true });
  }
}

await main();
