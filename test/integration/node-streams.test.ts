/**
 * logs, exec, attach and port-forward the whole way: every kubectl there is, a real berth-server, the agent's server, and
 * containers of a real containerd.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { LocatedContainer, PodDirectory } from "#cmd/nodeagent/pods/ports.ts";
import { NodeAccess } from "#cmd/nodeagent/server/node-access.ts";
import { createNodeRoutes } from "#cmd/nodeagent/server/node-routes.ts";
import { startNodeServer } from "#cmd/nodeagent/server/node-server.ts";
import { ensureServingCertificate } from "#cmd/nodeagent/server/serving-certificate.ts";
import { isStatus } from "#pkg/api/status.ts";
import { createKubeClient, type KubeClient } from "#pkg/kube/client.ts";
import { createTransport } from "#pkg/kube/client-config.ts";
import { loadKubeconfig } from "#pkg/kube/kubeconfig.ts";
import { systemClock } from "#pkg/system/clock.ts";
import { systemFiles } from "#pkg/system/files.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { systemReadableFiles } from "#pkg/system/readable-files.ts";
import { startTestServer, type TestServer } from "#test/harness/berth-server.ts";
import { CleanupStack } from "#test/harness/cleanup.ts";
import { startTestContainerd, type TestContainerd } from "#test/harness/containerd.ts";
import { findKubectls, type Kubectl, runKubectl } from "#test/harness/kubectl.ts";

const kubectls = await findKubectls();
const cleanup = new CleanupStack();
let server: TestServer;
let containerd: TestContainerd;
let client: KubeClient;
let located: LocatedContainer;
let nodePort: number;
/** A server on the host, which the pod's network is. */
let webPort: number;

const script = `i=0; while [ $i -lt 5 ]; do echo line $i; i=$((i+1)); done; echo oops >&2; cat; exit 4`;

beforeAll(async () => {
  [server, containerd] = await Promise.all([startTestServer({ flags: ["--no-controllers"] }), startTestContainerd()]);
  cleanup.use(server);
  cleanup.use(containerd);
  const config = await loadKubeconfig(systemFiles, server.kubeconfig);
  const transport = cleanup.use(createTransport(config, { clock: systemClock, files: systemFiles }));
  client = createKubeClient(transport, { userAgent: "test", clock: systemClock });
  located = await startPod();
  nodePort = await serveNode();
  await registerNode();
  const web = createServer((_request, response) => response.end("from inside"));
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  cleanup.defer(async () => {
    web.close().closeAllConnections();
  });
  webPort = (web.address() as AddressInfo).port;
});
afterAll(() => cleanup[Symbol.asyncDispose]());

async function startPod(): Promise<LocatedContainer> {
  const { runtime } = containerd.cri;
  const logDirectory = path.join(containerd.folder, "logs");
  const namespaceOptions = { network: "NODE" as const, pid: "CONTAINER" as const, ipc: "POD" as const };
  const sandboxConfig = {
    metadata: { name: "web", namespace: "default", uid: "u1", attempt: 0 },
    logDirectory,
    linux: { cgroupParent: containerd.cgroupParent, securityContext: { namespaceOptions } },
  };
  const sandboxId = await runtime.runPodSandbox(sandboxConfig, "");
  const containerConfig = {
    metadata: { name: "app", attempt: 0 },
    image: { image: containerd.busyboxImage },
    command: ["/bin/sh", "-c", script],
    logPath: "app.log",
    stdin: true,
    linux: { securityContext: { namespaceOptions } },
  };
  const containerId = await runtime.createContainer(sandboxId, containerConfig, sandboxConfig);
  await runtime.startContainer(containerId);
  const logFile = path.join(logDirectory, "app.log");
  await vi.waitFor(async () => expect(await readFile(logFile, "utf8")).toMatch(/(oops.*line 4|line 4.*oops)/s), {
    timeout: 10_000,
  });
  const pod = { metadata: { name: "web", namespace: "default", uid: "u1" }, spec: { containers: [{ name: "app" }] } };
  return { pod, sandboxId, containerId, isRunning: true, logFile, tty: false, stdin: true };
}

async function serveNode(): Promise<number> {
  const pods: PodDirectory = {
    list: () => [located.pod],
    get: () => located.pod,
    findSandbox: async () => located.sandboxId,
    findContainer: async () => located,
  };
  const routes = createNodeRoutes({
    runtime: containerd.cri.runtime,
    pods,
    files: systemReadableFiles,
    clock: systemClock,
    pages: new Map(),
    checkHealth: async () => undefined,
  });
  const certificate = await ensureServingCertificate(
    { folder: path.join(containerd.folder, "pki"), nodeName: "node-1", addresses: ["127.0.0.1"] },
    { files: systemFiles, clock: systemClock },
  );
  const clientCaPem = await readFile(path.join(server.dataDir, "pki/ca.crt"), "utf8");
  const access = new NodeAccess({ client, clock: systemClock, nodeName: "node-1" });
  const options = { host: "127.0.0.1", port: 0, certificate, clientCaPem, anonymousAuth: false };
  return cleanup.use(await startNodeServer(options, { access, routes, log: silentLogger })).port;
}

async function registerNode(): Promise<void> {
  await client.nodes.create({ apiVersion: "v1", kind: "Node", metadata: { name: "node-1" }, spec: {} });
  const status = {
    addresses: [{ type: "InternalIP" as const, address: "127.0.0.1" }],
    daemonEndpoints: { kubeletEndpoint: { Port: nodePort } },
  };
  await client.nodes.patch("node-1", { type: "merge", body: { status } }, { subresource: "status" });
  const account = { apiVersion: "v1" as const, kind: "ServiceAccount" as const, metadata: { name: "default" } };
  await client.serviceAccounts
    .in("default")
    .create(account)
    .catch((error: unknown) => {
      if (!isStatus(error, "AlreadyExists")) throw error;
    });
  await client.pods.in("default").create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "default" },
    spec: { nodeName: "node-1", containers: [{ name: "app", image: "berth.local/busybox:1" }] },
  });
  // kubectl forwards ports of running pods only.
  const running = { status: { phase: "Running" } };
  await client.pods.in("default").patch("web", { type: "merge", body: running }, { subresource: "status" });
}

describe.each(kubectls)("kubectl $version", (kubectl: Kubectl) => {
  const run = (argv: readonly string[], stdin?: string) =>
    runKubectl(kubectl, server.kubeconfig, argv, { timeoutMs: 20_000, ...(stdin === undefined ? {} : { stdin }) });

  test("logs: all, the last lines, and with times", async () => {
    const all = await run(["logs", "web"]);
    expect(all).toMatchObject({ exitCode: 0, stderr: "" });
    // The two streams of a container come in any order.
    const lines = all.stdout.split("\n");
    expect(lines.filter((line) => line.startsWith("line"))).toEqual(["line 0", "line 1", "line 2", "line 3", "line 4"]);
    expect(lines).toContain("oops");
    expect((await run(["logs", "web", "-c", "app", "--tail=1"])).stdout.split("\n")).toHaveLength(2);
    expect((await run(["logs", "web", "--timestamps", "--tail=1"])).stdout).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(await run(["logs", "web", "-c", "nope"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("container nope is not valid for pod web"),
    });
  });

  test("exec: output, errors, exit code and standard input", async () => {
    const both = await run(["exec", "web", "--", "/bin/sh", "-c", "echo out; echo err >&2; exit 3"]);
    expect(both).toMatchObject({ exitCode: 3, stdout: "out\n" });
    expect(both.stderr).toContain("err\n");
    expect(await run(["exec", "-i", "web", "--", "/bin/cat"], "typed\n")).toMatchObject({
      exitCode: 0,
      stdout: "typed\n",
    });
  });

  test("exec of much output loses nothing", async () => {
    const { stdout, exitCode } = await run(["exec", "web", "--", "/bin/sh", "-c", "head -c 3000000 /dev/zero"]);
    expect([exitCode, stdout.length]).toEqual([0, 3_000_000]);
  });

  test("port-forward carries several connections", async () => {
    const child = spawn(kubectl.program, ["port-forward", "pod/web", `:${webPort}`], {
      env: { HOME: server.dataDir, KUBECONFIG: server.kubeconfig, PATH: process.env["PATH"] },
    });
    try {
      let said = "";
      child.stdout.on("data", (chunk: Buffer) => {
        said += chunk;
      });
      await expect.poll(() => said, { timeout: 10_000 }).toMatch(/127\.0\.0\.1:(\d+) ->/);
      const port = Number(/127\.0\.0\.1:(\d+) ->/.exec(said)?.[1]);
      const get = async (): Promise<string> => {
        const socket = connect(port, "127.0.0.1");
        socket.end("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        return await text(socket);
      };
      const answers = await Promise.all([get(), get(), get()]);
      for (const answer of answers) expect(answer).toContain("from inside");
    } finally {
      child.kill();
      await once(child, "exit");
    }
  });
});

describe("the last run", () => {
  const newest = kubectls.at(-1) as Kubectl;

  test("logs -f shows what attach typed, and ends with the container", async () => {
    const env = { HOME: server.dataDir, KUBECONFIG: server.kubeconfig, PATH: process.env["PATH"] };
    const follow = spawn(newest.program, ["logs", "-f", "--tail=0", "web"], { env });
    const followed = text(follow.stdout);
    const attach = spawn(newest.program, ["attach", "-i", "web"], { env });
    await once(attach.stderr, "data");
    attach.stdin.write("hello from attach\n");
    await expect.poll(() => readFile(located.logFile, "utf8"), { timeout: 10_000 }).toContain("hello from attach");
    await containerd.cri.runtime.stopContainer(located.containerId, 0);
    expect(await followed).toContain("hello from attach");
    attach.kill();
  });

  test("a node's pages and paths are reached through the API server", async () => {
    expect(await client.rawText("/api/v1/nodes/node-1/proxy/healthz")).toBe("ok");
    expect(await client.raw("/api/v1/nodes/node-1/proxy/pods")).toMatchObject({ kind: "PodList" });
  });
});

describe("the agent's server", () => {
  test("knows nobody without a certificate or a token", async () => {
    const { Agent, fetch } = await import("undici");
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
    const get = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`https://127.0.0.1:${nodePort}/pods`, { dispatcher, headers })).status;
    expect(await get({})).toBe(401);
    expect(await get({ authorization: "Bearer nonsense" })).toBe(401);
    const request = { metadata: {}, spec: { expirationSeconds: 600 } };
    const answer = await client.serviceAccounts
      .in("default")
      .postSubresource<{ status: { token: string } }>("default", "token", request);
    expect(await get({ authorization: `Bearer ${answer.status.token}` })).toBe(403);
    await dispatcher.close();
  });
});
