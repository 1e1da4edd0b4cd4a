import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Container, PodSecurityContext, PodSpec, SecurityContext } from "#pkg/api/core/v1.ts";
import { describeFindings, evaluatePod } from "./evaluate-pod.ts";
import type { LevelVersion } from "./policy.ts";

const good: SecurityContext = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  runAsNonRoot: true,
  seccompProfile: { type: "RuntimeDefault" },
};
const container = (securityContext: SecurityContext = {}, more: Partial<Container> = {}): Container => ({
  name: "c",
  securityContext: { ...good, ...securityContext },
  ...more,
});
const one = (securityContext: SecurityContext, more: Partial<Container> = {}): PodSpec => ({
  containers: [container(securityContext, more)],
});
const pod = (securityContext: PodSecurityContext, more: Partial<PodSpec> = {}): PodSpec => ({
  containers: [container()],
  securityContext,
  ...more,
});

function judge(level: string, spec: PodSpec, annotations?: Record<string, string>): string {
  const [name, version = "latest"] = level.split(":");
  const levelVersion = { level: name, version: version === "latest" ? version : Number(version) } as LevelVersion;
  return describeFindings(evaluatePod(levelVersion, { metadata: { annotations }, spec }));
}

describe("evaluatePod, baseline", () => {
  test.each<[string, PodSpec, string]>([
    ["hostNetwork", pod({}, { hostNetwork: true, hostPID: true }), "host namespaces (hostNetwork=true, hostPID=true)"],
    ["hostIPC", pod({}, { hostIPC: true }), "host namespaces (hostIPC=true)"],
    [
      "privileged",
      one({ privileged: true }),
      'privileged (container "c" must not set securityContext.privileged=true)',
    ],
    [
      "capabilities",
      one({ capabilities: { add: ["NET_RAW", "CHOWN", "BPF"] } }),
      'non-default capabilities (container "c" must not include "BPF", "NET_RAW" in securityContext.capabilities.add)',
    ],
    ["default capabilities", one({ capabilities: { add: ["CHOWN", "NET_BIND_SERVICE"] } }), ""],
    [
      "hostPath",
      pod(
        {},
        {
          volumes: [
            { name: "a", hostPath: { path: "/" } },
            { name: "b", hostPath: { path: "/b" } },
          ],
        },
      ),
      'hostPath volumes (volumes "a", "b")',
    ],
    [
      "hostPort",
      one(
        {},
        { ports: [{ containerPort: 1, hostPort: 80 }, { containerPort: 2, hostPort: 443 }, { containerPort: 3 }] },
      ),
      'hostPort (container "c" uses hostPorts 443, 80)',
    ],
    [
      "AppArmor",
      one({ appArmorProfile: { type: "Unconfined" } }),
      'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")',
    ],
    [
      "SELinux",
      pod({ seLinuxOptions: { type: "spc_t", user: "u", role: "r" } }),
      'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
    ],
    ["an allowed SELinux type", pod({ seLinuxOptions: { type: "container_engine_t", level: "s0" } }), ""],
    [
      "procMount",
      one({ procMount: "Unmasked" }),
      'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
    ],
    ["procMount with own users", { ...one({ procMount: "Unmasked" }), hostUsers: false }, ""],
    [
      "seccomp",
      pod(
        { seccompProfile: { type: "Unconfined" } },
        { initContainers: [container({ seccompProfile: { type: "Unconfined" } })] },
      ),
      'seccompProfile (pod and container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [
      "sysctls",
      pod({
        sysctls: [
          { name: "kernel.shm_rmid_forced", value: "1" },
          { name: "kernel.msgmax", value: "1" },
        ],
      }),
      "forbidden sysctls (kernel.msgmax)",
    ],
    [
      "hostProcess",
      one({ windowsOptions: { hostProcess: true } }),
      'hostProcess (container "c" must not set securityContext.windowsOptions.hostProcess=true)',
    ],
    [
      "a probe's host",
      one(
        {},
        {
          livenessProbe: { httpGet: { host: "10.0.0.1", port: 1 } },
          lifecycle: { preStop: { tcpSocket: { host: "x", port: 1 } } },
        },
      ),
      'probe or lifecycle host (container "c" uses probe or lifecycle hosts "10.0.0.1", "x")',
    ],
    ["a good pod", pod({ runAsUser: 0 }), ""],
  ])("judges %s", (_what, spec, finding) => {
    expect(judge("baseline", spec)).toBe(finding);
  });

  test("reads the AppArmor and seccomp annotations of old", () => {
    const spec = one({});
    expect(judge("baseline", spec, { "container.apparmor.security.beta.kubernetes.io/c": "unconfined" })).toBe(
      'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/c="unconfined"")',
    );
    const annotations = { "seccomp.security.alpha.kubernetes.io/pod": "unconfined" };
    expect(judge("baseline:18", spec, annotations)).toBe(
      'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
    );
    expect(judge("baseline:19", spec, annotations)).toBe("");
  });

  test("looks at containers of all kinds", () => {
    const bad = { securityContext: { privileged: true } };
    const spec = {
      initContainers: [{ name: "i", ...bad }],
      containers: [{ name: "c", ...bad }],
      ephemeralContainers: [{ name: "e", ...bad }],
    };
    expect(judge("baseline", spec)).toMatch(/^privileged \(containers "i", "c", "e"/);
  });
});

describe("evaluatePod, restricted", () => {
  test.each<[string, PodSpec, string]>([
    ["a pod that drops all", one({}), ""],
    [
      "escalation",
      one({ allowPrivilegeEscalation: true }),
      'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false)',
    ],
    [
      "capabilities",
      one({ capabilities: { drop: ["NET_RAW"], add: ["CHOWN", "NET_BIND_SERVICE"] } }),
      'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]; container "c" must not include "CHOWN" in securityContext.capabilities.add)',
    ],
    [
      "volumes",
      pod(
        {},
        {
          volumes: [
            { name: "a", hostPath: { path: "/" } },
            { name: "b", nfs: { server: "s", path: "/" } },
            { name: "ok", emptyDir: {} },
          ],
        },
      ),
      'restricted volume types (volumes "a", "b" use restricted volume types "hostPath", "nfs")',
    ],
    [
      "runAsNonRoot false on the pod",
      pod({ runAsNonRoot: false }),
      "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)",
    ],
    [
      "runAsNonRoot from the pod",
      pod({ runAsNonRoot: true }, { containers: [container({ runAsNonRoot: undefined })] }),
      "",
    ],
    ["root", pod({ runAsUser: 0 }), "runAsUser=0 (pod must not set runAsUser=0)"],
    [
      "root in its own users",
      { ...pod({ runAsUser: 0 }), hostUsers: false, containers: [container({ runAsNonRoot: undefined })] },
      "",
    ],
    [
      "no seccomp",
      one({ seccompProfile: undefined }),
      'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ],
    [
      "seccomp from the pod",
      pod({ seccompProfile: { type: "Localhost" } }, { containers: [container({ seccompProfile: undefined })] }),
      "",
    ],
    [
      "procMount, own users or not",
      { ...one({ procMount: "Unmasked" }), hostUsers: false },
      'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
    ],
    [
      "Windows without Linux fields",
      { os: { name: "windows" }, containers: [{ name: "c", securityContext: { runAsNonRoot: true } }] },
      "",
    ],
  ])("judges %s", (_what, spec, finding) => {
    expect(judge("restricted", spec)).toBe(finding);
  });

  test.each([
    ["restricted:7", one({ allowPrivilegeEscalation: true }), ""],
    ["restricted:8", one({ allowPrivilegeEscalation: true }), "allowPrivilegeEscalation != false"],
    ["restricted:21", one({ capabilities: { add: ["BPF"] } }), "non-default capabilities"],
    ["restricted:22", one({ capabilities: { add: ["BPF"] } }), "unrestricted capabilities"],
    ["restricted:22", pod({ runAsUser: 0 }), ""],
    ["restricted:23", pod({ runAsUser: 0 }), "runAsUser=0"],
    ["baseline:30", pod({ seLinuxOptions: { type: "container_engine_t" } }), "seLinuxOptions"],
    ["baseline:28", pod({ sysctls: [{ name: "net.ipv4.tcp_fin_timeout", value: "1" }] }), "forbidden sysctls"],
    ["baseline:29", pod({ sysctls: [{ name: "net.ipv4.tcp_fin_timeout", value: "1" }] }), ""],
    ["baseline:33", one({}, { livenessProbe: { httpGet: { host: "h", port: 1 } } }), ""],
    ["baseline:99", one({}, { livenessProbe: { httpGet: { host: "h", port: 1 } } }), "probe or lifecycle host"],
  ])("at %s", (level, spec, reason) => {
    expect(judge(level, spec).split(" (")[0]).toBe(reason);
  });
});

const flag = fc.option(fc.boolean(), { nil: undefined });
const contexts: fc.Arbitrary<SecurityContext> = fc.record({
  privileged: flag,
  allowPrivilegeEscalation: flag,
  runAsNonRoot: flag,
  runAsUser: fc.constantFrom(undefined, 0, 1000),
  procMount: fc.constantFrom(undefined, "Default" as const, "Unmasked" as const),
  capabilities: fc.record({
    add: fc.subarray(["CHOWN", "BPF", "NET_BIND_SERVICE"]),
    drop: fc.subarray(["ALL", "NET_RAW"]),
  }),
});
const specs: fc.Arbitrary<PodSpec> = fc.record({
  containers: fc.array(
    contexts.map((securityContext) => ({ name: "c", securityContext })),
    { maxLength: 3 },
  ),
  hostNetwork: flag,
  hostUsers: flag,
  securityContext: fc.record({ runAsNonRoot: flag, runAsUser: fc.constantFrom(undefined, 0) }),
  volumes: fc.subarray([
    { name: "a", emptyDir: {} },
    { name: "b", hostPath: { path: "/" } },
  ]),
});

describe("evaluatePod, over random pods", () => {
  const versions = fc.oneof(fc.constant("latest" as const), fc.nat(40));

  test("finds nothing at privileged, and at restricted whenever it does at baseline", () => {
    fc.assert(
      fc.property(specs, versions, (spec, version) => {
        expect(evaluatePod({ level: "privileged", version }, { spec })).toEqual([]);
        const baseline = evaluatePod({ level: "baseline", version }, { spec });
        const restricted = evaluatePod({ level: "restricted", version }, { spec });
        if (baseline.length > 0) expect(restricted.length).toBeGreaterThan(0);
      }),
    );
  });

  test("finds nothing in a pod that a container less had passed", () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const level = { level: "restricted", version: "latest" } as const;
        if (evaluatePod(level, { spec }).length > 0) return;
        const containers = spec.containers.slice(1);
        expect(evaluatePod(level, { spec: { ...spec, containers } })).toEqual([]);
      }),
    );
  });
});
