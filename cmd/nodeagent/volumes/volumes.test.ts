import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ConfigMap, Pod, PodSpec, Volume } from "#pkg/api/core/v1.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { FakeApi } from "#pkg/kube/testing/fake-api.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { parseMountInfo } from "#pkg/system/mounts.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { systemTreeFiles } from "#pkg/system/tree-files.ts";
import { makeContainer, makePod } from "../environment/testing/pods.ts";
import { AccountTokens, renewalTime } from "./account-tokens.ts";
import { writePayload } from "./atomic-writer.ts";
import { expandSubPath } from "./container-mounts.ts";
import { commonUser, configMapPayload, type Payload, secretPayload, withGroup } from "./payload.ts";
import { type AgentVolumes, createPodVolumes } from "./pod-volumes.ts";
import { FakeMounts } from "./testing/fake-mounts.ts";
import { memorySize } from "./volume-setup.ts";
import { WatchedConfigs } from "./watched-configs.ts";

let folder: string;
const clock = new FakeClock();
const never = new AbortController().signal;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "berth-volumes-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function payloadOf(files: Readonly<Record<string, string>>, mode = 0o644): Payload {
  return new Map(Object.entries(files).map(([name, text]) => [name, { content: Buffer.from(text), mode }]));
}

async function visible(root: string, below = ""): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await readdir(path.join(root, below))) {
    if (name.startsWith("..")) continue;
    const at = path.join(below, name);
    const facts = await stat(path.join(root, at));
    if (facts.isDirectory()) Object.assign(found, await visible(root, at));
    else found[at] = await readFile(path.join(root, at), "utf8");
  }
  return found;
}

describe("writePayload", () => {
  const ports = { tree: systemTreeFiles, clock, random: new SeededRandom(3) };

  test("names lead through ..data to the files", async () => {
    await writePayload(folder, payloadOf({ a: "1", "sub/b": "2" }), undefined, ports);
    expect(await visible(folder)).toEqual({ a: "1", "sub/b": "2" });
    expect(await readlink(path.join(folder, "a"))).toBe("..data/a");
    expect(await readlink(path.join(folder, "sub"))).toBe("..data/sub");
    expect(await readlink(path.join(folder, "..data"))).toMatch(/^\.\.2026_01_01_00_00_00\.\d+$/);
  });

  test("the same again writes nothing", async () => {
    expect(await writePayload(folder, payloadOf({ a: "1" }), undefined, ports)).toBe(true);
    const before = await readlink(path.join(folder, "..data"));
    expect(await writePayload(folder, payloadOf({ a: "1" }), undefined, ports)).toBe(false);
    expect(await readlink(path.join(folder, "..data"))).toBe(before);
  });

  test.each([
    ["content", payloadOf({ a: "2" })],
    ["mode", payloadOf({ a: "1" }, 0o600)],
    ["name", payloadOf({ b: "1" })],
    ["one file less", payloadOf({})],
  ])("another %s is written", async (_what, next) => {
    await writePayload(folder, payloadOf({ a: "1" }), undefined, ports);
    expect(await writePayload(folder, next, undefined, ports)).toBe(true);
  });

  test("an update leaves no former folder and no former name behind", async () => {
    await writePayload(folder, payloadOf({ a: "1", old: "x" }), undefined, ports);
    await writePayload(folder, payloadOf({ a: "2" }), undefined, ports);
    const names = await readdir(folder);
    expect(names.sort()).toEqual(["..data", await readlink(path.join(folder, "..data")), "a"].sort());
  });

  test("modes are exact whatever the umask says", async () => {
    const umask = process.umask(0o077);
    try {
      await writePayload(folder, payloadOf({ "d/a": "1" }, 0o666), undefined, ports);
    } finally {
      process.umask(umask);
    }
    expect((await stat(path.join(folder, "d/a"))).mode & 0o777).toBe(0o666);
    expect((await stat(path.join(folder, "d"))).mode & 0o777).toBe(0o755);
  });

  test.each(["../a", "/etc/passwd", "a/../../b", "..data", ""])(
    "the path %j is refused and nothing is written",
    async (name) => {
      await expect(writePayload(folder, payloadOf({ [name]: "x" }), undefined, ports)).rejects.toThrow("invalid path");
      expect(await readdir(folder)).toEqual([]);
    },
  );

  test("whatever came before, what is visible is the last payload", async () => {
    const name = fc.constantFrom("a", "b", "d/a", "d/e/f", "g.txt", "h/x");
    const payload = fc.dictionary(name, fc.string(), { maxKeys: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(payload, { minLength: 1, maxLength: 4 }), async (payloads) => {
        const root = await mkdtemp(path.join(folder, "run-"));
        for (const one of payloads) await writePayload(root, payloadOf(one), undefined, ports);
        expect(await visible(root)).toEqual(payloads.at(-1));
      }),
      { numRuns: 40 },
    );
  });
});

describe("openBelow", () => {
  const open = (relative: string) => systemTreeFiles.openBelow(path.join(folder, "v"), relative, 0o750);

  beforeEach(async () => {
    await mkdir(path.join(folder, "v/in"), { recursive: true });
    await writeFile(path.join(folder, "v/in/file"), "content");
    await writeFile(path.join(folder, "secret"), "host");
    await symlink("in", path.join(folder, "v/inward"));
    await symlink("..", path.join(folder, "v/out"));
    await symlink(path.join(folder, "secret"), path.join(folder, "v/hostfile"));
    await symlink("/nowhere/at/all", path.join(folder, "v/dangling"));
  });

  test("leads to the file, also through a link that stays inside", async () => {
    await using entry = await open("inward/file");
    expect(entry.kind).toBe("file");
    expect(await readFile(entry.path, "utf8")).toBe("content");
  });

  test("makes folders that are missing", async () => {
    await using entry = await open("new/deep");
    expect(entry.kind).toBe("folder");
    expect((await lstat(path.join(folder, "v/new/deep"))).mode & 0o777).toBe(0o750);
  });

  test.each(["out/secret", "hostfile", "../secret", "/etc", "in/../../secret", "dangling/x"])(
    "%s is refused",
    async (relative) => {
      await expect(open(relative)).rejects.toMatchObject({ code: "Invalid" });
      expect(await readFile(path.join(folder, "secret"), "utf8")).toBe("host");
    },
  );
});

describe("payloads", () => {
  const object = { metadata: { name: "c" }, data: { a: "1", b: "2" }, binaryData: { bin: "/w==" } };

  test("all keys with the default mode, binary ones decoded", () => {
    const files = configMapPayload("c", object, { defaultMode: 0o400 });
    expect([...files.keys()]).toEqual(["a", "b", "bin"]);
    expect(files.get("bin")).toEqual({ content: Buffer.from([255]), mode: 0o400 });
  });

  test("items choose keys, paths and modes", () => {
    const items = [{ key: "a", path: "x/y", mode: 0o600 }];
    expect(configMapPayload("c", object, { items })).toEqual(
      new Map([["x/y", { content: Buffer.from("1"), mode: 0o600 }]]),
    );
  });

  test("what is not there need be unless it is optional", () => {
    expect(() => configMapPayload("c", undefined, {})).toThrow('configmap "c" not found');
    expect(() => secretPayload("s", undefined, {})).toThrow('secret "s" not found');
    expect(() => secretPayload("s", { metadata: {} }, { items: [{ key: "k", path: "k" }] })).toThrow(
      "references non-existent secret key: k",
    );
    expect(secretPayload("s", undefined, { optional: true }).size).toBe(0);
    expect(configMapPayload("c", object, { optional: true, items: [{ key: "k", path: "k" }] }).size).toBe(0);
  });

  test("fsGroup lets the group read", () => {
    expect([...withGroup(payloadOf({ a: "1" }, 0o600), 2000).values()]).toMatchObject([{ gid: 2000, mode: 0o640 }]);
    expect(withGroup(payloadOf({ a: "1" }), undefined)).toEqual(payloadOf({ a: "1" }));
  });

  test("the common user is that of all containers, or none", () => {
    const user = (runAsUser: number) => makeContainer({ securityContext: { runAsUser } });
    expect(commonUser(makePod({ containers: [user(5), user(5)] }))).toBe(5);
    expect(commonUser(makePod({ containers: [user(5), user(6)] }))).toBeUndefined();
    expect(commonUser(makePod({ containers: [user(5), makeContainer()], securityContext: { runAsUser: 5 } }))).toBe(5);
    expect(commonUser(makePod())).toBeUndefined();
  });
});

describe("memorySize", () => {
  const limited = makeContainer({ resources: { limits: { memory: "100Mi" } } });
  test.each<[Partial<PodSpec>, Volume["emptyDir"], string | undefined, number | undefined]>([
    [{}, {}, undefined, undefined],
    [{}, {}, "1Gi", 2 ** 30],
    [{ containers: [limited] }, {}, "1Gi", 100 * 2 ** 20],
    [{ containers: [limited, makeContainer()] }, {}, "1Gi", 2 ** 30],
    [{ containers: [limited] }, { sizeLimit: "1Mi" }, "1Gi", 2 ** 20],
    [{}, { sizeLimit: "2Gi" }, "1Gi", 2 ** 30],
  ])("%j with %j on a node with %s", (spec, emptyDir, memory, expected) => {
    expect(memorySize(makePod(spec), { name: "v", emptyDir }, memory ? { memory } : {})).toBe(expected);
  });
});

describe("expandSubPath", () => {
  test("knows the container's variables and no others", () => {
    expect(expandSubPath("$(A)/x", [{ name: "A", value: "1" }])).toBe("1/x");
    expect(() => expandSubPath("$(B)/x", [])).toThrow('there is no variable "B"');
  });
});

describe("renewalTime", () => {
  const hour = 3600_000;
  test.each([
    [1, 0.8],
    [24, 19.2],
    [48, 24],
  ])("a token for %d hours is renewed after %d", (lifetime, after) => {
    expect(renewalTime({ issuedAtMs: 0, expiresAtMs: lifetime * hour }, 0)).toBe(after * hour);
  });
});

describe("parseMountInfo", () => {
  test("reads target and type", () => {
    const text =
      "36 35 98:0 /a /mnt/my\\040volume rw,noatime master:1 - ext3 /dev/root rw\n40 35 0:5 / /t rw - tmpfs tmpfs rw\n";
    expect(parseMountInfo(text)).toEqual([
      { target: "/mnt/my volume", type: "ext3" },
      { target: "/t", type: "tmpfs" },
    ]);
  });
});

interface World extends AsyncDisposable {
  readonly api: FakeApi;
  readonly clock: FakeClock;
  readonly mounts: FakeMounts;
  readonly volumes: AgentVolumes;
}

function openWorld(): World {
  const time = new FakeClock();
  const api = new FakeApi({ clock: time });
  const options = { client: api.client(), clock: time, random: new SeededRandom(5), log: silentLogger };
  const config = new WatchedConfigs(options);
  const mounts = new FakeMounts();
  const volumes = createPodVolumes({
    ...options,
    config,
    tokens: new AccountTokens(options),
    mounts,
    tree: systemTreeFiles,
    folders: { root: folder, podLogs: path.join(folder, "logs") },
    allocatable: () => ({ memory: "1Gi" }),
  });
  const dispose = async (): Promise<void> => {
    await volumes[Symbol.asyncDispose]();
    await config[Symbol.asyncDispose]();
  };
  return { api, clock: time, mounts, volumes, [Symbol.asyncDispose]: dispose };
}

const configMap = (name: string, data: Record<string, string>): ConfigMap & KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "shop" },
  data,
});

function podWith(volumes: readonly Volume[], spec: Partial<PodSpec> = {}): Pod {
  return makePod({ volumes: [...volumes], ...spec });
}

describe("createPodVolumes", () => {
  test("a config map's files are there, and follow it", async () => {
    await using world = openWorld();
    world.api.seed(configMap("c", { a: "1" }));
    await world.volumes.prepare(podWith([{ name: "v", configMap: { name: "c" } }]), never);
    const at = path.join(folder, "pods/0a1b/volumes/kubernetes.io~configmap/v");
    expect(await visible(at)).toEqual({ a: "1" });
    await world.clock.advance(200);
    await world.api.client().configMaps.update(configMap("c", { a: "2", b: "3" }));
    await world.clock.advance(500);
    await expect.poll(() => visible(at)).toEqual({ a: "2", b: "3" });
  });

  test("a missing object is named, and found when it has come", async () => {
    await using world = openWorld();
    const pod = podWith([{ name: "v", configMap: { name: "c" } }]);
    await expect(world.volumes.prepare(pod, never)).rejects.toThrow(
      'MountVolume.SetUp failed for volume "v" : configmap "c" not found',
    );
    world.api.seed(configMap("c", { a: "1" }));
    await world.volumes.prepare(pod, never);
  });

  test("secrets are in memory", async () => {
    await using world = openWorld();
    world.api.seed({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", namespace: "shop" },
      data: { p: "eA==" },
    } as KubeObject);
    await world.volumes.prepare(podWith([{ name: "v", secret: { secretName: "s", defaultMode: 0o400 } }]), never);
    const at = path.join(folder, "pods/0a1b/volumes/kubernetes.io~secret/v");
    expect(world.mounts.entries.map(({ target, type }) => [target, type])).toEqual([[at, "tmpfs"]]);
    expect(await visible(at)).toEqual({ p: "x" });
  });

  test("an emptyDir is open to all and keeps what is in it", async () => {
    await using world = openWorld();
    const pod = podWith([{ name: "v", emptyDir: {} }]);
    const at = path.join(folder, "pods/0a1b/volumes/kubernetes.io~empty-dir/v");
    await world.volumes.prepare(pod, never);
    expect((await stat(at)).mode & 0o7777).toBe(0o777);
    await writeFile(path.join(at, "kept"), "x");
    await world.volumes.prepare(pod, never);
    expect(await readdir(at)).toEqual(["kept"]);
  });

  test("an emptyDir in memory has a size", async () => {
    await using world = openWorld();
    await world.volumes.prepare(podWith([{ name: "v", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }]), never);
    expect(world.mounts.entries).toMatchObject([{ type: "tmpfs", options: { sizeBytes: 2 ** 20 } }]);
  });

  test.each<[string, Partial<Record<"d" | "f", "there">>, string | undefined]>([
    ["Directory:d", { d: "there" }, undefined],
    ["Directory:d", {}, "is not a directory"],
    ["File:f", { f: "there" }, undefined],
    ["File:d", { d: "there" }, "is not a file"],
    ["DirectoryOrCreate:d", {}, undefined],
    ["FileOrCreate:f", {}, undefined],
    ["Socket:f", { f: "there" }, "is not a socket"],
    ["CharDevice:d", {}, "is not a character device"],
    [":d", {}, undefined],
  ])("hostPath %s with %j", async (want, there, failure) => {
    await using world = openWorld();
    if (there.d) await mkdir(path.join(folder, "d"));
    if (there.f) await writeFile(path.join(folder, "f"), "");
    const [type = "", name = ""] = want.split(":");
    const pod = podWith([{ name: "v", hostPath: { path: path.join(folder, name), type: type as "Directory" } }]);
    const done = world.volumes.prepare(pod, never);
    if (failure) await expect(done).rejects.toThrow(failure);
    else {
      await done;
      expect((await stat(path.join(folder, name))).isDirectory()).toBe(name === "d");
    }
  });

  test("a token is projected beside config maps and fields, and renewed in time", async () => {
    await using world = openWorld();
    world.api.seed(configMap("kube-root-ca.crt", { "ca.crt": "CA" }));
    const client = world.api.client();
    const options = { client, clock: world.clock, random: new SeededRandom(5), log: silentLogger };
    const issued = new AccountTokens(options);
    const config = new WatchedConfigs(options);
    await using volumes = createPodVolumes({
      ...options,
      config,
      tokens: Object.assign(issued, {
        get: async () => `token-${Math.floor(world.clock.monotonic() / 60_000)}`,
      }),
      mounts: world.mounts,
      tree: systemTreeFiles,
      folders: { root: folder, podLogs: folder },
      allocatable: () => ({}),
    });
    const pod = podWith([
      {
        name: "kube-api-access",
        projected: {
          defaultMode: 0o644,
          sources: [
            { serviceAccountToken: { path: "token", expirationSeconds: 3607 } },
            { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
            { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } },
          ],
        },
      },
    ]);
    await volumes.prepare(pod, never);
    const at = path.join(folder, "pods/0a1b/volumes/kubernetes.io~projected/kube-api-access");
    expect(await visible(at)).toEqual({ token: "token-0", "ca.crt": "CA", namespace: "shop" });
    const later = async (): Promise<string | undefined> => {
      await world.clock.advance(61_000);
      return (await visible(at))["token"];
    };
    await expect.poll(later).toMatch(/^token-[1-9]/);
    await config[Symbol.asyncDispose]();
  });

  test("claims are refused in words", async () => {
    await using world = openWorld();
    const pod = podWith([{ name: "v", persistentVolumeClaim: { claimName: "c" } }]);
    await expect(world.volumes.prepare(pod, never)).rejects.toThrow(
      'MountVolume.SetUp failed for volume "v" : volumes of type persistentVolumeClaim are not supported yet',
    );
  });

  test("mounts of a container: read-only, propagation, and a bound subPath", async () => {
    await using world = openWorld();
    world.api.seed(configMap("c", { a: "1" }));
    const pod = podWith([
      { name: "c", configMap: { name: "c" } },
      { name: "e", emptyDir: {} },
    ]);
    await world.volumes.prepare(pod, never);
    const container = makeContainer({
      volumeMounts: [
        { name: "c", mountPath: "/etc/c" },
        { name: "e", mountPath: "/data", mountPropagation: "HostToContainer" },
        { name: "c", mountPath: "/a.conf", subPath: "a" },
        { name: "e", mountPath: "/logs", subPathExpr: "logs/$(POD)", readOnly: true },
      ],
    });
    const mounts = await world.volumes.mounts(pod, container, [{ name: "POD", value: "web" }]);
    const pods = path.join(folder, "pods/0a1b");
    expect(mounts).toEqual([
      {
        containerPath: "/etc/c",
        hostPath: `${pods}/volumes/kubernetes.io~configmap/c`,
        readonly: true,
        propagation: "PROPAGATION_PRIVATE",
      },
      {
        containerPath: "/data",
        hostPath: `${pods}/volumes/kubernetes.io~empty-dir/e`,
        readonly: false,
        propagation: "PROPAGATION_HOST_TO_CONTAINER",
      },
      {
        containerPath: "/a.conf",
        hostPath: `${pods}/volume-subpaths/c/app/2`,
        readonly: true,
        propagation: "PROPAGATION_PRIVATE",
      },
      {
        containerPath: "/logs",
        hostPath: `${pods}/volume-subpaths/e/app/3`,
        readonly: true,
        propagation: "PROPAGATION_PRIVATE",
      },
    ]);
    expect((await stat(`${pods}/volumes/kubernetes.io~empty-dir/e/logs/web`)).isDirectory()).toBe(true);
    expect((await stat(`${pods}/volume-subpaths/c/app/2`)).isFile()).toBe(true);
  });

  test("nothing is removed while anything is mounted; then all of it is", async () => {
    await using world = openWorld();
    const pod = podWith([
      { name: "v", emptyDir: { medium: "Memory" } },
      { name: "w", emptyDir: {} },
    ]);
    await world.volumes.prepare(pod, never);
    const at = path.join(folder, "pods/0a1b/volumes/kubernetes.io~empty-dir");
    world.mounts.busy.add(path.join(at, "v"));
    await expect(world.volumes.remove("0a1b")).rejects.toThrow("is busy");
    expect(await readdir(at)).toEqual(["v", "w"]);
    world.mounts.busy.clear();
    await world.volumes.remove("0a1b");
    expect(await readdir(path.join(folder, "pods/0a1b"))).toEqual([]);
    expect(world.mounts.entries).toEqual([]);
    await world.volumes.remove("0a1b");
  });

  test.each(["", "..", "a/b"])("%j is no pod to remove", async (uid) => {
    await using world = openWorld();
    await expect(world.volumes.remove(uid)).rejects.toMatchObject({ code: "Invalid" });
  });

  test("fsGroup owns what pods write to", async () => {
    await using world = openWorld();
    const group = process.getgid?.() ?? 0;
    await world.volumes.prepare(podWith([{ name: "v", emptyDir: {} }], { securityContext: { fsGroup: group } }), never);
    const facts = await stat(path.join(folder, "pods/0a1b/volumes/kubernetes.io~empty-dir/v"));
    expect([facts.gid, facts.mode & 0o7777]).toEqual([group, 0o2777]);
    await chmod(folder, 0o755);
  });
});

describe("AccountTokens", () => {
  test("a token is asked for once and renewed at 80 % of its time; a failure keeps the old one", async () => {
    const time = new FakeClock();
    let asked = 0;
    let fails = false;
    const client = {
      serviceAccounts: {
        in: () => ({
          postSubresource: async () => {
            if (fails) throw new Error("no connection");
            asked++;
            return {
              status: { token: `t${asked}`, expirationTimestamp: new Date(time.now() + 3600_000).toISOString() },
            };
          },
        }),
      },
    };
    const tokens = new AccountTokens({
      client: client as unknown as ConstructorParameters<typeof AccountTokens>[0]["client"],
      clock: time,
      random: new SeededRandom(1),
      log: silentLogger,
    });
    const get = () => tokens.get(makePod(), { path: "token" });
    expect(await get()).toBe("t1");
    await time.advance(2_800_000);
    expect(await get()).toBe("t1");
    await time.advance(100_000);
    fails = true;
    expect(await get()).toBe("t1");
    fails = false;
    expect(await get()).toBe("t2");
    fails = true;
    await time.advance(3_700_000);
    await expect(get()).rejects.toThrow("failed to fetch token for service account shop/default");
  });
});
