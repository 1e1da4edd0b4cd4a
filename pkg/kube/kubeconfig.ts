/**
 * kubeconfig files: reading, choosing a context, merging and writing. Credentials come as data or as files beside the
 * kubeconfig, certificates or tokens; users whose credentials come from a program or a plugin are refused with a clear word.
 */
import path from "node:path";
import { dump } from "js-yaml";
import { parseYaml } from "#pkg/api/schema/yaml.ts";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import type { Files } from "#pkg/system/files.ts";
import type { ClientConfig } from "./client-config.ts";

export interface KubeconfigCluster {
  readonly server: string;
  readonly "certificate-authority"?: string | undefined;
  readonly "certificate-authority-data"?: string | undefined;
  readonly "tls-server-name"?: string | undefined;
  readonly "insecure-skip-tls-verify"?: boolean | undefined;
  readonly "proxy-url"?: string | undefined;
}

export interface KubeconfigUser {
  readonly "client-certificate"?: string | undefined;
  readonly "client-certificate-data"?: string | undefined;
  readonly "client-key"?: string | undefined;
  readonly "client-key-data"?: string | undefined;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly as?: string | undefined;
  readonly "as-uid"?: string | undefined;
  readonly "as-groups"?: string[] | undefined;
  readonly username?: string | undefined;
  readonly exec?: unknown;
  readonly "auth-provider"?: unknown;
}

export interface KubeconfigContext {
  readonly cluster: string;
  readonly user?: string | undefined;
  readonly namespace?: string | undefined;
}

export interface Kubeconfig {
  readonly apiVersion?: string | undefined;
  readonly kind?: string | undefined;
  readonly clusters: readonly { readonly name: string; readonly cluster: KubeconfigCluster }[];
  readonly users: readonly { readonly name: string; readonly user: KubeconfigUser }[];
  readonly contexts: readonly { readonly name: string; readonly context: KubeconfigContext }[];
  readonly "current-context"?: string | undefined;
  readonly preferences?: unknown;
}

export interface ResolvedContext {
  readonly cluster: KubeconfigCluster;
  readonly user: KubeconfigUser;
  readonly namespace: string;
}

/** Reads a kubeconfig. Throws "Invalid" that names what is wrong. */
export function parseKubeconfig(text: string): Kubeconfig {
  let parsed: unknown;
  try {
    parsed = parseYaml(text.trim() === "" ? "{}" : text, { maxDepth: 64 });
  } catch (error) {
    throw new BerthError("Invalid", `kubeconfig: ${messageOf(error)}`, { cause: error });
  }
  const config = asMap(parsed ?? {}, "kubeconfig");
  const kind = config["kind"] ?? "Config";
  if (kind !== "Config") throw new BerthError("Invalid", `kubeconfig: kind is ${JSON.stringify(kind)}, not "Config"`);
  return {
    ...config,
    clusters: namedEntries(config, "clusters", "cluster"),
    users: namedEntries(config, "users", "user"),
    contexts: namedEntries(config, "contexts", "context"),
  } as unknown as Kubeconfig;
}

/** The cluster and user of a context; of the current one when no name is given. Throws "NotFound" or "Invalid". */
export function resolveContext(config: Kubeconfig, contextName?: string): ResolvedContext {
  const name = contextName ?? config["current-context"];
  if (!name) throw new BerthError("NotFound", "kubeconfig: there is no current-context; name one");
  const context = config.contexts.find((one) => one.name === name)?.context;
  if (!context) throw new BerthError("NotFound", `kubeconfig: there is no context "${name}"`);
  const cluster = config.clusters.find((one) => one.name === context.cluster)?.cluster;
  if (!cluster)
    throw new BerthError("NotFound", `kubeconfig: context "${name}": there is no cluster "${context.cluster}"`);
  if (!cluster.server) throw new BerthError("Invalid", `kubeconfig: cluster "${context.cluster}" has no server`);
  const user = context.user ? config.users.find((one) => one.name === context.user)?.user : {};
  if (!user) throw new BerthError("NotFound", `kubeconfig: context "${name}": there is no user "${context.user}"`);
  refuseUnsupported(cluster, user, `kubeconfig: user "${context.user}"`);
  return { cluster, user, namespace: context.namespace || "default" };
}

/** Reads the file and the files it names. Throws "NotFound", "Invalid" or "Unsupported". */
export async function loadKubeconfig(files: Files, file: string, contextName?: string): Promise<ClientConfig> {
  const { cluster, user, namespace } = resolveContext(parseKubeconfig(await files.readText(file)), contextName);
  const folder = path.dirname(path.resolve(file));
  const pem = async (data: string | undefined, named: string | undefined): Promise<string | undefined> => {
    if (data) return Buffer.from(data, "base64").toString("utf8");
    return named ? await files.readText(path.resolve(folder, named)) : undefined;
  };
  const groups = user["as-groups"];
  return {
    server: cluster.server,
    namespace,
    caPem: await pem(cluster["certificate-authority-data"], cluster["certificate-authority"]),
    clientCertificatePem: await pem(user["client-certificate-data"], user["client-certificate"]),
    clientKeyPem: await pem(user["client-key-data"], user["client-key"]),
    serverName: cluster["tls-server-name"],
    insecureSkipVerify: cluster["insecure-skip-tls-verify"] ?? false,
    token: user.token || undefined,
    tokenFile: user.tokenFile && path.resolve(folder, user.tokenFile),
    impersonate: user.as ? { user: user.as, uid: user["as-uid"], groups } : undefined,
  };
}

/** One context of that name, with its cluster and user, as a whole kubeconfig. */
export function buildKubeconfig(name: string, config: ClientConfig): Kubeconfig {
  const { server, caPem, serverName, insecureSkipVerify, clientCertificatePem, clientKeyPem, token, tokenFile } =
    config;
  const cluster = withoutUndefined<KubeconfigCluster>({
    server,
    "certificate-authority-data": base64(caPem),
    "tls-server-name": serverName,
    "insecure-skip-tls-verify": insecureSkipVerify || undefined,
  });
  const user = withoutUndefined<KubeconfigUser>({
    "client-certificate-data": base64(clientCertificatePem),
    "client-key-data": base64(clientKeyPem),
    token,
    tokenFile,
    as: config.impersonate?.user,
    "as-uid": config.impersonate?.uid,
    "as-groups": config.impersonate?.groups,
  });
  const context = { cluster: name, user: name, namespace: config.namespace };
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster }],
    users: [{ name, user }],
    contexts: [{ name, context }],
    "current-context": name,
  };
}

/** `added` over `base`: entries of the same name are replaced, the others and what else is in `base` stay. */
export function mergeKubeconfig(base: Kubeconfig, added: Kubeconfig): Kubeconfig {
  const merge = <E extends { readonly name: string }>(old: readonly E[], fresh: readonly E[]): readonly E[] => [
    ...old.filter(({ name }) => !fresh.some((one) => one.name === name)),
    ...fresh,
  ];
  return {
    ...base,
    apiVersion: "v1",
    kind: "Config",
    clusters: merge(base.clusters, added.clusters),
    users: merge(base.users, added.users),
    contexts: merge(base.contexts, added.contexts),
    "current-context": added["current-context"] ?? base["current-context"],
  };
}

/** The YAML of the file. It may hold secrets: write it with mode 0600. */
export function formatKubeconfig(config: Kubeconfig): string {
  return dump(withoutUndefined(config), { lineWidth: -1 });
}

function refuseUnsupported(cluster: KubeconfigCluster, user: KubeconfigUser, who: string): void {
  const refused = (what: string): BerthError =>
    new BerthError("Unsupported", `${who}: ${what} is not supported; use a client certificate, token or tokenFile`);
  if (user.exec) throw refused("exec (a credential plugin)");
  if (user["auth-provider"]) throw refused("auth-provider");
  if (user.username) throw refused("username and password");
  if (cluster["proxy-url"]) throw new BerthError("Unsupported", "kubeconfig: proxy-url is not supported");
}

/** `clusters: [{name, cluster}]` and its like; an absent list is empty. */
function namedEntries(config: Readonly<Record<string, unknown>>, list: string, field: string): readonly unknown[] {
  const entries = config[list] ?? [];
  if (!Array.isArray(entries)) throw new BerthError("Invalid", `kubeconfig: ${list} is not a list`);
  for (const [index, entry] of entries.entries()) {
    const where = `kubeconfig: ${list}[${index}]`;
    const { name, [field]: value } = asMap(entry, where);
    if (typeof name !== "string" || name === "") throw new BerthError("Invalid", `${where}.name is missing`);
    asMap(value, `${where}.${field}`);
  }
  return entries;
}

function asMap(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new BerthError("Invalid", `${where} is not a map`);
}

function base64(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text).toString("base64");
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}
