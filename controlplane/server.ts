/**
 * berth-server put together: keys, store, API server, and beside it scheduler and controllers, which reach the API through
 * the same client as everyone else, over a transport inside this process. Composition only.
 */
import { isIP } from "node:net";
import path from "node:path";
import { type IpBlock, parseBlock } from "#pkg/api/ip-address.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { Files } from "#pkg/system/files.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import { type ApiServer, startApiServer } from "./apiserver/api-server.ts";
import { jwtKeyOf } from "./apiserver/authn/json-web-token.ts";
import { buildOidcDocuments } from "./apiserver/authn/oidc-discovery.ts";
import { parseTokenFile } from "./apiserver/authn/static-tokens.ts";
import { createBuiltInParts } from "./apiserver/built-in-parts.ts";
import { createConnections } from "./apiserver/connect/connect-handlers.ts";
import { buildServerVersion } from "./apiserver/discovery/server-version.ts";
import { defaultInFlightLimits } from "./apiserver/http/filters/max-in-flight.ts";
import { createCertificateSigner } from "./apiserver/pki/certificate-signer.ts";
import { ensureKubeconfig } from "./apiserver/pki/kubeconfig.ts";
import { loadOrCreatePki, type Pki } from "./apiserver/pki/load-or-create-pki.ts";
import type { ServerOptions } from "./options.ts";
import { startLoops } from "./start-loops.ts";
import { startEtcdServer } from "./store/etcd-server.ts";
import type { Store } from "./store/store.ts";

export interface ServerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly log: Logger;
  /** This machine's own address, for when nothing says by which one others reach it. */
  readonly hostAddress: string;
  readonly hostName: string;
  /** Version of Berth, e.g. "0.1.0". */
  readonly version: string;
  readonly platform: string;
}

export interface Server extends AsyncDisposable {
  readonly api: ApiServer;
  readonly port: number;
  /** Resolves when /readyz says yes. */
  readonly ready: Promise<void>;
}

/** Anonymous callers may ask for health and nothing else; RBAC says what that gets them. */
export async function startServer(options: ServerOptions, ports: ServerPorts): Promise<Server> {
  const stack = new AsyncDisposableStack();
  try {
    const [pki, store] = await Promise.all([openPki(options, ports), openStore(options, ports)]);
    stack.use(store);
    stack.use(pki);
    const api = stack.use(await startApi(options, ports, pki, store));
    const port = api.listener?.port ?? options.securePort;
    stack.use(pki.onRenewal((name) => name === "apiserver" && api.listener?.replaceCertificate(tlsMaterial(pki))));
    await ensureKubeconfig(ports.files, options.kubeconfigFile, {
      serverUrl: `https://${localAddress(options)}:${port}`,
      clusterName: "berth",
      userName: "kubernetes-admin",
      authorityPem: pki.clusterAuthority.certificatePem,
      identity: pki.admin(),
    });
    if (options.runsControllers) stack.use(startLoopsBeside(api, options, ports, pki));
    if (options.etcdListen) stack.use(await serveEtcd(options.etcdListen, ports, pki, store));
    const owned = stack.move();
    return { api, port, ready: api.ready, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function openStore(options: ServerOptions, { clock, random, files, log }: ServerPorts): Promise<Store> {
  if (options.store.kind === "etcd") {
    const { openEtcdStore } = await import("./store/etcd-store.ts");
    const read = async (file: string | undefined) => (file === undefined ? undefined : files.readBytes(file));
    const { servers, caFile, certFile, keyFile } = options.store;
    const [ca, cert, key] = await Promise.all([read(caFile), read(certFile), read(keyFile)]);
    return openEtcdStore({ endpoints: servers, clock, ...(ca || cert ? { tls: { ca, cert, key } } : {}) });
  }
  const { openEmbeddedStore } = await import("./store/embedded-store.ts");
  return openEmbeddedStore({
    dataDir: path.join(options.dataDir, "store"),
    clock,
    random,
    files,
    log: log.with({ part: "store" }),
  });
}

function openPki(
  options: ServerOptions,
  { clock, random, files, log, hostAddress, hostName }: ServerPorts,
): Promise<Pki> {
  const extra = [
    ...options.tlsSans,
    ...(options.advertiseAddress ? [options.advertiseAddress] : []),
    hostAddress,
    hostName,
  ];
  const bound = isAnyAddress(options.bindAddress) ? [] : [options.bindAddress];
  const all = [...new Set([...extra, ...bound])].filter((name) => name !== "");
  return loadOrCreatePki(
    {
      folder: path.join(options.dataDir, "pki"),
      serviceIp: firstServiceAddress(options.serviceCidrs[0] ?? ""),
      extraNames: all.filter((name) => isIP(name) === 0),
      extraAddresses: all.filter((name) => isIP(name) !== 0),
      clusterDomain: options.clusterDomain,
    },
    { files, clock, random, report: (what) => log.info(what, { part: "pki" }) },
  );
}

async function startApi(options: ServerOptions, ports: ServerPorts, pki: Pki, store: Store): Promise<ApiServer> {
  const { clock, random, files, log } = ports;
  const staticTokens = options.tokenAuthFile ? parseTokenFile(await files.readText(options.tokenAuthFile)) : [];
  const apiAudiences = options.apiAudiences;
  const advertised =
    options.advertiseAddress ?? (isAnyAddress(options.bindAddress) ? ports.hostAddress : options.bindAddress);
  const version = buildServerVersion(ports.version, ports.platform);
  const address = `${advertised}:${options.securePort}`;
  return startApiServer(
    {
      version,
      listen: { host: options.bindAddress, port: options.securePort, tls: tlsMaterial(pki) },
      advertisedAddress: options.securePort === 0 ? undefined : address,
      authentication: {
        clientAuthoritiesPem: pki.clusterAuthority.certificatePem,
        frontProxy: { authoritiesPem: pki.frontProxyAuthority.certificatePem, allowedNames: ["front-proxy-client"] },
        staticTokens,
        bootstrapTokens: true,
        serviceAccounts: {
          issuers: [options.serviceAccountIssuer],
          keys: pki.serviceAccountVerificationKeys.map(jwtKeyOf),
          apiAudiences,
        },
        anonymous: options.anonymousAuth ? "everywhere" : "nowhere",
      },
      tokens: {
        issuer: options.serviceAccountIssuer,
        signingKey: pki.serviceAccountKey,
        apiAudiences,
        extendExpiration: true,
      },
      inFlight: { ...defaultInFlightLimits, reading: options.maxReads, mutating: options.maxWrites },
      requestTimeoutMs: options.requestTimeoutMs,
    },
    { store, clock, random, log },
    createBuiltInParts(
      {
        version: version.gitVersion,
        oidc: buildOidcDocuments(options.serviceAccountIssuer, pki.serviceAccountVerificationKeys, address),
        services: { blocks: serviceBlocks(options), nodePorts: options.nodePorts },
        admission: { disabledPlugins: options.disabledAdmissionPlugins },
        connect: createConnections({ kubeletClient: () => clientTls(pki), random }),
        bootstrap: {
          serviceCidrs: options.serviceCidrs,
          serviceIp: firstServiceAddress(options.serviceCidrs[0] ?? ""),
          advertiseAddress: isLoopback(advertised) ? undefined : advertised,
          securePort: options.securePort,
          clientAuthoritiesPem: pki.clusterAuthority.certificatePem,
          frontProxyAuthorityPem: pki.frontProxyAuthority.certificatePem,
        },
      },
      { clock, random },
    ),
  );
}

function startLoopsBeside(api: ApiServer, options: ServerOptions, ports: ServerPorts, pki: Pki): AsyncDisposable {
  const { clock, random, log, version } = ports;
  const { clusterCidr, nodeMonitorGracePeriodMs } = options;
  return startLoops(
    {
      rootCaPem: pki.clusterAuthority.certificatePem,
      signer: createCertificateSigner(pki.clusterAuthority, { clock, random }),
      clusterCidr,
      nodeMonitorGracePeriodMs,
    },
    { clock, random, log, version, ready: api.ready, transportFor: (user) => api.inProcessTransport(user) },
  );
}

function serveEtcd(
  listen: NonNullable<ServerOptions["etcdListen"]>,
  { clock, log }: ServerPorts,
  pki: Pki,
  store: Store,
) {
  const { certificatePem: cert, privateKeyPem: key } = pki.serving();
  const tls = { cert, key, clientCa: pki.clusterAuthority.certificatePem };
  // One member that never changes; the numbers only have to be stable.
  const identity = { clusterId: 0xbe47_0000_0000_0001n, memberId: 0xbe47_0000_0000_0002n };
  return startEtcdServer({
    store,
    host: listen.host,
    port: listen.port,
    tls,
    identity,
    clock,
    log: log.with({ part: "etcd" }),
  });
}

/** Nodes sign their own certificates, which nobody can check; they check ours. */
function clientTls(pki: Pki) {
  const { certificatePem: cert, privateKeyPem: key } = pki.kubeletClient();
  return { cert, key };
}

function tlsMaterial(pki: Pki) {
  const { certificatePem, privateKeyPem } = pki.serving();
  return { certificate: certificatePem, privateKey: privateKeyPem, clientCa: pki.clusterAuthority.certificatePem };
}

function serviceBlocks({ serviceCidrs }: ServerOptions): readonly IpBlock[] {
  return serviceCidrs.map((cidr) => {
    const block = parseBlock(cidr);
    if (!block) throw new BerthError("Invalid", `${cidr} is no block of addresses for services`);
    return block;
  });
}

function localAddress({ bindAddress }: ServerOptions): string {
  if (isAnyAddress(bindAddress)) return "127.0.0.1";
  return bindAddress.includes(":") ? `[${bindAddress}]` : bindAddress;
}

/** Pods cannot reach a server that listens on loopback alone. */
function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

function isAnyAddress(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** The first address of the range is the API server's own Service. */
function firstServiceAddress(cidr: string): string {
  const [address = ""] = cidr.split("/");
  return address.includes(":")
    ? address.replace(/:[0-9a-f]*$/, ":1")
    : address.replace(/\d+$/, (last) => String(Number(last) + 1));
}
