/**
 * The folder with the cluster's keys and certificates, under the names kubeadm uses. Each `ensure*` returns what is there
 * when it will do and makes it otherwise, so a half-finished first start, a lost file or an expired certificate heals at
 * the next start. Keys are written before what depends on them; every file is 0600 and appears as a whole or not at all.
 */

import type { KeyObject } from "node:crypto";
import path from "node:path";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError, isNotFound } from "#pkg/system/errors.ts";
import { type Files, setAside } from "#pkg/system/files.ts";
import type { Random } from "#pkg/system/random.ts";
import {
  type CertificateProfile,
  type Issuer,
  issueAuthority,
  issueCertificate,
  parseCertificate,
} from "./issue-certificate.ts";
import { isPairOf, whyReissue } from "./judge-certificate.ts";
import { formatPrivateKey, formatPublicKey, generateEcKey, parsePrivateKey } from "./private-key.ts";

export interface PkiPorts {
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  /** Told what was made, renewed or set aside, and why. */
  readonly report?: ((what: string) => void) | undefined;
}

/** A certificate with its private key, both PEM. */
export interface TlsIdentity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** An authority; without `key` its private half is kept elsewhere and nothing can be issued here. */
export interface Authority {
  readonly certificatePem: string;
  readonly key: KeyObject | undefined;
}

const dayMs = 24 * 3600 * 1000;
const authorityLifetimeMs = 3650 * dayMs;
const leafLifetimeMs = 365 * dayMs;
/** Clocks of clients may run behind ours. */
const backdateMs = 5 * 60 * 1000;

export class PkiFolder {
  readonly folder: string;
  readonly #ports: PkiPorts;

  constructor(folder: string, ports: PkiPorts) {
    this.folder = folder;
    this.#ports = ports;
  }

  async ensureAuthority(name: string, commonName: string): Promise<Authority> {
    const certificatePem = await this.#read(`${name}.crt`);
    const keyPem = await this.#read(`${name}.key`);
    if (certificatePem !== undefined && keyPem === undefined) {
      parseCertificate(certificatePem, this.#path(`${name}.crt`));
      return { certificatePem, key: undefined };
    }
    try {
      const key = keyPem === undefined ? undefined : parsePrivateKey(keyPem, this.#path(`${name}.key`));
      if (key && certificatePem !== undefined) {
        this.#checkAuthority(name, certificatePem, key);
        return { certificatePem, key };
      }
      return await this.#makeAuthority(name, commonName, key);
    } catch (error) {
      if (!(error instanceof BerthError) || error.code !== "Corrupt") throw error;
      await this.#setAside(error.message, `${name}.crt`, `${name}.key`);
      return this.#makeAuthority(name, commonName, undefined);
    }
  }

  /** Throws "Unavailable" when it has to be issued and the authority's key is kept elsewhere. */
  async ensureIdentity(
    name: string,
    profile: CertificateProfile,
    authority: Authority,
  ): Promise<TlsIdentity & { readonly isNew: boolean }> {
    const found = await this.#judgeIdentity(name, profile, authority);
    if (found.identity) return { ...found.identity, isNew: false };
    const issuer = requireKey(authority, `${this.#path(`${name}.crt`)} (${found.reason})`);
    const key = await generateEcKey();
    const certificatePem = await issueCertificate(
      profile,
      key,
      issuer,
      this.#validity(leafLifetimeMs),
      this.#ports.random,
    );
    const privateKeyPem = formatPrivateKey(key);
    await this.#write(`${name}.key`, privateKeyPem);
    await this.#write(`${name}.crt`, certificatePem);
    this.#ports.report?.(`issued ${name}.crt: ${found.reason}`);
    return { certificatePem, privateKeyPem, isNew: true };
  }

  /** The key that signs service-account tokens; `make` runs only when there is none. */
  async ensureSigningKey(name: string, make: () => Promise<KeyObject>): Promise<KeyObject> {
    const pem = await this.#read(`${name}.key`);
    if (pem !== undefined) {
      try {
        return parsePrivateKey(pem, this.#path(`${name}.key`));
      } catch (error) {
        await this.#setAside(BerthError.from(error).message, `${name}.key`);
      }
    }
    const key = await make();
    await this.#write(`${name}.key`, formatPrivateKey(key));
    await this.#write(`${name}.pub`, formatPublicKey(key));
    this.#ports.report?.(`made ${name}.key`);
    return key;
  }

  #checkAuthority(name: string, certificatePem: string, key: KeyObject): void {
    const file = this.#path(`${name}.crt`);
    const certificate = parseCertificate(certificatePem, file);
    if (!isPairOf(certificate, key)) throw new BerthError("Corrupt", `${file} and ${name}.key do not belong together`);
    if (!certificate.ca) throw new BerthError("Corrupt", `${file} is not the certificate of an authority`);
    if (certificate.validToDate.getTime() <= this.#ports.clock.now()) {
      throw new BerthError("Corrupt", `${file} ran out on ${certificate.validTo}`);
    }
  }

  /** With a key and no certificate the first start was cut short: nobody has seen the certificate, so it is made now. */
  async #makeAuthority(name: string, commonName: string, existing: KeyObject | undefined): Promise<Authority> {
    const key = existing ?? (await generateEcKey());
    if (!existing) await this.#write(`${name}.key`, formatPrivateKey(key));
    const certificatePem = await issueAuthority(
      commonName,
      key,
      this.#validity(authorityLifetimeMs),
      this.#ports.random,
    );
    await this.#write(`${name}.crt`, certificatePem);
    this.#ports.report?.(`made the authority ${name}.crt`);
    return { certificatePem, key };
  }

  async #judgeIdentity(
    name: string,
    profile: CertificateProfile,
    authority: Authority,
  ): Promise<{ readonly identity?: TlsIdentity; readonly reason: string }> {
    const certificatePem = await this.#read(`${name}.crt`);
    const privateKeyPem = await this.#read(`${name}.key`);
    if (certificatePem === undefined || privateKeyPem === undefined) return { reason: "it was not there" };
    try {
      const certificate = parseCertificate(certificatePem, this.#path(`${name}.crt`));
      const key = parsePrivateKey(privateKeyPem, this.#path(`${name}.key`));
      const issuer = parseCertificate(authority.certificatePem, "the authority");
      const reason = whyReissue(certificate, key, profile, issuer, this.#ports.clock.now());
      return reason === undefined ? { identity: { certificatePem, privateKeyPem }, reason: "" } : { reason };
    } catch (error) {
      return { reason: BerthError.from(error).message };
    }
  }

  #validity(lifetimeMs: number): { notBeforeMs: number; notAfterMs: number } {
    const now = this.#ports.clock.now();
    return { notBeforeMs: now - backdateMs, notAfterMs: now + lifetimeMs };
  }

  async #setAside(why: string, ...names: readonly string[]): Promise<void> {
    for (const name of names) {
      if (!(await this.#ports.files.exists(this.#path(name)))) continue;
      const target = await setAside(this.#path(name), this.#ports.clock.now());
      this.#ports.report?.(`${why}; set aside as ${target}`);
    }
  }

  async #read(name: string): Promise<string | undefined> {
    try {
      return await this.#ports.files.readText(this.#path(name));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #write(name: string, text: string): Promise<void> {
    await this.#ports.files.writeAtomic(this.#path(name), text, { mode: 0o600 });
  }

  #path(name: string): string {
    return path.join(this.folder, name);
  }
}

function requireKey(authority: Authority, what: string): Issuer {
  if (authority.key) return { certificatePem: authority.certificatePem, key: authority.key };
  throw new BerthError("Unavailable", `cannot issue ${what}: the authority's private key is not on this machine`);
}
