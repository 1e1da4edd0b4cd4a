/**
 * The cluster's PKI as a whole: two authorities (the cluster's and the aggregator's), the server's own certificate, client
 * certificates for the administrator, for calls to kubelets and for aggregated servers, and the key that signs
 * service-account tokens. Everything is made at the first start and renewed while the server runs.
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import type { CertificateProfile } from "./issue-certificate.ts";
import { type Authority, PkiFolder, type PkiPorts, type TlsIdentity } from "./pki-folder.ts";
import { generateRsaKey } from "./private-key.ts";

export interface PkiOptions {
  /** Made with mode 0700 when missing. */
  readonly folder: string;
  /** First address of the Service range, e.g. 10.96.0.1: where pods reach the API. */
  readonly serviceIp: string;
  /** More names and addresses the server is reached by: host name, node addresses, a load balancer. */
  readonly extraNames: readonly string[];
  readonly extraAddresses: readonly string[];
  /** e.g. cluster.local */
  readonly clusterDomain: string;
}

export interface Pki extends Disposable {
  /** PEM: verifies the server's and clients' certificates; goes into kubeconfigs and kube-root-ca.crt. */
  readonly clusterAuthority: Authority;
  readonly frontProxyAuthority: Authority;
  readonly serviceAccountKey: KeyObject;
  /** The public half, and those of former keys whose tokens are still good. */
  readonly serviceAccountVerificationKeys: readonly KeyObject[];
  /** What is used now; ask again for each new connection, since renewal replaces it. */
  serving(): TlsIdentity;
  admin(): TlsIdentity;
  kubeletClient(): TlsIdentity;
  frontProxyClient(): TlsIdentity;
  /** Called after a certificate was replaced while running, so that it can be used without a restart. */
  onRenewal(listener: RenewalListener): Disposable;
  /** Issues again what runs out soon, was damaged or lacks a name. Returns the names of what was issued. */
  renew(): Promise<readonly IdentityName[]>;
}

export type RenewalListener = (name: IdentityName, identity: TlsIdentity) => void;

export type IdentityName = "apiserver" | "admin" | "apiserver-kubelet-client" | "front-proxy-client";

/** Twice a day: with 30 % of a year left there is time for many tries. */
const renewalCheckMs = 12 * 3600 * 1000;

export async function loadOrCreatePki(options: PkiOptions, ports: PkiPorts): Promise<Pki> {
  await ports.files.makeFolder(options.folder, 0o700);
  const folder = new PkiFolder(options.folder, ports);
  const signingKey = folder.ensureSigningKey("sa", generateRsaKey);
  // Awaited last; without this a failure before that would be reported as unhandled as well.
  signingKey.catch(() => undefined);
  const [cluster, frontProxy] = await Promise.all([
    folder.ensureAuthority("ca", "kubernetes"),
    folder.ensureAuthority("front-proxy-ca", "front-proxy-ca"),
  ]);
  const identities = new Identities(folder, identityPlans(options, cluster, frontProxy));
  await identities.ensureAll();
  const timer = startRenewal(identities, ports);
  return assemble(cluster, frontProxy, identities, await signingKey, timer);
}

interface IdentityPlan {
  readonly name: IdentityName;
  readonly profile: CertificateProfile;
  readonly authority: Authority;
}

function identityPlans(options: PkiOptions, cluster: Authority, frontProxy: Authority): readonly IdentityPlan[] {
  const client = (commonName: string, organizations: readonly string[] = []): CertificateProfile => ({
    commonName,
    organizations,
    usages: ["client"],
  });
  return [
    { name: "apiserver", profile: servingProfile(options), authority: cluster },
    { name: "admin", profile: client("kubernetes-admin", ["system:masters"]), authority: cluster },
    // No group: the bootstrap binding to system:kubelet-api-admin gives it what it needs and no more.
    { name: "apiserver-kubelet-client", profile: client("kube-apiserver-kubelet-client"), authority: cluster },
    { name: "front-proxy-client", profile: client("front-proxy-client"), authority: frontProxy },
  ];
}

/** The names a client may use for the API server, from inside pods as well as from this machine. */
export function servingProfile(options: PkiOptions): CertificateProfile {
  const service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];
  const names = ["localhost", ...service, `kubernetes.default.svc.${options.clusterDomain}`, ...options.extraNames];
  const addresses = ["127.0.0.1", "::1", options.serviceIp, ...options.extraAddresses];
  return {
    commonName: "kube-apiserver",
    dnsNames: [...new Set(names)],
    ipAddresses: [...new Set(addresses)],
    usages: ["server"],
  };
}

class Identities {
  readonly #folder: PkiFolder;
  readonly #plans: readonly IdentityPlan[];
  readonly #current = new Map<IdentityName, TlsIdentity>();
  readonly #listeners = new Set<RenewalListener>();

  constructor(folder: PkiFolder, plans: readonly IdentityPlan[]) {
    this.#folder = folder;
    this.#plans = plans;
  }

  async ensureAll(): Promise<readonly IdentityName[]> {
    const issued = await Promise.all(this.#plans.map((plan) => this.#ensure(plan)));
    return this.#plans.filter((_, index) => issued[index]).map((plan) => plan.name);
  }

  get(name: IdentityName): TlsIdentity {
    const identity = this.#current.get(name);
    if (!identity) throw new BerthError("Internal", `the certificate ${name} was not made`);
    return identity;
  }

  onRenewal(listener: RenewalListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async #ensure(plan: IdentityPlan): Promise<boolean> {
    const { isNew, ...identity } = await this.#folder.ensureIdentity(plan.name, plan.profile, plan.authority);
    const before = this.#current.get(plan.name);
    this.#current.set(plan.name, identity);
    if (before && before.certificatePem !== identity.certificatePem) {
      for (const listener of this.#listeners) listener(plan.name, identity);
    }
    return isNew;
  }
}

function startRenewal(identities: Identities, ports: PkiPorts): Disposable {
  let timer = schedule();
  function schedule(): Disposable {
    return ports.clock.setTimer(renewalCheckMs, () => {
      void check();
    });
  }
  async function check(): Promise<void> {
    try {
      await identities.ensureAll();
    } catch (error) {
      ports.report?.(`cannot renew certificates, trying again later: ${messageOf(error)}`);
    }
    if (!stopped) timer = schedule();
  }
  let stopped = false;
  return {
    [Symbol.dispose]() {
      stopped = true;
      timer[Symbol.dispose]();
    },
  };
}

function assemble(
  clusterAuthority: Authority,
  frontProxyAuthority: Authority,
  identities: Identities,
  serviceAccountKey: KeyObject,
  timer: Disposable,
): Pki {
  return {
    clusterAuthority,
    frontProxyAuthority,
    serviceAccountKey,
    serviceAccountVerificationKeys: [createPublicKey(serviceAccountKey)],
    serving: () => identities.get("apiserver"),
    admin: () => identities.get("admin"),
    kubeletClient: () => identities.get("apiserver-kubelet-client"),
    frontProxyClient: () => identities.get("front-proxy-client"),
    onRenewal: (listener) => identities.onRenewal(listener),
    renew: () => identities.ensureAll(),
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  };
}
