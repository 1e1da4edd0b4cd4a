import { mkdtemp, rm, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { load } from "js-yaml";
import { describe, expect, test } from "vitest";
import { systemFiles } from "#pkg/system/files.ts";
import { buildKubeconfig, ensureKubeconfig } from "./kubeconfig.ts";

const options = {
  serverUrl: "https://[::1]:6443",
  clusterName: "berth: one",
  userName: "kubernetes-admin",
  authorityPem: "CA",
  identity: { certificatePem: "CERT", privateKeyPem: "KEY" },
};

describe("buildKubeconfig", () => {
  test("writes YAML that reads back as the standard structure", () => {
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    expect(load(buildKubeconfig(options))).toEqual({
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        { name: "berth: one", cluster: { "certificate-authority-data": base64("CA"), server: "https://[::1]:6443" } },
      ],
      contexts: [{ name: "kubernetes-admin@berth: one", context: { cluster: "berth: one", user: "kubernetes-admin" } }],
      "current-context": "kubernetes-admin@berth: one",
      preferences: {},
      users: [
        {
          name: "kubernetes-admin",
          user: { "client-certificate-data": base64("CERT"), "client-key-data": base64("KEY") },
        },
      ],
    });
  });
});

describe("ensureKubeconfig", () => {
  test("writes 0600, leaves an equal file alone and replaces another", async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "berth-kubeconfig-"));
    const file = path.join(folder, "a", "admin.conf");
    await ensureKubeconfig(systemFiles, file, options);
    const first = await stat(file);
    expect(first.mode & 0o777).toBe(0o600);
    await ensureKubeconfig(systemFiles, file, options);
    expect((await stat(file)).ino).toBe(first.ino);
    await ensureKubeconfig(systemFiles, file, { ...options, serverUrl: "https://h:1" });
    expect(await systemFiles.readText(file)).toContain("server: https://h:1");
    await rm(folder, { recursive: true });
  });
});
