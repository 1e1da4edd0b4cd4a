/** The checks level restricted adds: what keeps a pod from more rights than it needs. Ids, versions and texts are upstream's. */
import type { Volume } from "#pkg/api/core/v1.ts";
import { checkProcMount } from "./baseline-checks.ts";
import {
  type AnyContainer,
  type Check,
  type CheckPod,
  containersOf,
  distinct,
  hasOwnUsers,
  isWindows,
  nameContainers,
  nameSetters,
  namesWhere,
  plural,
  quoteAll,
} from "./check.ts";
import { checkSeccompRequired } from "./seccomp-checks.ts";

const checkPrivilegeEscalation: CheckPod = (pod) => {
  const names = namesWhere(pod, (container) => container.securityContext?.allowPrivilegeEscalation !== false);
  if (names.length === 0) return undefined;
  const detail = `${nameContainers(names)} must set securityContext.allowPrivilegeEscalation=false`;
  return { reason: "allowPrivilegeEscalation != false", detail };
};

const checkCapabilities: CheckPod = (pod) => {
  const capabilitiesOf = (container: AnyContainer) => container.securityContext?.capabilities;
  const addedOf = (container: AnyContainer): readonly string[] =>
    (capabilitiesOf(container)?.add ?? []).filter((one) => one !== "NET_BIND_SERVICE");
  const keeping = namesWhere(pod, (container) => !capabilitiesOf(container)?.drop?.includes("ALL"));
  const adding = namesWhere(pod, (container) => addedOf(container).length > 0);
  const added = quoteAll(distinct(containersOf(pod).flatMap(addedOf)));
  const details = [
    ...(keeping.length > 0 ? [`${nameContainers(keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(adding.length > 0
      ? [`${nameContainers(adding)} must not include ${added} in securityContext.capabilities.add`]
      : []),
  ];
  return details.length > 0 ? { reason: "unrestricted capabilities", detail: details.join("; ") } : undefined;
};

const freeSources = ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image"] as const;
const moreFreeSources = ["persistentVolumeClaim", "projected", "secret"] as const;
const isFree = (volume: Volume): boolean => [...freeSources, ...moreFreeSources].some((source) => volume[source]);
const restrictedSources = [
  ...(["hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs"] as const),
  ...(["rbd", "flexVolume", "cinder", "cephfs", "flocker", "fc", "azureFile", "vsphereVolume", "quobyte"] as const),
  ...(["azureDisk", "photonPersistentDisk", "portworxVolume", "scaleIO", "storageos"] as const),
];

const checkVolumes: CheckPod = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter((volume) => !isFree(volume));
  if (bad.length === 0) return undefined;
  const names = bad.map((volume) => volume.name);
  const types = distinct(bad.map((volume) => restrictedSources.find((source) => volume[source]) ?? "unknown"));
  const verb = names.length === 1 ? "uses" : "use";
  const what = `${plural("restricted volume type", types)} ${quoteAll(types)}`;
  return { reason: "restricted volume types", detail: `${plural("volume", names)} ${quoteAll(names)} ${verb} ${what}` };
};

const checkRunAsNonRoot: CheckPod = (pod) => {
  const ofPod = pod.spec.securityContext?.runAsNonRoot;
  const refusing = namesWhere(pod, (container) => container.securityContext?.runAsNonRoot === false);
  const reason = "runAsNonRoot != true";
  if (ofPod === false || refusing.length > 0) {
    const who = nameSetters(ofPod === false, refusing);
    return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  }
  const silent = namesWhere(pod, (container) => container.securityContext?.runAsNonRoot === undefined);
  if (ofPod === true || silent.length === 0) return undefined;
  return { reason, detail: `pod or ${nameContainers(silent)} must set securityContext.runAsNonRoot=true` };
};

const checkRunAsUser: CheckPod = (pod) => {
  const podIsRoot = pod.spec.securityContext?.runAsUser === 0;
  const names = namesWhere(pod, (container) => container.securityContext?.runAsUser === 0);
  if (!podIsRoot && names.length === 0) return undefined;
  return { reason: "runAsUser=0", detail: `${nameSetters(podIsRoot, names)} must not set runAsUser=0` };
};

/** Windows has no such thing, so its pods need not say. */
const unlessWindows =
  (check: CheckPod): CheckPod =>
  (pod) =>
    isWindows(pod) ? undefined : check(pod);
const unlessOwnUsers =
  (check: CheckPod): CheckPod =>
  (pod) =>
    hasOwnUsers(pod) ? undefined : check(pod);

export const restrictedChecks: readonly Check[] = [
  {
    id: "allowPrivilegeEscalation",
    level: "restricted",
    versions: [
      { since: 8, check: checkPrivilegeEscalation },
      { since: 25, check: unlessWindows(checkPrivilegeEscalation) },
    ],
  },
  {
    id: "capabilities_restricted",
    level: "restricted",
    versions: [
      { since: 22, check: checkCapabilities },
      { since: 25, check: unlessWindows(checkCapabilities) },
    ],
    overrides: ["capabilities_baseline"],
  },
  {
    id: "procMount_restricted",
    level: "restricted",
    versions: [{ since: 35, check: checkProcMount }],
    overrides: ["procMount"],
  },
  {
    id: "restrictedVolumes",
    level: "restricted",
    versions: [{ since: 0, check: checkVolumes }],
    overrides: ["hostPathVolumes"],
  },
  {
    id: "runAsNonRoot",
    level: "restricted",
    versions: [
      { since: 0, check: checkRunAsNonRoot },
      { since: 35, check: unlessOwnUsers(checkRunAsNonRoot) },
    ],
  },
  {
    id: "runAsUser",
    level: "restricted",
    versions: [
      { since: 23, check: checkRunAsUser },
      { since: 35, check: unlessOwnUsers(checkRunAsUser) },
    ],
  },
  {
    id: "seccompProfile_restricted",
    level: "restricted",
    versions: [
      { since: 19, check: checkSeccompRequired },
      { since: 25, check: unlessWindows(checkSeccompRequired) },
    ],
    overrides: ["seccompProfile_baseline"],
  },
];
