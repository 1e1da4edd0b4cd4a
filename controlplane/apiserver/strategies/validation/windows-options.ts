/** Windows parts of security contexts: Berth runs no Windows nodes, but serves the API that may. */
import type * as core from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { byteLength, dns1123SubdomainProblems, type Problems } from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";
import { visitContainers } from "./visit-containers.ts";

const maxSpecKiB = 64;
const netBiosName = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const dnsLabel = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const dnsName = new RegExp(`^${dnsLabel}(?:\\.${dnsLabel})*$`);

export function validateWindowsOptions(
  options: core.WindowsSecurityContextOptions | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName: user } = options ?? {};
  if (name != null) errors.problems(at.child("gmsaCredentialSpecName"), name, dns1123SubdomainProblems(name));
  if (spec === "") errors.invalid(at.child("gmsaCredentialSpec"), spec, "gmsaCredentialSpec cannot be an empty string");
  else if (spec != null && byteLength(spec) > maxSpecKiB * 1024) {
    errors.invalid(at.child("gmsaCredentialSpec"), spec, `gmsaCredentialSpec size must be under ${maxSpecKiB} KiB`);
  }
  if (user != null) errors.problems(at.child("runAsUserName"), user, userNameProblems(user));
}

function userNameProblems(name: string): Problems {
  const parts = name.split("\\");
  if (name === "") return ["runAsUserName cannot be an empty string"];
  if (/[\x00-\x1f\x7f]/.test(name)) return ["runAsUserName cannot contain control characters"];
  if (parts.length > 2) return ["runAsUserName cannot contain more than one backslash"];
  const user = parts.at(-1) ?? "";
  const domain = parts.length === 2 ? (parts[0] ?? "") : undefined;
  const problems: string[] = [];
  if (domain !== undefined && byteLength(domain) >= 256) {
    problems.push("runAsUserName's Domain length must be under 256 characters");
  }
  if (domain !== undefined && !netBiosName.test(domain) && !dnsName.test(domain)) {
    problems.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  }
  if (user === "") problems.push("runAsUserName's User cannot be empty");
  else if (byteLength(user) > 104) problems.push("runAsUserName's User length must not be longer than 104 characters");
  if (/^[. ]+$/.test(user)) problems.push("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) {
    problems.push("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
  }
  return problems;
}

/** Pods with host process containers are on the host altogether. */
export function validateHostProcess(spec: core.PodSpec, at: FieldPath, errors: FieldErrors): void {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  let containers = 0;
  let hostProcesses = 0;
  for (const { container, path } of visitContainers(spec, at)) {
    const own = container.securityContext?.windowsOptions?.hostProcess;
    containers++;
    if (ofPod != null && own != null && ofPod !== own) {
      const why = `pod hostProcess value must be identical if both are specified, was ${ofPod}`;
      errors.invalid(path.child("securityContext", "windowsOptions", "hostProcess"), own, why);
    }
    if (own ?? ofPod) hostProcesses++;
  }
  if (hostProcesses === 0) return;
  if (hostProcesses !== containers) {
    errors.invalid(
      at,
      "",
      "If pod contains any hostProcess containers then all containers must be HostProcess containers",
    );
  }
  if (!spec.hostNetwork) {
    errors.invalid(
      at.child("hostNetwork"),
      false,
      "hostNetwork must be true if pod contains any hostProcess containers",
    );
  }
}

const podFields = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "fsGroup",
  "fsGroupChangePolicy",
  "runAsUser",
  "runAsGroup",
  "supplementalGroups",
  "supplementalGroupsPolicy",
  "seLinuxChangePolicy",
] as const;
const containerFields = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "capabilities",
  "readOnlyRootFilesystem",
  "privileged",
  "allowPrivilegeEscalation",
  "procMount",
  "runAsUser",
  "runAsGroup",
] as const;

/** What only the other operating system knows is refused, once the pod says on which one it runs. */
export function validateOperatingSystem(spec: core.PodSpec, at: FieldPath, errors: FieldErrors): void {
  if (!spec.os) return;
  if (!spec.os.name) errors.required(at.child("os", "name"));
  else if (spec.os.name === "linux") validateLinux(spec, at, errors);
  else if (spec.os.name === "windows") validateWindows(spec, at, errors);
  else errors.notSupported(at.child("os"), spec.os.name, ["linux", "windows"]);
}

function validateLinux(spec: core.PodSpec, at: FieldPath, errors: FieldErrors): void {
  const why = "windows options cannot be set for a linux pod";
  if (spec.securityContext?.windowsOptions) errors.forbidden(at.child("securityContext", "windowsOptions"), why);
  for (const { container, path } of visitContainers(spec, at)) {
    if (container.securityContext?.windowsOptions) {
      errors.forbidden(path.child("securityContext", "windowsOptions"), why);
    }
  }
}

function validateWindows(spec: core.PodSpec, at: FieldPath, errors: FieldErrors): void {
  const why = "cannot be set for a windows pod";
  for (const field of ["hostUsers", "shareProcessNamespace"] as const) {
    if (spec[field] != null) errors.forbidden(at.child(field), why);
  }
  for (const field of ["hostPID", "hostIPC"] as const) if (spec[field]) errors.forbidden(at.child(field), why);
  for (const field of podFields) {
    if (spec.securityContext?.[field] != null) errors.forbidden(at.child("securityContext", field), why);
  }
  if (spec.securityContext?.sysctls?.length) errors.forbidden(at.child("securityContext", "sysctls"), why);
  for (const { container, path } of visitContainers(spec, at)) {
    for (const field of containerFields) {
      if (container.securityContext?.[field] != null) errors.forbidden(path.child("securityContext", field), why);
    }
  }
}
