/** The checks on seccomp profiles, which both levels share in part. */
import {
  type AnyContainer,
  type CheckPod,
  containersOf,
  distinct,
  nameContainers,
  nameSetters,
  namesWhere,
  plural,
  quoteAll,
} from "./check.ts";

const podAnnotation = "seccomp.security.alpha.kubernetes.io/pod";
const containerAnnotation = "container.seccomp.security.alpha.kubernetes.io/";

/** Before v1.19 profiles were annotations. */
export const checkSeccompAnnotations: CheckPod = (pod) => {
  const annotations = pod.metadata?.annotations ?? {};
  const keys = [podAnnotation, ...containersOf(pod).map((container) => containerAnnotation + container.name)];
  const bad = keys
    .filter((key) => annotations[key] !== undefined && !isGoodAnnotation(annotations[key]))
    .map((key) => `${key}=${JSON.stringify(annotations[key])}`);
  if (bad.length === 0) return undefined;
  const found = distinct(bad);
  return { reason: "seccompProfile", detail: `forbidden ${plural("annotation", found)} ${found.join(", ")}` };
};

/** Nobody may turn the profile off. */
export const checkSeccompFields: CheckPod = (pod) => {
  const podType = pod.spec.securityContext?.seccompProfile?.type;
  const names = namesWhere(pod, (container) => isBad(typeOf(container)));
  if (!isBad(podType) && names.length === 0) return undefined;
  const types = quoteAll(distinct([podType, ...containersOf(pod).map(typeOf)].filter(isBad)));
  const who = nameSetters(isBad(podType), names);
  return { reason: "seccompProfile", detail: `${who} must not set securityContext.seccompProfile.type to ${types}` };
};

/** Every container must have one, its own or the pod's. */
export const checkSeccompRequired: CheckPod = (pod) => {
  const forbidden = checkSeccompFields(pod);
  if (forbidden) return forbidden;
  if (pod.spec.securityContext?.seccompProfile) return undefined;
  const names = namesWhere(pod, (container) => typeOf(container) === undefined);
  if (names.length === 0) return undefined;
  const what = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"';
  return { reason: "seccompProfile", detail: `pod or ${nameContainers(names)} ${what}` };
};

function typeOf(container: AnyContainer): string | undefined {
  const profile = container.securityContext?.seccompProfile;
  return profile && (profile.type ?? "");
}

function isBad(type: string | undefined): type is string {
  return type !== undefined && type !== "RuntimeDefault" && type !== "Localhost";
}

function isGoodAnnotation(value: string | undefined): boolean {
  return value === "runtime/default" || value === "docker/default" || (value?.startsWith("localhost/") ?? false);
}
