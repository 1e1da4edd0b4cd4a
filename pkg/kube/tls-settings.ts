/** Whom a client trusts and who it says it is, on TLS connections. */
import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";

export interface TlsSettings {
  /** Certificates that may sign the server's, as PEM; default: those of the system. */
  readonly caPem?: string | undefined;
  readonly clientCertificatePem?: string | undefined;
  readonly clientKeyPem?: string | undefined;
  /** The name that the server's certificate must hold, when it is not the one in the URL. */
  readonly serverName?: string | undefined;
  /** True: any certificate will do. */
  readonly insecureSkipVerify?: boolean | undefined;
}

/** What node:tls wants for these settings. */
export function tlsOptions(tls: TlsSettings, host: string): ConnectionOptions {
  // The name goes to the server (SNI), where an address is not allowed; its certificate is checked against the address then.
  const serverName = tls.serverName ?? (isIP(host) ? undefined : host);
  return {
    ...(tls.caPem === undefined ? {} : { ca: tls.caPem }),
    ...(tls.clientCertificatePem === undefined ? {} : { cert: tls.clientCertificatePem }),
    ...(tls.clientKeyPem === undefined ? {} : { key: tls.clientKeyPem }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    rejectUnauthorized: !tls.insecureSkipVerify,
    minVersion: "TLSv1.2",
  };
}
