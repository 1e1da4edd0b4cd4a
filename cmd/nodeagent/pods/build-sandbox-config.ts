/**
 * A pod's sandbox as the runtime is asked for it. Pure.
 * Source: kubelet generatePodSandboxConfig (v1.36).
 */
import type { Pod } from "#pkg/api/core/v1.ts";
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import type { CgroupPath } from "#pkg/cgroups/hierarchy.ts";
import type { PodSandboxConfig } from "#pkg/cri/generated/cri.ts";
import { podNameLabel, podNamespaceLabel, podUidLabel } from "./identity-labels.ts";
import { type PodIdentity, podIdentity } from "./pod-folders.ts";
import type { CriDnsConfig } from "./ports.ts";
import { namespaceOptions, supplementalGroups } from "./security-context.ts";

export interface SandboxConfigInput {
  readonly pod: Pod;
  readonly attempt: number;
  readonly hostname: string;
  readonly dns: CriDnsConfig | undefined;
  readonly logFolder: string;
  readonly cgroupParent: CgroupPath;
}

export function buildSandboxConfig(input: SandboxConfigInput): MessageInput<PodSandboxConfig> {
  const { pod, attempt, hostname, dns, logFolder, cgroupParent } = input;
  const identity = podIdentity(pod);
  const { securityContext = {} } = pod.spec;
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  return {
    metadata: { name: identity.name, namespace: identity.namespace, uid: identity.uid, attempt },
    hostname,
    logDirectory: logFolder,
    ...(dns ? { dnsConfig: dns } : {}),
    portMappings: containers.flatMap((container) => buildPortMappings(container.ports ?? [])),
    labels: { ...pod.metadata.labels, ...identityLabels(identity) },
    annotations: { ...pod.metadata.annotations },
    linux: {
      cgroupParent,
      sysctls: Object.fromEntries(
        (securityContext.sysctls ?? []).map(({ name, value }) => [name.replaceAll("/", "."), value]),
      ),
      securityContext: {
        namespaceOptions: namespaceOptions(pod),
        ...(securityContext.runAsUser === undefined ? {} : { runAsUser: { value: securityContext.runAsUser } }),
        ...(securityContext.runAsGroup === undefined || securityContext.runAsUser === undefined
          ? {}
          : { runAsGroup: { value: securityContext.runAsGroup } }),
        ...(securityContext.seLinuxOptions ? { selinuxOptions: securityContext.seLinuxOptions } : {}),
        supplementalGroups: supplementalGroups(pod),
        privileged: containers.some((container) => container.securityContext?.privileged === true),
        seccomp: { profileType: "RuntimeDefault" },
      },
    },
  };
}

export function identityLabels(identity: PodIdentity): Record<string, string> {
  return {
    [podNameLabel]: identity.name,
    [podNamespaceLabel]: identity.namespace,
    [podUidLabel]: identity.uid,
  };
}

type ContainerPorts = NonNullable<Pod["spec"]["containers"][number]["ports"]>;

/** Only ports with a host port are the runtime's business; the others need nothing. */
function buildPortMappings(ports: ContainerPorts): NonNullable<MessageInput<PodSandboxConfig>["portMappings"]> {
  return ports.flatMap(({ containerPort, hostPort = 0, hostIP = "", protocol = "TCP" }) =>
    hostPort > 0 ? [{ protocol, containerPort, hostPort, hostIp: hostIP }] : [],
  );
}
