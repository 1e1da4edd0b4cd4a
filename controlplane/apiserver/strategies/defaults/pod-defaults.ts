/** Defaults of pods and of everything a pod spec is made of. Source: pkg/apis/core/v1/defaults.go (v1.36). */
import type * as core from "#pkg/api/core/v1.ts";
import { podLimits, podRequests } from "#pkg/api/pod-resources.ts";
import { forType, setDefault, setIfZero, type TypeDefaulter } from "./defaulter.ts";
import { defaultPullPolicy } from "./image-pull-policy.ts";

/** 0644 */
const readableByAll = 420;

function defaultContainer(container: core.Container | core.EphemeralContainer): void {
  setIfZero(container, "imagePullPolicy", defaultPullPolicy(container.image ?? ""));
  setIfZero(container, "terminationMessagePath", "/dev/termination-log");
  setIfZero(container, "terminationMessagePolicy", "File");
}

function defaultPodSpec(spec: core.PodSpec): void {
  setIfZero(spec, "dnsPolicy", "ClusterFirst");
  setIfZero(spec, "restartPolicy", "Always");
  setDefault(spec, "securityContext", {});
  setDefault(spec, "terminationGracePeriodSeconds", 30);
  setIfZero(spec, "schedulerName", "default-scheduler");
  syncServiceAccountName(spec);
}

/** `serviceAccount` is the old name of `serviceAccountName`; both are always served. */
export function syncServiceAccountName(spec: core.PodSpec): void {
  const name = spec.serviceAccountName || spec.serviceAccount;
  if (!name) return;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

/** What only a pod gets and no template: so that templates compare equal across versions. */
function defaultPod({ spec }: core.Pod): void {
  if (!spec) return;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    requestLimits(container);
    if (spec.hostNetwork) for (const port of container.ports ?? []) setIfZero(port, "hostPort", port.containerPort);
  }
  defaultPodLevelResources(spec);
  setDefault(spec, "enableServiceLinks", true);
}

function requestLimits({ resources }: core.Container): void {
  if (resources?.limits) resources.requests = { ...resources.limits, ...resources.requests };
}

/** Once the pod as a whole has some resources, the others follow from its containers. */
function defaultPodLevelResources(spec: core.PodSpec): void {
  const { resources } = spec;
  if (!resources || (isEmpty(resources.limits) && isEmpty(resources.requests))) return;
  const containersOnly = { spec: { ...spec, resources: undefined } };
  for (const [name, amount] of podLimits(containersOnly, { excludeOverhead: true })) {
    if (!name.startsWith("hugepages-") || resources.requests?.[name] !== undefined) continue;
    resources.limits = { [name]: amount.toString(), ...resources.limits };
  }
  if (isEmpty(resources.limits)) return;
  const requests: Record<string, string> = { ...resources.requests };
  for (const [name, amount] of podRequests(containersOnly, { excludeOverhead: true })) {
    if (name === "cpu" || name === "memory") requests[name] ??= amount.toString();
  }
  for (const [name, amount] of Object.entries(resources.limits ?? {})) {
    if (name === "cpu" || name === "memory" || name.startsWith("hugepages-")) requests[name] ??= amount;
  }
  if (!isEmpty(requests)) resources.requests = requests;
}

function isEmpty(list: Readonly<Record<string, string>> | undefined): boolean {
  return Object.keys(list ?? {}).length === 0;
}

function defaultVolume(volume: core.Volume): void {
  const { name: _, ...sources } = volume;
  if (Object.values(sources).every((source) => source == null)) volume.emptyDir = {};
  if (volume.image) setIfZero(volume.image, "pullPolicy", defaultPullPolicy(volume.image.reference ?? ""));
}

function defaultProbe(probe: core.Probe): void {
  setIfZero(probe, "timeoutSeconds", 1);
  setIfZero(probe, "periodSeconds", 10);
  setIfZero(probe, "successThreshold", 1);
  setIfZero(probe, "failureThreshold", 3);
}

const withDefaultMode = (typeName: string): TypeDefaulter =>
  forType<{ defaultMode?: number | undefined }>(typeName, (source) => setDefault(source, "defaultMode", readableByAll));

export const podDefaulters: readonly TypeDefaulter[] = [
  forType("core/v1.Pod", defaultPod),
  forType("core/v1.PodSpec", defaultPodSpec),
  forType("core/v1.Container", defaultContainer),
  forType("core/v1.EphemeralContainer", defaultContainer),
  forType("core/v1.Volume", defaultVolume),
  forType("core/v1.Probe", defaultProbe),
  forType<core.HTTPGetAction>("core/v1.HTTPGetAction", (action) => {
    setIfZero(action, "path", "/");
    setIfZero(action, "scheme", "HTTP");
  }),
  forType<core.ObjectFieldSelector>("core/v1.ObjectFieldSelector", (field) => setIfZero(field, "apiVersion", "v1")),
  withDefaultMode("core/v1.SecretVolumeSource"),
  withDefaultMode("core/v1.ConfigMapVolumeSource"),
  withDefaultMode("core/v1.DownwardAPIVolumeSource"),
  withDefaultMode("core/v1.ProjectedVolumeSource"),
  forType<core.ServiceAccountTokenProjection>("core/v1.ServiceAccountTokenProjection", (token) =>
    setDefault(token, "expirationSeconds", 3600),
  ),
  forType<core.HostPathVolumeSource>("core/v1.HostPathVolumeSource", (source) => setDefault(source, "type", "")),
  forType<core.PersistentVolumeClaimSpec>("core/v1.PersistentVolumeClaimSpec", (spec) =>
    setDefault(spec, "volumeMode", "Filesystem"),
  ),
];
