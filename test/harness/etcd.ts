/** An etcd of a test's own: one member on loopback, TLS with client certificates, data below a temporary folder. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { type EtcdStore, type EtcdStoreOptions, openEtcdStore } from "#controlplane/store/etcd-store.ts";
import { hasCode } from "#pkg/system/errors.ts";
import { type ChildProcess, systemRunner } from "#pkg/system/exec.ts";
import { type CertificateFiles, writeTestCertificates } from "./certificates.ts";
import { CleanupStack } from "./cleanup.ts";

export interface TestEtcd extends AsyncDisposable {
  readonly endpoint: string;
  readonly certificates: CertificateFiles;
  readonly folder: string;
  /** "3.4.23" */
  readonly version: string;
  /** Options for a client with a certificate. */
  readonly options: EtcdStoreOptions;
  open(): Promise<EtcdStore>;
  /** Ends the process and starts it again on the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The program to test against: Debian's, or what BERTH_TEST_ETCD names. */
const program = process.env["BERTH_TEST_ETCD"] ?? "etcd";

export async function startTestEtcd(): Promise<TestEtcd> {
  const cleanup = new CleanupStack();
  const folder = await mkdtemp(path.join(tmpdir(), "berth-etcd-"));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  try {
    const certificates = await writeTestCertificates(path.join(folder, "pki"));
    const [clientPort, peerPort] = [await findFreePort(), await findFreePort()];
    const endpoint = `https://127.0.0.1:${clientPort}`;
    const options = { endpoints: [endpoint], tls: await readClientTls(certificates) };
    let server: ChildProcess | undefined;
    const stop = async (): Promise<void> => {
      await server?.[Symbol.asyncDispose]();
      server = undefined;
    };
    const start = async (): Promise<void> => {
      server = await spawnEtcd(folder, certificates, endpoint, `http://127.0.0.1:${peerPort}`);
      await waitUntilServing(options, path.join(folder, "etcd.log"));
    };
    cleanup.defer(stop);
    await start();
    const { stdout } = await systemRunner.run({ argv: [program, "--version"] });
    return {
      endpoint,
      certificates,
      folder,
      version: stdout.match(/etcd Version: (\S+)/)?.[1] ?? "",
      options,
      open: () => openEtcdStore(options),
      stop,
      restart: async () => {
        await stop();
        await start();
      },
      [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose](),
    };
  } catch (error) {
    await cleanup[Symbol.asyncDispose]();
    throw error;
  }
}

export async function readClientTls(files: CertificateFiles): Promise<NonNullable<EtcdStoreOptions["tls"]>> {
  const [ca, cert, key] = await Promise.all(
    [files.ca, files.clientCert, files.clientKey].map((file) => readFile(file)),
  );
  return { ca, cert, key };
}

/** A port that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

function spawnEtcd(folder: string, files: CertificateFiles, client: string, peer: string): Promise<ChildProcess> {
  return systemRunner.spawn({
    argv: [
      program,
      ...["--name", "test", "--data-dir", path.join(folder, "data"), "--logger", "zap"],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `test=${peer}`],
      ...["--cert-file", files.serverCert, "--key-file", files.serverKey],
      ...["--trusted-ca-file", files.ca, "--client-cert-auth"],
    ],
    output: { file: path.join(folder, "etcd.log") },
  });
}

async function waitUntilServing(options: EtcdStoreOptions, log: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    try {
      const store = await openEtcdStore({ ...options, timeoutMs: 2000 });
      await store.range({ start: Uint8Array.of(0) });
      await store[Symbol.asyncDispose]();
      return;
    } catch (error) {
      const isEarly = hasCode(error, "Unavailable") || hasCode(error, "Timeout");
      if (!isEarly || Date.now() > deadline) {
        throw new Error(`etcd does not serve: ${String(error)}\n${(await readFile(log, "utf8")).slice(-2000)}`);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
