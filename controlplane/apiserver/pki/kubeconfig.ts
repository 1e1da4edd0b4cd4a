/** kubeconfig files for clients with a certificate. The text is YAML that is also easy to read. */
import path from "node:path";
import type { Files, WriteOptions } from "#pkg/system/files.ts";
import type { TlsIdentity } from "./pki-folder.ts";

export interface KubeconfigOptions {
  /** e.g. https://127.0.0.1:6443 */
  readonly serverUrl: string;
  readonly clusterName: string;
  readonly userName: string;
  /** PEM of what signed the server's certificate. */
  readonly authorityPem: string;
  readonly identity: TlsIdentity;
}

export function buildKubeconfig(options: KubeconfigOptions): string {
  const { clusterName, userName, identity } = options;
  const context = `${userName}@${clusterName}`;
  return `apiVersion: v1
kind: Config
clusters:
- name: ${quote(clusterName)}
  cluster:
    certificate-authority-data: ${base64(options.authorityPem)}
    server: ${quote(options.serverUrl)}
contexts:
- name: ${quote(context)}
  context:
    cluster: ${quote(clusterName)}
    user: ${quote(userName)}
current-context: ${quote(context)}
preferences: {}
users:
- name: ${quote(userName)}
  user:
    client-certificate-data: ${base64(identity.certificatePem)}
    client-key-data: ${base64(identity.privateKeyPem)}
`;
}

/** Writes the file with mode 0600, unless it says the same already. */
export async function ensureKubeconfig(files: Files, file: string, options: KubeconfigOptions): Promise<void> {
  const text = buildKubeconfig(options);
  const current = (await files.exists(file)) ? await files.readText(file) : undefined;
  if (current === text) return;
  const mode: WriteOptions = { mode: 0o600 };
  await files.makeFolder(path.dirname(file));
  await files.writeAtomic(file, text, mode);
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** JSON strings are YAML strings. */
function quote(text: string): string {
  return /^[A-Za-z][\w.:/@-]*$/.test(text) ? text : JSON.stringify(text);
}
