/** Security contexts of containers and of pods. */
import type * as core from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { byteLength, userIdProblems } from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";
import { validateDescendingPath } from "./paths.ts";
import { validateWindowsOptions } from "./windows-options.ts";

const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];

export function validateSecurityContext(
  context: core.SecurityContext | undefined,
  hostUsers: boolean,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (!context) return;
  validateId(context.runAsUser, at.child("runAsUser"), errors);
  validateId(context.runAsGroup, at.child("runAsGroup"), errors);
  validateProcMount(context, hostUsers, at, errors);
  validateSeccompProfile(context.seccompProfile, at.child("seccompProfile"), errors);
  if (context.allowPrivilegeEscalation === false) {
    const cannot = "cannot set `allowPrivilegeEscalation` to false and";
    if (context.privileged) errors.invalid(at, context, `${cannot} \`privileged\` to true`);
    for (const capability of context.capabilities?.add ?? []) {
      if (capability === "CAP_SYS_ADMIN") errors.invalid(at, context, `${cannot} \`capabilities.Add\` CAP_SYS_ADMIN`);
    }
  }
  validateWindowsOptions(context.windowsOptions, at.child("windowsOptions"), errors);
  validateAppArmorProfile(context.appArmorProfile, at.child("appArmorProfile"), errors);
}

function validateProcMount(
  { procMount }: core.SecurityContext,
  hostUsers: boolean,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (procMount == null) return;
  const types = ["Default", "Unmasked"];
  if (!types.includes(procMount)) errors.notSupported(at.child("procMount"), procMount, types);
  if (hostUsers && procMount === "Unmasked") {
    errors.invalid(at.child("procMount"), procMount, "`hostUsers` must be false to use `Unmasked`");
  }
}

function validateId(id: number | undefined, at: FieldPath, errors: FieldErrors): void {
  if (id != null) errors.problems(at, id, userIdProblems(id));
}

export function validateSeccompProfile(
  profile: core.SeccompProfile | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (!profile) return;
  const { type, localhostProfile: file } = profile;
  errors.oneOf(at.child("type"), type, profileTypes, "type is required when seccompProfile is set");
  if (type !== "Localhost") {
    if (file != null) {
      errors.invalid(at.child("localhostProfile"), profile, "can only be set when seccomp type is Localhost");
    }
  } else if (file == null) {
    errors.required(at.child("localhostProfile"), "must be set when seccomp type is Localhost");
  } else validateDescendingPath(file, at.child("localhostProfile"), errors);
}

export function validateAppArmorProfile(
  profile: core.AppArmorProfile | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (!profile) return;
  const { type, localhostProfile: name } = profile;
  const path = at.child("localhostProfile");
  if (type === "Localhost") {
    if (!name) errors.required(path, "must be set when AppArmor type is Localhost");
    else if (name.trim() !== name) errors.invalid(path, name, "must not be padded with whitespace");
    if (byteLength(name ?? "") > 4095) errors.tooLong(path, 4095);
    return;
  }
  errors.oneOf(at.child("type"), type, profileTypes, "type is required when appArmorProfile is set");
  if (profileTypes.includes(type) && name != null) {
    errors.invalid(path, name, "can only be set when AppArmor type is Localhost");
  }
}

export function validatePodSecurityContext(spec: core.PodSpec, at: FieldPath, errors: FieldErrors): void {
  const { securityContext: context } = spec;
  if (!context) return;
  validateId(context.fsGroup, at.child("fsGroup"), errors);
  validateId(context.runAsUser, at.child("runAsUser"), errors);
  validateId(context.runAsGroup, at.child("runAsGroup"), errors);
  for (const [index, group] of (context.supplementalGroups ?? []).entries()) {
    validateId(group, at.child("supplementalGroups").index(index), errors);
  }
  if (spec.shareProcessNamespace && spec.hostPID) {
    errors.invalid(at.child("shareProcessNamespace"), true, "ShareProcessNamespace and HostPID cannot both be enabled");
  }
  validateSysctls(spec, at.child("sysctls"), errors);
  errors.supported(at.child("fsGroupChangePolicy"), context.fsGroupChangePolicy, ["Always", "OnRootMismatch"]);
  validateSeccompProfile(context.seccompProfile, at.child("seccompProfile"), errors);
  validateWindowsOptions(context.windowsOptions, at.child("windowsOptions"), errors);
  validateAppArmorProfile(context.appArmorProfile, at.child("appArmorProfile"), errors);
  errors.supported(at.child("supplementalGroupsPolicy"), context.supplementalGroupsPolicy, ["Merge", "Strict"]);
  errors.supported(at.child("seLinuxChangePolicy"), context.seLinuxChangePolicy, ["MountOption", "Recursive"]);
}

const sysctlSegment = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const sysctlExpression = `^(${sysctlSegment}[\\./])*${sysctlSegment}$`;
/** The same language as the expression above, which backtracks badly. */
const isSysctl = new RegExp(`^${sysctlSegment}([./]${sysctlSegment})*$`);
const ipcSysctls = /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/;

function validateSysctls(spec: core.PodSpec, at: FieldPath, errors: FieldErrors): void {
  const seen = new Set<string>();
  for (const [index, { name = "" }] of (spec.securityContext?.sysctls ?? []).entries()) {
    const one = at.index(index).child("name");
    if (!name) errors.required(one);
    else if (name.length > 253 || !isSysctl.test(name)) {
      errors.invalid(one, name, `must have at most 253 characters and match regex ${sysctlExpression}`);
    } else if (seen.has(name)) errors.duplicate(one, name);
    const dotted = name.replaceAll("/", ".");
    if (spec.hostNetwork && dotted.startsWith("net.")) {
      errors.invalid(one, name, "may not be specified when 'hostNetwork' is true");
    } else if (spec.hostIPC && ipcSysctls.test(dotted)) {
      errors.invalid(one, name, "may not be specified when 'hostIPC' is true");
    }
    seen.add(name);
  }
}
