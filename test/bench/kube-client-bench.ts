/**
 * What it costs a client to follow the API: decoding watch events, and filling an informer with a list. The floor beside each
 * figure is JSON.parse of the same bytes in the same run, which nothing that makes objects of JSON can beat.
 *
 *   node test/bench/kube-client-bench.ts [rounds, default 5]
 */
import type { Pod } from "#pkg/api/core/v1.ts";
import { createKubeClient } from "#pkg/kube/client.ts";
import { Informer } from "#pkg/kube/informer.ts";
import type { Transport } from "#pkg/kube/transport.ts";
import { decodeWatch } from "#pkg/kube/watch.ts";
import { systemClock } from "#pkg/system/clock.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { systemRandom } from "#pkg/system/random.ts";

const rounds = Number(process.argv[2] ?? 5);
const podCount = 10_000;

const smallEvent = {
  type: "MODIFIED",
  object: { kind: "ConfigMap", apiVersion: "v1", metadata: { name: "c", namespace: "ns", resourceVersion: "123456" } },
};

function makePod(index: number): Pod {
  const condition = (type: string) => ({ type, status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `web-${index}`,
      namespace: `ns-${index % 50}`,
      uid: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`,
      resourceVersion: String(index + 1),
      creationTimestamp: "2026-01-01T00:00:00Z",
      labels: { app: "web", "pod-template-hash": "5d4f8c7b9" },
      ownerReferences: [
        { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-5d4f8c7b9", uid: "r", controller: true },
      ],
    },
    spec: {
      nodeName: `n-${index % 100}`,
      containers: [{ name: "web", image: "registry/web:1", resources: { requests: { cpu: "100m", memory: "64Mi" } } }],
      tolerations: [{ key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" }],
    },
    status: {
      phase: "Running",
      podIP: "10.0.0.1",
      conditions: ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map(condition),
    },
  };
}

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function seconds(action: () => Promise<void> | void): Promise<number> {
  const started = performance.now();
  await action();
  return (performance.now() - started) / 1000;
}

/** The middle of several runs of two subjects that take turns. */
async function compare(name: string, count: number, subject: () => Promise<void>, floor: () => void): Promise<void> {
  const [taken, least]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round++) {
    taken.push(await seconds(subject));
    least.push(await seconds(floor));
  }
  // The first round warms up.
  const middle = (all: readonly number[]): number => all.slice(1).sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0;
  const [own, best] = [middle(taken), middle(least)];
  console.log(
    `${name}: ${Math.round(count / own).toLocaleString("en")}/s, floor ${Math.round(count / best).toLocaleString("en")}/s, ` +
      `${(own / best).toFixed(2)} times the floor's time`,
  );
}

async function benchDecode(name: string, lines: readonly string[]): Promise<void> {
  const bytes = Buffer.from(`${lines.join("\n")}\n`);
  const decode = async (): Promise<void> => {
    let events = 0;
    for await (const batch of decodeWatch(inChunks(bytes, 16_384))) events += batch.length;
    if (events !== lines.length) throw new Error(`${events} events of ${lines.length}`);
  };
  const parse = (): void => {
    for (const line of lines) JSON.parse(line);
  };
  await compare(`decode ${name} (${Math.round(bytes.length / lines.length)} bytes)`, lines.length, decode, parse);
}

async function benchInformer(pods: readonly Pod[]): Promise<void> {
  const text = JSON.stringify({ kind: "PodList", apiVersion: "v1", metadata: { resourceVersion: "1" }, items: pods });
  const bytes = Buffer.from(text);
  const transport: Transport = {
    request: async ({ path, signal }) => {
      const isWatch = path.includes("watch=true");
      const idle = async function* (): AsyncGenerator<Uint8Array, void, void> {
        if (signal?.aborted) return;
        await new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
      };
      return { status: 200, headers: {}, body: isWatch ? idle() : inChunks(bytes, 65_536) };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  const client = createKubeClient(transport, { userAgent: "bench", clock: systemClock });
  const fill = async (): Promise<void> => {
    await using informer = new Informer<Pod>({
      client: client.pods,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
    });
    informer.addIndex("node", (pod) => [pod.spec.nodeName ?? ""]);
    informer.start();
    await informer.waitForSync();
    if (informer.byIndex("node", "n-7").length !== podCount / 100) throw new Error("the index is wrong");
  };
  await compare(`informer with ${podCount} pods`, podCount, fill, () => {
    JSON.parse(text);
  });
}

const pods = Array.from({ length: podCount }, (_, index) => makePod(index));
await benchDecode(
  "small events",
  Array.from({ length: 50_000 }, () => JSON.stringify(smallEvent)),
);
await benchDecode(
  "pod events",
  pods.map((object) => JSON.stringify({ type: "MODIFIED", object })),
);
await benchInformer(pods);
