/** Annotations that mean something to pods: mirror pods, deletion cost, and the old forms of security profiles. */
import type * as core from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import type { ObjectMeta } from "#pkg/api/meta/v1.ts";
import type { FieldErrors } from "./field-errors.ts";
import { validateDescendingPath } from "./paths.ts";
import { visitContainers } from "./visit-containers.ts";

export const mirrorAnnotation = "kubernetes.io/config.mirror";
export const deletionCostAnnotation = "controller.kubernetes.io/pod-deletion-cost";
export const podSeccompAnnotation = "seccomp.security.alpha.kubernetes.io/pod";
export const containerSeccompPrefix = "container.seccomp.security.alpha.kubernetes.io/";
export const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";

type Annotations = Readonly<Record<string, string>>;

export function validatePodAnnotations(
  annotations: Annotations | undefined,
  spec: core.PodSpec,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (!annotations) return;
  const mirror = annotations[mirrorAnnotation];
  if (mirror !== undefined && !spec.nodeName) {
    errors.invalid(at.key(mirrorAnnotation), mirror, "must set spec.nodeName if mirror pod annotation is set");
  }
  const cost = annotations[deletionCostAnnotation];
  if (cost !== undefined && !isInt32(cost)) {
    errors.invalid(at.key(deletionCostAnnotation), cost, "must be a 32bit integer");
  }
  for (const [key, value] of Object.entries(annotations)) {
    if (key === podSeccompAnnotation || key.startsWith(containerSeccompPrefix)) {
      validateSeccomp(value, at.child(key), errors);
    }
    if (key.startsWith(appArmorPrefix)) validateAppArmor(key, value, spec, at.key(key), errors);
  }
}

function isInt32(text: string): boolean {
  return /^(0|-?[1-9][0-9]*)$/.test(text) && Number(text) >= -(2 ** 31) && Number(text) < 2 ** 31;
}

function validateSeccomp(profile: string, at: FieldPath, errors: FieldErrors): void {
  if (["runtime/default", "docker/default", "unconfined"].includes(profile)) return;
  if (profile.startsWith("localhost/")) validateDescendingPath(profile.slice("localhost/".length), at, errors);
  else errors.invalid(at, profile, "must be a valid seccomp profile");
}

function validateAppArmor(key: string, profile: string, spec: core.PodSpec, at: FieldPath, errors: FieldErrors): void {
  const name = key.slice(appArmorPrefix.length);
  const found = [...visitContainers(spec, at)].some(({ container }) => container.name === name);
  if (!found) errors.invalid(at, name, "container not found");
  if (profile && !["runtime/default", "unconfined"].includes(profile) && !profile.startsWith("localhost/")) {
    errors.invalid(at, profile, `invalid AppArmor profile name: "${profile}"`);
  }
}

/** Where a profile stands in the field and in the old annotation, both must say the same. */
export function validateProfilesMatch(
  metadata: ObjectMeta | undefined,
  spec: core.PodSpec,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const annotations = metadata?.annotations ?? {};
  const pod = spec.securityContext ?? {};
  compare(pod.seccompProfile, annotations[podSeccompAnnotation], "seccomp", at.child("securityContext"), errors);
  for (const { container, path } of visitContainers(spec, at)) {
    const own = container.securityContext ?? {};
    const context = path.child("securityContext");
    compare(own.seccompProfile, annotations[containerSeccompPrefix + container.name], "seccomp", context, errors);
    if (spec.os?.name === "windows") continue;
    const appArmor = own.appArmorProfile ?? pod.appArmorProfile;
    compare(appArmor, annotations[appArmorPrefix + container.name], "apparmor", context, errors);
  }
}

function compare(
  field: core.SeccompProfile | core.AppArmorProfile | undefined,
  annotation: string | undefined,
  what: "seccomp" | "apparmor",
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (!field || annotation === undefined) return;
  const path = at.child(what === "seccomp" ? "seccompProfile" : "appArmorProfile");
  const localhost = annotation.startsWith("localhost/");
  const matches: Readonly<Record<string, boolean>> = {
    Unconfined: annotation === "unconfined",
    RuntimeDefault: annotation === "runtime/default" || (what === "seccomp" && annotation === "docker/default"),
    Localhost: localhost,
  };
  if (matches[field.type] === false) {
    errors.forbidden(path.child("type"), `${what} type in annotation and field must match`);
  } else if (field.type === "Localhost" && annotation !== `localhost/${field.localhostProfile ?? ""}`) {
    errors.forbidden(path.child("localhostProfile"), `${what} profile in annotation and field must match`);
  }
}

/** Neither mirror pods nor AppArmor profiles can be had or lost later. */
export function validatePodAnnotationUpdate(
  next: Annotations = {},
  current: Annotations = {},
  at: FieldPath,
  errors: FieldErrors,
): void {
  for (const [key, value] of Object.entries(current)) {
    if (next[key] === value) continue;
    if (key.startsWith(appArmorPrefix)) errors.forbidden(at.key(key), "may not remove or update AppArmor annotations");
    if (key === mirrorAnnotation) errors.forbidden(at.key(key), "may not remove or update mirror pod annotation");
  }
  for (const key of Object.keys(next)) {
    if (current[key] !== undefined) continue;
    if (key.startsWith(appArmorPrefix)) errors.forbidden(at.key(key), "may not add AppArmor annotations");
    if (key === mirrorAnnotation) errors.forbidden(at.key(key), "may not add mirror pod annotation");
  }
}
