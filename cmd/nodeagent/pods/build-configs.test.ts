import { describe, expect, test } from "vitest";
import type { Container, Pod } from "#pkg/api/core/v1.ts";
import { buildContainerConfig } from "./build-container-config.ts";
import { buildSandboxConfig } from "./build-sandbox-config.ts";
import { buildContainerResources, type ResourceSettings } from "./container-resources.ts";
import { checkNonRoot } from "./security-context.ts";
import { endOfLog } from "./termination-message.ts";
import { container, makePod } from "./testing/pod-fixtures.ts";

const settings: ResourceSettings = { memoryCapacityBytes: 8 * 2 ** 30, cgroupVersion: "v1", enforceCpuQuota: true };
const imageUser = { uid: undefined, username: "" };

function config(own: Partial<Container>, pod: Pod = makePod()) {
  return buildContainerConfig({
    pod,
    container: container("a", own),
    imageRef: "sha256:1",
    imageUser,
    restartCount: 2,
    command: ["/x"],
    args: [],
    variables: [{ name: "K", value: "v" }],
    mounts: [],
    resources: settings,
    seccompFolder: "/seccomp",
  });
}
const security = (own: Container["securityContext"], pod?: Pod) =>
  config({ securityContext: own }, pod).linux?.securityContext;

describe("buildContainerConfig", () => {
  test("carries the marks by which it is found again", () => {
    const found = config(
      { lifecycle: { preStop: { sleep: { seconds: 1 } } } },
      makePod({ terminationGracePeriodSeconds: 7 }),
    );
    expect(found.labels).toEqual({
      "io.kubernetes.pod.name": "p",
      "io.kubernetes.pod.namespace": "ns",
      "io.kubernetes.pod.uid": "uid-1",
      "io.kubernetes.container.name": "a",
    });
    expect(found.annotations).toMatchObject({
      "io.kubernetes.container.restartCount": "2",
      "io.kubernetes.container.terminationMessagePath": "/dev/termination-log",
      "io.kubernetes.container.preStopHandler": '{"sleep":{"seconds":1}}',
      "io.kubernetes.pod.terminationGracePeriod": "7",
    });
    expect([found.logPath, found.metadata?.attempt, found.envs]).toEqual(["a/2.log", 2, [{ key: "K", value: "v" }]]);
  });
});

describe("security", () => {
  test("the container's own settings win over the pod's", () => {
    const pod = makePod({ securityContext: { runAsUser: 1, runAsGroup: 2, fsGroup: 3, supplementalGroups: [4] } });
    expect(security({ runAsUser: 9 }, pod)).toMatchObject({
      runAsUser: { value: 9 },
      runAsGroup: { value: 2 },
      supplementalGroups: [3, 4],
    });
  });

  test("privileges", () => {
    expect(security({ privileged: true })).toMatchObject({ privileged: true, seccomp: { profileType: "Unconfined" } });
    expect(security({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true })).toMatchObject({
      noNewPrivs: true,
      readonlyRootfs: true,
    });
    expect(security({ capabilities: { add: ["NET_ADMIN"], drop: ["ALL"] } })?.capabilities).toEqual({
      addCapabilities: ["NET_ADMIN"],
      dropCapabilities: ["ALL"],
    });
    expect(security({ procMount: "Unmasked" })?.maskedPaths).toEqual([]);
    expect(security({})?.maskedPaths).toContain("/proc/kcore");
  });

  test("seccomp: container, then pod, then none", () => {
    const pod = makePod({ securityContext: { seccompProfile: { type: "RuntimeDefault" } } });
    expect(security({}, pod)?.seccomp).toEqual({ profileType: "RuntimeDefault" });
    expect(security({ seccompProfile: { type: "Localhost", localhostProfile: "a.json" } }, pod)?.seccomp).toEqual({
      profileType: "Localhost",
      localhostRef: "/seccomp/a.json",
    });
    expect(security({})?.seccomp).toEqual({ profileType: "Unconfined" });
  });

  test.each([
    ["an image that names no user", imageUser, {}, "will run as root"],
    ["root by the image", { uid: 0, username: "" }, {}, "will run as root"],
    ["root by the container", { uid: 5, username: "" }, { runAsUser: 0 }, "breaks non-root policy"],
    ["a user by name", { uid: undefined, username: "app" }, {}, "non-numeric user (app)"],
  ])("runAsNonRoot refuses %s", (_name, user, own, message) => {
    const one = container("a", { securityContext: { runAsNonRoot: true, ...own } });
    expect(() => checkNonRoot(makePod(), one, user)).toThrow(message);
  });

  test("runAsNonRoot accepts a user by number", () => {
    const one = container("a", { securityContext: { runAsNonRoot: true } });
    expect(() => checkNonRoot(makePod(), one, { uid: 7, username: "" })).not.toThrow();
  });
});

describe("buildContainerResources", () => {
  const limited = container("a", { resources: { limits: { cpu: "500m", memory: "64Mi" }, requests: { cpu: "250m" } } });

  test("requests weigh, limits bound", () => {
    expect(buildContainerResources(makePod({ containers: [limited] }), limited, settings)).toMatchObject({
      cpuShares: 256,
      cpuQuota: 50_000,
      cpuPeriod: 100_000,
      memoryLimitInBytes: 64 * 2 ** 20,
    });
  });

  test("on the unified hierarchy swap is off and the group dies as one", () => {
    expect(buildContainerResources(makePod(), limited, { ...settings, cgroupVersion: "v2" })).toMatchObject({
      memorySwapLimitInBytes: 64 * 2 ** 20,
      unified: { "memory.oom.group": "1" },
    });
  });

  test("a container without a limit takes the pod's", () => {
    const pod = makePod({ resources: { limits: { memory: "1Gi" } } });
    expect(buildContainerResources(pod, container("a"), settings).memoryLimitInBytes).toBe(2 ** 30);
  });

  test("an oom score the machine forbids is raised to what it allows", () => {
    const guaranteed = container("a", {
      resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "1", memory: "1Gi" } },
    });
    const pod = makePod({ containers: [guaranteed] });
    expect(buildContainerResources(pod, guaranteed, settings).oomScoreAdj).toBe(-997);
    expect(buildContainerResources(pod, guaranteed, { ...settings, lowestOomScoreAdj: 0 }).oomScoreAdj).toBe(0);
  });

  test("hugepages by size", () => {
    const one = container("a", { resources: { limits: { "hugepages-2Mi": "4Mi" } } });
    expect(buildContainerResources(makePod(), one, settings).hugepageLimits).toEqual([
      { pageSize: "2MB", limit: 4 * 2 ** 20 },
    ]);
  });
});

describe("buildSandboxConfig", () => {
  const build = (pod: Pod) =>
    buildSandboxConfig({
      pod,
      attempt: 3,
      hostname: "h",
      dns: undefined,
      logFolder: "/l",
      cgroupParent: "/kubepods/podx",
    });

  test("namespaces follow the spec", () => {
    const options = (pod: Pod) => build(pod).linux?.securityContext?.namespaceOptions;
    expect(options(makePod({ hostNetwork: false }))).toEqual({ network: "POD", pid: "CONTAINER", ipc: "POD" });
    expect(options(makePod({ hostPID: true, hostIPC: true }))).toEqual({ network: "NODE", pid: "NODE", ipc: "NODE" });
    expect(options(makePod({ shareProcessNamespace: true }))?.pid).toBe("POD");
  });

  test("host ports, sysctls, labels of both kinds and the pod's cgroup", () => {
    const ports = [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }];
    const pod = makePod(
      {
        containers: [container("a", { ports })],
        securityContext: { sysctls: [{ name: "net/ipv4/tcp_syncookies", value: "1" }] },
      },
      { labels: { app: "x", "io.kubernetes.pod.name": "forged" } },
    );
    const found = build(pod);
    expect(found.portMappings).toEqual([{ protocol: "TCP", containerPort: 80, hostPort: 8080, hostIp: "" }]);
    expect(found.labels).toMatchObject({ app: "x", "io.kubernetes.pod.name": "p" });
    expect(found.linux).toMatchObject({ cgroupParent: "/kubepods/podx", sysctls: { "net.ipv4.tcp_syncookies": "1" } });
    expect(found.metadata?.attempt).toBe(3);
  });
});

test("endOfLog joins what the runtime cut and leaves out the marks", () => {
  const log = "2026-01-01T00:00:00Z stdout F one\n2026-01-01T00:00:00Z stderr P tw\n2026-01-01T00:00:00Z stderr F o\n";
  expect(endOfLog(log)).toBe("one\ntwo\n");
  expect(endOfLog(`${"2026-01-01T00:00:00Z stdout F x\n".repeat(200)}`).split("\n")).toHaveLength(81);
});
