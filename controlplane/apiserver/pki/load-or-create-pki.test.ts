import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { type AddressInfo, connect as connectTcp } from "node:net";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemRunner } from "#pkg/system/exec.ts";
import { systemFiles } from "#pkg/system/files.ts";
import { systemRandom } from "#pkg/system/random.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { loadOrCreatePki, type Pki, type PkiOptions } from "./load-or-create-pki.ts";

const dayMs = 24 * 3600 * 1000;
let folder: string;
let clock: FakeClock;
let reports: string[];
const opened: Pki[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "berth-pki-"));
  clock = new FakeClock(Date.now());
  reports = [];
});

afterEach(async () => {
  for (const pki of opened.splice(0)) pki[Symbol.dispose]();
  await rm(folder, { recursive: true });
});

async function load(changes: Partial<PkiOptions> = {}): Promise<Pki> {
  const options = {
    folder: path.join(folder, "pki"),
    serviceIp: "10.96.0.1",
    extraNames: ["node-1"],
    extraAddresses: ["192.0.2.7"],
    clusterDomain: "cluster.local",
    ...changes,
  };
  const report = (what: string): void => void reports.push(what);
  const pki = await loadOrCreatePki(options, { files: systemFiles, clock, random: systemRandom, report });
  opened.push(pki);
  return pki;
}

const file = (name: string): string => path.join(folder, "pki", name);

describe("loadOrCreatePki", () => {
  test("makes every file with mode 0600 in a folder with mode 0700", async () => {
    await load();
    const names = await readdir(path.join(folder, "pki"));
    const expected = ["admin", "apiserver", "apiserver-kubelet-client", "ca", "front-proxy-ca", "front-proxy-client"];
    expect(names.sort()).toEqual(
      [...expected.flatMap((name) => [`${name}.crt`, `${name}.key`]), "sa.key", "sa.pub"].sort(),
    );
    for (const name of names) expect((await stat(file(name))).mode & 0o777, name).toBe(0o600);
    expect((await stat(path.join(folder, "pki"))).mode & 0o777).toBe(0o700);
  });

  test("finds everything as it was at the next start", async () => {
    const first = await load();
    const second = await load();
    expect(second.serving()).toMatchObject(first.serving());
    expect(second.admin()).toMatchObject(first.admin());
    expect(second.serviceAccountKey.equals(first.serviceAccountKey)).toBe(true);
    expect(await second.renew()).toEqual([]);
  });

  test.each([
    ["apiserver", "ca", "sslserver", "CN=kube-apiserver"],
    ["admin", "ca", "sslclient", "O=system:masters,CN=kubernetes-admin"],
    ["apiserver-kubelet-client", "ca", "sslclient", "CN=kube-apiserver-kubelet-client"],
    ["front-proxy-client", "front-proxy-ca", "sslclient", "CN=front-proxy-client"],
  ])("issues %s so that openssl verifies it", async (name, authority, purpose, subject) => {
    await load();
    const verify = [
      "openssl",
      "verify",
      "-x509_strict",
      "-purpose",
      purpose,
      "-CAfile",
      file(`${authority}.crt`),
    ] as const;
    expect((await systemRunner.run({ argv: [...verify, file(`${name}.crt`)] })).stdout).toMatch(/: OK/);
    const show = [
      "openssl",
      "x509",
      "-noout",
      "-subject",
      "-nameopt",
      "RFC2253,-dn_rev",
      "-in",
      file(`${name}.crt`),
    ] as const;
    expect((await systemRunner.run({ argv: show })).stdout.trim()).toBe(`subject=${subject}`);
  });

  test("names the server by every name pods and people use", async () => {
    const { certificatePem } = (await load()).serving();
    const certificate = new X509Certificate(certificatePem);
    const names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "node-1"];
    for (const name of [...names, "kubernetes.default.svc.cluster.local"])
      expect(certificate.checkHost(name)).toBe(name);
    for (const address of ["127.0.0.1", "::1", "10.96.0.1", "192.0.2.7"])
      expect(certificate.checkIP(address)).toBe(address);
    expect(certificate.checkHost("node-2")).toBeUndefined();
  });

  test("serves TLS that a client with the admin certificate accepts, and the other way round", async () => {
    const pki = await load();
    const { certificatePem, privateKeyPem } = pki.serving();
    const ca = pki.clusterAuthority.certificatePem;
    const server = tls.createServer({
      cert: certificatePem,
      key: privateKeyPem,
      ca,
      requestCert: true,
      rejectUnauthorized: true,
    });
    server.on("secureConnection", (socket) =>
      socket.end(`${socket.authorized} ${socket.getPeerCertificate().subject.CN}`),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { certificatePem: cert, privateKeyPem: key } = pki.admin();
    const socket = tls.connect({
      socket: connectTcp(port, "127.0.0.1"),
      servername: "kubernetes.default.svc",
      ca,
      cert,
      key,
    });
    const text = await new Promise<string>((resolve, reject) => {
      socket.on("data", (data) => resolve(data.toString()));
      socket.on("error", reject);
    });
    socket.destroy();
    server.close();
    expect(text).toBe("true kubernetes-admin");
  });

  test("issues the serving certificate again, and nothing else, when a name is added", async () => {
    const before = await load();
    const after = await load({ extraNames: ["node-1", "api.example.test"] });
    expect(new X509Certificate(after.serving().certificatePem).checkHost("api.example.test")).toBe("api.example.test");
    expect(after.clusterAuthority.certificatePem).toBe(before.clusterAuthority.certificatePem);
    expect(after.admin()).toMatchObject({ certificatePem: before.admin().certificatePem });
    expect(reports.filter((report) => report.includes("api.example.test"))).toHaveLength(1);
  });

  test("renews while running and tells the listener, without a new key for the authority", async () => {
    const pki = await load();
    const before = pki.serving().certificatePem;
    const renewed: string[] = [];
    pki.onRenewal((name, identity) => {
      renewed.push(name);
      if (name === "apiserver") expect(pki.serving()).toBe(identity);
    });
    await clock.advance(200 * dayMs);
    expect(renewed).toEqual([]);
    await clock.advance(70 * dayMs);
    for (let turn = 0; renewed.length < 4 && turn < 200; turn++) {
      await clock.advance(dayMs / 2);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(renewed.sort()).toEqual(["admin", "apiserver", "apiserver-kubelet-client", "front-proxy-client"]);
    expect(pki.serving().certificatePem).not.toBe(before);
    expect(await readFile(file("apiserver.crt"), "utf8")).toBe(pki.serving().certificatePem);
  });
});

describe("loadOrCreatePki with a damaged folder", () => {
  test.each([
    ["apiserver.crt", "not a certificate"],
    ["apiserver.key", ""],
    ["admin.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
  ])("issues anew what %s with %j spoils", async (name, content) => {
    const before = await load();
    await writeFile(file(name), content);
    const after = await load();
    expect(after.clusterAuthority.certificatePem).toBe(before.clusterAuthority.certificatePem);
    expect(new X509Certificate(after.serving().certificatePem).verify(publicKeyOf(after))).toBe(true);
    expect(new X509Certificate(after.admin().certificatePem).verify(publicKeyOf(after))).toBe(true);
  });

  test("sets a damaged authority aside, makes a new one, and issues everything under it again", async () => {
    const before = await load();
    await writeFile(file("ca.key"), "scrambled");
    const after = await load();
    expect(after.clusterAuthority.certificatePem).not.toBe(before.clusterAuthority.certificatePem);
    expect(new X509Certificate(after.serving().certificatePem).verify(publicKeyOf(after))).toBe(true);
    const names = await readdir(path.join(folder, "pki"));
    expect(names.filter((name) => name.startsWith("ca.") && name.includes("damaged"))).toHaveLength(2);
  });

  test("takes up a start that was cut short between the authority's key and its certificate", async () => {
    const before = await load();
    await rm(file("ca.crt"));
    const after = await load();
    expect(after.clusterAuthority.key?.equals(before.clusterAuthority.key as never)).toBe(true);
    expect(new X509Certificate(after.serving().certificatePem).verify(publicKeyOf(after))).toBe(true);
  });

  test("works with an authority whose key is kept elsewhere, and says what it cannot issue", async () => {
    await load();
    await rm(file("ca.key"));
    expect((await load()).clusterAuthority.key).toBeUndefined();
    await rm(file("admin.crt"));
    await expect(load()).rejects.toThrow(/cannot issue .*admin\.crt.*private key is not on this machine/);
  });

  test("sets a damaged token key aside and makes a new one", async () => {
    const before = await load();
    await writeFile(file("sa.key"), "zzz");
    const after = await load();
    expect(after.serviceAccountKey.equals(before.serviceAccountKey)).toBe(false);
    expect(reports.some((report) => report.includes("sa.key") && report.includes("set aside"))).toBe(true);
  });
});

function publicKeyOf(pki: Pki) {
  return new X509Certificate(pki.clusterAuthority.certificatePem).publicKey;
}
