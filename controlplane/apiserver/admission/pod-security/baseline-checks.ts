/** The checks of level baseline: what lets a pod out to its node. Ids, versions and texts are upstream's. */
import type { LifecycleHandler, Probe, SELinuxOptions } from "#pkg/api/core/v1.ts";
import {
  type AnyContainer,
  type Check,
  type CheckPod,
  containersOf,
  distinct,
  hasOwnUsers,
  nameContainers,
  nameSetters,
  namesWhere,
  plural,
  quoteAll,
} from "./check.ts";
import { checkSeccompAnnotations, checkSeccompFields } from "./seccomp-checks.ts";

const checkAppArmor: CheckPod = (pod) => {
  const isBad = (type: string | undefined): type is string =>
    type !== undefined && type !== "RuntimeDefault" && type !== "Localhost";
  const podType = pod.spec.securityContext?.appArmorProfile?.type;
  const typeOf = (container: AnyContainer) => container.securityContext?.appArmorProfile?.type;
  const names = namesWhere(pod, (container) => isBad(typeOf(container)));
  const types = distinct([podType, ...containersOf(pod).map(typeOf)].filter((type) => isBad(type)));
  const annotations = Object.entries(pod.metadata?.annotations ?? {})
    .filter(
      ([key, value]) => key.startsWith("container.apparmor.security.beta.kubernetes.io/") && !isGoodAppArmor(value),
    )
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort();
  const setters = [
    ...(isBad(podType) || names.length > 0 ? [nameSetters(isBad(podType), names)] : []),
    ...(annotations.length > 0 ? [plural("annotation", annotations)] : []),
  ];
  if (setters.length === 0) return undefined;
  const values = [...types, ...annotations];
  return {
    reason: plural("forbidden AppArmor profile", values),
    detail: `${setters.join(" and ")} must not set AppArmor profile type to ${quoteAll(values)}`,
  };
};

function isGoodAppArmor(value: string): boolean {
  return value === "" || value === "runtime/default" || value.startsWith("localhost/");
}

const defaultCapabilities: ReadonlySet<string> = new Set([
  ...["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"],
  ...["NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"],
]);

const checkCapabilities: CheckPod = (pod) => {
  const badOf = (container: AnyContainer): readonly string[] =>
    (container.securityContext?.capabilities?.add ?? []).filter((one) => !defaultCapabilities.has(one));
  const names = namesWhere(pod, (container) => badOf(container).length > 0);
  if (names.length === 0) return undefined;
  const added = distinct(containersOf(pod).flatMap(badOf));
  const detail = `${nameContainers(names)} must not include ${quoteAll(added)} in securityContext.capabilities.add`;
  return { reason: "non-default capabilities", detail };
};

const checkHostNamespaces: CheckPod = ({ spec }) => {
  const used = [
    ...(spec.hostNetwork ? ["hostNetwork=true"] : []),
    ...(spec.hostPID ? ["hostPID=true"] : []),
    ...(spec.hostIPC ? ["hostIPC=true"] : []),
  ];
  return used.length > 0 ? { reason: "host namespaces", detail: used.join(", ") } : undefined;
};

const checkHostPaths: CheckPod = ({ spec }) => {
  const names = (spec.volumes ?? []).filter((volume) => volume.hostPath).map((volume) => volume.name);
  if (names.length === 0) return undefined;
  return { reason: "hostPath volumes", detail: `${plural("volume", names)} ${quoteAll(names)}` };
};

const checkHostPorts: CheckPod = (pod) => {
  const names = namesWhere(pod, (container) => (container.ports ?? []).some((port) => port.hostPort));
  if (names.length === 0) return undefined;
  const used = containersOf(pod).flatMap((container) => (container.ports ?? []).map((port) => port.hostPort ?? 0));
  const ports = distinct(used.filter((port) => port !== 0).map(String));
  const verb = names.length === 1 ? "uses" : "use";
  return {
    reason: "hostPort",
    detail: `${nameContainers(names)} ${verb} ${plural("hostPort", ports)} ${ports.join(", ")}`,
  };
};

const checkHandlerHosts: CheckPod = (pod) => {
  const hostsOf = (container: AnyContainer): readonly string[] =>
    [
      container.livenessProbe,
      container.readinessProbe,
      container.startupProbe,
      container.lifecycle?.postStart,
      container.lifecycle?.preStop,
    ].flatMap(handlerHosts);
  const names = distinct(namesWhere(pod, (container) => hostsOf(container).length > 0));
  if (names.length === 0) return undefined;
  const hosts = distinct(containersOf(pod).flatMap(hostsOf));
  const verb = names.length === 1 ? "uses" : "use";
  const what = plural("probe or lifecycle host", hosts);
  return { reason: "probe or lifecycle host", detail: `${nameContainers(names)} ${verb} ${what} ${quoteAll(hosts)}` };
};

function handlerHosts(handler: Probe | LifecycleHandler | undefined): readonly string[] {
  return [handler?.httpGet?.host, handler?.tcpSocket?.host].filter((host): host is string => Boolean(host));
}

const checkPrivileged: CheckPod = (pod) => {
  const names = namesWhere(pod, (container) => container.securityContext?.privileged === true);
  if (names.length === 0) return undefined;
  return { reason: "privileged", detail: `${nameContainers(names)} must not set securityContext.privileged=true` };
};

export const checkProcMount: CheckPod = (pod) => {
  const names = namesWhere(pod, (container) => (container.securityContext?.procMount ?? "Default") !== "Default");
  if (names.length === 0) return undefined;
  const used = containersOf(pod).map((container) => container.securityContext?.procMount ?? "Default");
  const types = quoteAll(distinct(used.filter((type) => type !== "Default")));
  return { reason: "procMount", detail: `${nameContainers(names)} must not set securityContext.procMount to ${types}` };
};

function checkSELinux(allowedTypes: readonly string[]): CheckPod {
  const isBadType = (type: string | undefined): boolean => !allowedTypes.includes(type ?? "");
  const isBad = (options: SELinuxOptions | undefined): boolean =>
    options !== undefined && (isBadType(options.type) || Boolean(options.user) || Boolean(options.role));
  return (pod) => {
    const ofPod = pod.spec.securityContext?.seLinuxOptions;
    const names = namesWhere(pod, (container) => isBad(container.securityContext?.seLinuxOptions));
    if (!isBad(ofPod) && names.length === 0) return undefined;
    const all = [ofPod, ...containersOf(pod).map((container) => container.securityContext?.seLinuxOptions)];
    const types = distinct(all.flatMap((options) => (options && isBadType(options.type) ? [options.type ?? ""] : [])));
    const faults = [
      ...(types.length > 0 ? [`${plural("type", types)} ${quoteAll(types)}`] : []),
      ...(all.some((options) => options?.user) ? ["user may not be set"] : []),
      ...(all.some((options) => options?.role) ? ["role may not be set"] : []),
    ];
    const who = nameSetters(isBad(ofPod), names);
    return {
      reason: "seLinuxOptions",
      detail: `${who} set forbidden securityContext.seLinuxOptions: ${faults.join("; ")}`,
    };
  };
}

const selinuxTypes = ["", "container_t", "container_init_t", "container_kvm_t"];

function checkSysctls(allowed: readonly string[]): CheckPod {
  return ({ spec }) => {
    const names = (spec.securityContext?.sysctls ?? []).map(({ name }) => name);
    const forbidden = names.filter((name) => !allowed.includes(name));
    return forbidden.length > 0 ? { reason: "forbidden sysctls", detail: forbidden.join(", ") } : undefined;
  };
}

const ipv4 = (...names: readonly string[]): readonly string[] => names.map((name) => `net.ipv4.${name}`);
const sysctls0 = [
  "kernel.shm_rmid_forced",
  ...ipv4("ip_local_port_range", "tcp_syncookies", "ping_group_range", "ip_unprivileged_port_start"),
];
const sysctls27 = [...sysctls0, ...ipv4("ip_local_reserved_ports")];
const sysctls29 = [
  ...sysctls27,
  ...ipv4("tcp_keepalive_time", "tcp_fin_timeout", "tcp_keepalive_intvl", "tcp_keepalive_probes"),
];
const sysctls32 = [...sysctls29, ...ipv4("tcp_rmem", "tcp_wmem")];

const checkHostProcess: CheckPod = (pod) => {
  const podIsBad = pod.spec.securityContext?.windowsOptions?.hostProcess === true;
  const names = namesWhere(pod, (container) => container.securityContext?.windowsOptions?.hostProcess === true);
  if (!podIsBad && names.length === 0) return undefined;
  const who = nameSetters(podIsBad, names);
  return { reason: "hostProcess", detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` };
};

const always = (id: string, check: CheckPod): Check => ({ id, level: "baseline", versions: [{ since: 0, check }] });

export const baselineChecks: readonly Check[] = [
  always("appArmorProfile", checkAppArmor),
  always("capabilities_baseline", checkCapabilities),
  always("hostNamespaces", checkHostNamespaces),
  always("hostPathVolumes", checkHostPaths),
  always("hostPorts", checkHostPorts),
  { id: "hostProbesAndHostLifecycle", level: "baseline", versions: [{ since: 34, check: checkHandlerHosts }] },
  always("privileged", checkPrivileged),
  {
    id: "procMount",
    level: "baseline",
    versions: [
      { since: 0, check: checkProcMount },
      { since: 35, check: (pod) => (hasOwnUsers(pod) ? undefined : checkProcMount(pod)) },
    ],
  },
  {
    id: "seLinuxOptions",
    level: "baseline",
    versions: [
      { since: 0, check: checkSELinux(selinuxTypes) },
      { since: 31, check: checkSELinux([...selinuxTypes, "container_engine_t"]) },
    ],
  },
  {
    id: "seccompProfile_baseline",
    level: "baseline",
    versions: [
      { since: 0, check: checkSeccompAnnotations },
      { since: 19, check: checkSeccompFields },
    ],
  },
  {
    id: "sysctls",
    level: "baseline",
    versions: [
      { since: 0, check: checkSysctls(sysctls0) },
      { since: 27, check: checkSysctls(sysctls27) },
      { since: 29, check: checkSysctls(sysctls29) },
      { since: 32, check: checkSysctls(sysctls32) },
    ],
  },
  always("windowsHostProcess", checkHostProcess),
];
