/** How to reach an API server and as whom: what a kubeconfig or a pod's service account comes down to. */
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError, isNotFound } from "#pkg/system/errors.ts";
import type { Files } from "#pkg/system/files.ts";
import { fileToken, fixedToken } from "./bearer-token.ts";
import { HttpsTransport } from "./https-transport.ts";
import type { TlsSettings } from "./tls-settings.ts";

export interface ClientConfig extends TlsSettings {
  readonly server: string;
  /** Where objects go when nothing else is said. */
  readonly namespace: string;
  readonly token?: string | undefined;
  /** Takes part when there is no `token`; read again as it changes. */
  readonly tokenFile?: string | undefined;
  readonly impersonate?:
    | {
        readonly user: string;
        readonly uid?: string | undefined;
        readonly groups?: string[] | undefined;
      }
    | undefined;
}

/** A transport for the configuration; the caller disposes it. */
export function createTransport(
  config: ClientConfig,
  ports: { readonly clock: Clock; readonly files: Files },
): HttpsTransport {
  const { clock, files } = ports;
  const { token, tokenFile } = config;
  const source =
    token !== undefined ? fixedToken(token) : tokenFile !== undefined ? fileToken(tokenFile, files, clock) : undefined;
  return new HttpsTransport({ ...config, clock, token: source, headers: impersonationHeaders(config) });
}

const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The configuration of a pod, from its service account. `env` is the process's environment. Throws "NotFound" when this is
 * not a pod.
 */
export async function inClusterConfig(
  files: Files,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ClientConfig> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port) {
    const names = "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT";
    throw new BerthError("NotFound", `not in a pod: ${names} are not set`);
  }
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    caPem: await files.readText(`${serviceAccountFolder}/ca.crt`),
    tokenFile: `${serviceAccountFolder}/token`,
    namespace: await readNamespace(files),
  };
}

async function readNamespace(files: Files): Promise<string> {
  try {
    return (await files.readText(`${serviceAccountFolder}/namespace`)).trim();
  } catch (error) {
    if (isNotFound(error)) return "default";
    throw error;
  }
}

function impersonationHeaders({ impersonate }: ClientConfig): Record<string, string | string[]> {
  if (!impersonate) return {};
  const { user, uid, groups = [] } = impersonate;
  return {
    "impersonate-user": user,
    ...(uid === undefined ? {} : { "impersonate-uid": uid }),
    ...(groups.length === 0 ? {} : { "impersonate-group": groups }),
  };
}
