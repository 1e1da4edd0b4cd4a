/** What the certificate controllers need from whoever holds the cluster's authority. */

/** What a certificate request asks for. */
export interface RequestedCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
}

export interface CertificateSigner {
  /** Throws BerthError "Invalid" for text that is no request. */
  parse(requestPem: string): Promise<RequestedCertificate>;
  /** The certificate as PEM. Throws "Invalid" for requests that cannot be signed. */
  sign(requestPem: string, usages: readonly ("client" | "server")[], lifetimeMs: number): Promise<string>;
}
