/**
 * `berth up` and `berth down` as a user runs them: a whole cluster with the demo on real containers, again without a change,
 * after a part was killed, and nothing left at the end. Everything is in a network namespace of the test's own.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openUpCluster, type UpCluster } from "#test/harness/up-cluster.ts";
import { findLeaks, type MachineState, readMachineState, runMarker } from "../../tools/test/machine-state.ts";

const longMs = 300_000;

interface Status {
  readonly processes: readonly { readonly name: string; readonly pid?: number }[];
  readonly nodes: readonly { readonly isReady: boolean }[];
  readonly pods: Readonly<Record<string, number>>;
}

let cluster: UpCluster;
const runId = process.env[runMarker] ?? `up-${randomUUID()}`;

beforeAll(async () => {
  // Every process of the cluster inherits it: the leak check finds them by it.
  process.env[runMarker] = runId;
  cluster = await openUpCluster();
}, longMs);
afterAll(() => cluster[Symbol.asyncDispose](), longMs);

function events(stdout: string): readonly { event: string; stage?: string; detail?: string }[] {
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string; stage?: string; detail?: string });
}

async function status(): Promise<Status & { exitCode: number }> {
  const { stdout, exitCode } = await cluster.berth("status", "-o", "json");
  return { ...(JSON.parse(stdout) as Status), exitCode };
}

async function visits(): Promise<number> {
  const { stdout, stderr } = await cluster.get(`http://${cluster.address}:30080/`);
  const answer = JSON.parse(stdout) as { visits: number; isSigned: boolean; namespace: string };
  expect(answer, stderr).toMatchObject({ isSigned: true, namespace: "demo" });
  return answer.visits;
}

/** Its settings and its authority: another cluster has others. */
async function identity(): Promise<string> {
  const { stdout } = await cluster.inside(
    "sh",
    "-c",
    `cat ${cluster.dataDir}/cluster.json | sha256sum; stat -c %i ${cluster.dataDir}/server/pki/ca.key`,
  );
  return stdout;
}

const pidsOf = ({ processes }: Status): Record<string, number | undefined> =>
  Object.fromEntries(processes.map(({ name, pid }) => [name, pid]));

/** What is there now and was not before, of this cluster: other users of the machine come and go. */
async function leaksSince(before: MachineState): Promise<readonly string[]> {
  const after = await readMachineState(runId);
  const isOurs = (leak: string): boolean => leak.includes(cluster.name) || leak.includes(cluster.dataDir);
  return findLeaks(before, after).filter(isOurs);
}

describe("berth up, then down", () => {
  let before: MachineState;
  let networkBefore = "";

  test("brings a cluster up whose demo answers on its node port", { timeout: longMs }, async () => {
    before = await readMachineState(runId);
    networkBefore = await cluster.readNetwork();
    const { stdout, stderr, exitCode } = await cluster.berth("up", "-o", "json");
    expect(exitCode, `${stderr}\n${stdout}`).toBe(0);
    expect(events(stdout).filter(({ event }) => event === "stageEnded")).toHaveLength(9);
    expect(events(stdout).at(-1)).toMatchObject({ event: "finished", name: cluster.name });
    const found = await status();
    expect(found).toMatchObject({ exitCode: 0, nodes: [{ isReady: true }], pods: { Running: 4 } });
    const first = await visits();
    expect(await visits()).toBe(first + 1);
  });

  test("changes nothing when it is run again", { timeout: longMs }, async () => {
    const pids = pidsOf(await status());
    const { exitCode, stderr } = await cluster.berth("up");
    expect(exitCode, stderr).toBe(0);
    expect(pidsOf(await status())).toEqual(pids);
  });

  test("brings back a server that was killed, and nothing else", { timeout: longMs }, async () => {
    const count = await visits();
    const pids = pidsOf(await status());
    process.kill(pids["server"] ?? 0, "SIGKILL");
    expect(await visits()).toBe(count + 1);
    expect((await status()).exitCode).toBe(5);
    const { exitCode, stderr } = await cluster.berth("up");
    expect(exitCode, stderr).toBe(0);
    const { server, ...others } = pidsOf(await status());
    expect(others).toEqual(Object.fromEntries(Object.entries(pids).filter(([name]) => name !== "server")));
    expect(server).not.toBe(pids["server"]);
    expect(await visits()).toBe(count + 2);
  });

  test("brings the same cluster back after all of it was killed", { timeout: longMs }, async () => {
    const count = await visits();
    const before = await identity();
    for (const pid of Object.values(pidsOf(await status()))) process.kill(pid ?? 0, "SIGKILL");
    const { exitCode, stderr } = await cluster.berth("up");
    expect(exitCode, stderr).toBe(0);
    expect(await identity()).toBe(before);
    expect(await status()).toMatchObject({ exitCode: 0, pods: { Running: 4 } });
    expect(await visits()).toBe(count + 1);
  });

  test("takes down also what has no containerd any more", { timeout: longMs }, async () => {
    for (const pid of Object.values(pidsOf(await status()))) process.kill(pid ?? 0, "SIGKILL");
    const { exitCode, stderr } = await cluster.berth("down", "--keep-data");
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toMatch(/pods removed/);
    expect((await leaksSince(before)).filter((leak) => !leak.includes(cluster.dataDir))).toEqual([]);
    expect((await cluster.berth("up")).exitCode).toBe(0);
    expect((await status()).pods).toMatchObject({ Running: 4 });
  });

  test("leaves nothing behind", { timeout: longMs }, async () => {
    const { exitCode, stderr } = await cluster.berth("down");
    expect(exitCode, stderr).toBe(0);
    expect(await leaksSince(before)).toEqual([]);
    expect(await cluster.readNetwork()).toBe(networkBefore);
    expect((await cluster.berth("status")).exitCode).toBe(3);
    expect((await cluster.berth("down")).exitCode).toBe(0);
  });
});

describe("berth up that does not get to its end", () => {
  test("takes back what it started on Ctrl-C", { timeout: longMs }, async () => {
    const before = await readMachineState(runId);
    const child = await cluster.startBerth("up", "-o", "json", "--no-demo");
    const hasServer = async () => (await child.output()).includes('"stage":"node agent"');
    for (let attempt = 0; attempt < 1200 && !(await hasServer()); attempt++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill("SIGINT");
    expect(await child.exited, await child.output()).toMatchObject({ exitCode: 130 });
    expect(await leaksSince(before)).toEqual([]);
  });

  test("says which stage failed, why, what to do, and what the log says", { timeout: longMs }, async () => {
    const before = await readMachineState(runId);
    const listen = `require("node:net").createServer().listen(7443)`;
    await using _holder = await cluster.startInside(process.execPath, "-e", listen);
    const { exitCode, stderr } = await cluster.berth("up", "--no-demo", "--port", "7443");
    expect(exitCode).toBe(5);
    expect(stderr).toMatch(/stage "API server" failed: server ended/);
    expect(stderr).toMatch(/--port takes another one/);
    expect(stderr).toMatch(/EADDRINUSE/);
    expect((await cluster.berth("down")).exitCode).toBe(0);
    expect(await leaksSince(before)).toEqual([]);
  });
});
