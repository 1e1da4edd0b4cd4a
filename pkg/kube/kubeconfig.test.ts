import { describe, expect, test } from "vitest";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { MemoryFiles } from "#pkg/system/testing/memory-files.ts";
import { fileToken, fixedToken } from "./bearer-token.ts";
import { type ClientConfig, createTransport, inClusterConfig } from "./client-config.ts";
import {
  buildKubeconfig,
  formatKubeconfig,
  loadKubeconfig,
  mergeKubeconfig,
  parseKubeconfig,
  resolveContext,
} from "./kubeconfig.ts";
import { parseServerAddress } from "./server-address.ts";
import { type Request, startTestServer } from "./testing/test-server.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

const text = `
apiVersion: v1
kind: Config
current-context: main
clusters:
- name: one
  cluster: {server: "https://one:6443", certificate-authority-data: ${base64("CA")}, tls-server-name: api}
- name: two
  cluster: {server: "http://two:8080", certificate-authority: ca.crt, insecure-skip-tls-verify: true}
users:
- name: cert
  user: {client-certificate-data: ${base64("CERT")}, client-key-data: ${base64("KEY")}}
- name: files
  user: {client-certificate: pki/c.crt, client-key: /abs/c.key, tokenFile: token, as: ann, as-groups: [a, b]}
- name: plugin
  user: {exec: {command: aws}}
- name: basic
  user: {username: u, password: p}
contexts:
- name: main
  context: {cluster: one, user: cert, namespace: web}
- name: other
  context: {cluster: two, user: files}
- name: anonymous
  context: {cluster: two}
- name: plugin
  context: {cluster: one, user: plugin}
- name: basic
  context: {cluster: one, user: basic}
- name: lost
  context: {cluster: none, user: cert}
`;

const files = () =>
  new MemoryFiles({
    "/home/.kube/config": text,
    "/home/.kube/ca.crt": "CA2",
    "/home/.kube/pki/c.crt": "C",
    "/abs/c.key": "K",
  });

describe("loadKubeconfig", () => {
  test("takes the current context, with credentials from data", async () => {
    expect(await loadKubeconfig(files(), "/home/.kube/config")).toMatchObject({
      server: "https://one:6443",
      namespace: "web",
      caPem: "CA",
      clientCertificatePem: "CERT",
      clientKeyPem: "KEY",
      serverName: "api",
      insecureSkipVerify: false,
      token: undefined,
      impersonate: undefined,
    });
  });

  test("takes a named context, with credentials from files beside the kubeconfig", async () => {
    expect(await loadKubeconfig(files(), "/home/.kube/config", "other")).toMatchObject({
      server: "http://two:8080",
      namespace: "default",
      caPem: "CA2",
      clientCertificatePem: "C",
      clientKeyPem: "K",
      insecureSkipVerify: true,
      tokenFile: "/home/.kube/token",
      impersonate: { user: "ann", groups: ["a", "b"] },
    });
  });

  test.each([
    ["none", "NotFound", 'there is no context "none"'],
    ["lost", "NotFound", 'there is no cluster "none"'],
    ["plugin", "Unsupported", 'user "plugin": exec (a credential plugin) is not supported'],
    ["basic", "Unsupported", "username and password is not supported"],
  ])("context %s is %s", async (context, code, message) => {
    await expect(loadKubeconfig(files(), "/home/.kube/config", context)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  test("a file that it names and that is not there is NotFound", async () => {
    const only = new MemoryFiles({ "/c": text });
    await expect(loadKubeconfig(only, "/c", "other")).rejects.toMatchObject({ code: "NotFound" });
  });
});

describe("parseKubeconfig", () => {
  test.each([
    ["a: [", /kubeconfig: .*yaml/],
    ["kind: Pod", /kind is "Pod"/],
    ["clusters: 3", /clusters is not a list/],
    ["users: [{name: a}]", /users\[0\]\.user is not a map/],
    ["contexts: [{context: {}}]", /contexts\[0\]\.name is missing/],
    ["- a", /kubeconfig is not a map/],
  ])("refuses %j", (bad, message) => {
    expect(() => parseKubeconfig(bad)).toThrow(message);
  });

  test("an empty file is an empty configuration", () => {
    expect(parseKubeconfig("")).toMatchObject({ clusters: [], users: [], contexts: [] });
    expect(() => resolveContext(parseKubeconfig(""))).toThrow(/no current-context/);
  });
});

describe("buildKubeconfig and mergeKubeconfig", () => {
  const config: ClientConfig = { server: "https://new:1", namespace: "default", caPem: "CA", token: "t" };

  test("what is written reads back as the same", async () => {
    const written = formatKubeconfig(buildKubeconfig("berth", config));
    const loaded = await loadKubeconfig(new MemoryFiles({ "/c": written }), "/c");
    expect(loaded).toMatchObject(config);
  });

  test("a merge replaces entries of the same name and keeps the rest", () => {
    const merged = mergeKubeconfig(parseKubeconfig(text), buildKubeconfig("one", config));
    const back = parseKubeconfig(formatKubeconfig(merged));
    expect(back["current-context"]).toBe("one");
    expect(back.clusters.map(({ name }) => name)).toEqual(["two", "one"]);
    expect(resolveContext(back, "one").cluster.server).toBe("https://new:1");
    expect(resolveContext(back, "other").cluster.server).toBe("http://two:8080");
  });
});

describe("inClusterConfig", () => {
  const folder = "/var/run/secrets/kubernetes.io/serviceaccount";
  const env = { KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "443" };

  test("uses the service account of the pod", async () => {
    const pod = new MemoryFiles({
      [`${folder}/ca.crt`]: "CA",
      [`${folder}/token`]: "t",
      [`${folder}/namespace`]: "web\n",
    });
    const wanted = { server: "https://10.0.0.1:443", namespace: "web", caPem: "CA", tokenFile: `${folder}/token` };
    expect(await inClusterConfig(pod, env)).toMatchObject(wanted);
    const v6 = { ...env, KUBERNETES_SERVICE_HOST: "fd00::1" };
    expect((await inClusterConfig(pod, v6)).server).toBe("https://[fd00::1]:443");
  });

  test("is NotFound outside of a pod", async () => {
    await expect(inClusterConfig(new MemoryFiles(), {})).rejects.toMatchObject({ code: "NotFound" });
    await expect(inClusterConfig(new MemoryFiles(), env)).rejects.toMatchObject({ code: "NotFound" });
  });
});

describe("bearer tokens", () => {
  test("a token file is read again after a minute, at once when refused, and survives its own absence", async () => {
    const clock = new FakeClock();
    const disk = new MemoryFiles({ "/token": "first\n" });
    const source = fileToken("/token", disk, clock);
    expect(await source.current()).toBe("first");
    await disk.writeAtomic("/token", "second");
    await clock.advance(59_999);
    expect(await source.current()).toBe("first");
    await clock.advance(1);
    expect(await source.current()).toBe("second");
    await disk.writeAtomic("/token", "third");
    expect([await source.refused("second"), await source.current(), await source.refused("third")]).toEqual([
      true,
      "third",
      false,
    ]);
    await disk.remove("/token");
    await clock.advance(60_000);
    expect(await source.current()).toBe("third");
    expect(await fixedToken("x").refused("x")).toBe(false);
  });

  test("a token that never was is an error", async () => {
    const disk = new MemoryFiles({ "/empty": " \n" });
    await expect(fileToken("/none", disk, new FakeClock()).current()).rejects.toMatchObject({ code: "NotFound" });
    await expect(fileToken("/empty", disk, new FakeClock()).current()).rejects.toMatchObject({ code: "Invalid" });
  });

  test("a transport sends the token and who it stands for, and a new token when the old one is refused", async () => {
    const seen: string[] = [];
    const groups: unknown[] = [];
    const handler = (request: Request, response: { writeHead(status: number): void; end(): void }): void => {
      seen.push(request.headers.authorization ?? "");
      groups.push(request.headersDistinct["impersonate-group"]);
      response.writeHead(seen.length === 2 ? 401 : 200);
      response.end();
    };
    await using server = await startTestServer({ protocol: "http", handler });
    const disk = new MemoryFiles({ "/token": "old" });
    const impersonate = { user: "ann", groups: ["a", "b"] };
    const config: ClientConfig = { server: server.url, namespace: "default", tokenFile: "/token", impersonate };
    await using transport = createTransport(config, { clock: new FakeClock(), files: disk });
    const ask = async () => (await transport.request({ method: "GET", path: "/", headers: {} })).status;
    await ask();
    await disk.writeAtomic("/token", "new");
    expect(await ask()).toBe(200);
    expect(seen).toEqual(["Bearer old", "Bearer old", "Bearer new"]);
    expect(groups[0]).toEqual(["a", "b"]);
  });
});

describe("parseServerAddress", () => {
  test.each([
    ["https://host", { scheme: "https", host: "host", port: 443, pathPrefix: "" }],
    ["https://[::1]:6443/", { scheme: "https", host: "::1", port: 6443, pathPrefix: "" }],
    ["http://h:1/k8s/c/", { scheme: "http", host: "h", port: 1, pathPrefix: "/k8s/c" }],
    ["unix:///run/b%20x.sock", { scheme: "unix", socketPath: "/run/b x.sock", pathPrefix: "" }],
  ])("reads %s", (url, address) => {
    expect(parseServerAddress(url)).toEqual(address);
  });

  test.each(["", "host:6443", "ftp://h", "https://u:p@h", "https://h?x", "unix://host/x", "unix://"])(
    "refuses %j",
    (url) => {
      expect(() => parseServerAddress(url)).toThrow(/want https/);
    },
  );
});
