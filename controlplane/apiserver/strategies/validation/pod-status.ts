/** Updates of a pod's status: what its node, the scheduler and controllers may report. */
import type * as core from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { addressFamily, legacyAddressProblems } from "#pkg/api/ip-address.ts";
import { byteLength, nameIsSubdomain, qualifiedNameProblems, userIdProblems } from "#pkg/api/names.ts";
import { FieldErrors } from "./field-errors.ts";
import { validatePodAnnotations, validatePodAnnotationUpdate } from "./pod-annotations.ts";

const statusPath = new FieldPath("status");
const annotationsPath = new FieldPath("metadata", "annotations");

export function validatePodStatusUpdate(next: core.Pod, current: core.Pod): FieldErrors {
  const errors = new FieldErrors();
  const after = next.status ?? {};
  const before = current.status ?? {};
  validatePodAnnotationUpdate(next.metadata.annotations, current.metadata.annotations, annotationsPath, errors);
  validatePodAnnotations(next.metadata.annotations, next.spec, annotationsPath, errors);
  validateConditions(after.conditions, errors);
  validateNominatedNode(after, before, Boolean(current.spec.nodeName), errors);
  if ((after.observedGeneration ?? 0) < 0) {
    errors.invalid(statusPath.child("observedGeneration"), after.observedGeneration, "must be a non-negative integer");
  }
  errors.immutable(statusPath.child("qosClass"), after.qosClass, before.qosClass);
  validateTransitions("containerStatuses", after, before, current.spec, errors);
  validateTransitions("initContainerStatuses", after, before, current.spec, errors);
  validateTransitions("ephemeralContainerStatuses", after, before, current.spec, errors);
  validateClaimStatuses(after, next.spec, errors);
  validateAddresses("podIPs", after.podIPs, before.podIPs, errors);
  const [firstHost] = after.hostIPs ?? [];
  if (firstHost && firstHost.ip !== after.hostIP) {
    errors.invalid(statusPath.child("hostIPs").index(0).child("ip"), firstHost.ip, "must be equal to `hostIP`");
  }
  validateAddresses("hostIPs", after.hostIPs, before.hostIPs, errors);
  validateContainerStatuses(after, next.spec, errors);
  return errors;
}

const systemConditions = new Set(["PodScheduled", "Ready", "Initialized"]);

function validateConditions(conditions: readonly core.PodCondition[] | undefined, errors: FieldErrors): void {
  for (const [index, { type = "", observedGeneration = 0 }] of (conditions ?? []).entries()) {
    const one = statusPath.child("conditions").index(index);
    if (observedGeneration < 0) {
      errors.invalid(one.child("observedGeneration"), observedGeneration, "must be a non-negative integer");
    }
    if (!systemConditions.has(type)) errors.problems(one.child("Type"), type, qualifiedNameProblems(type));
  }
}

function validateNominatedNode(
  after: core.PodStatus,
  before: core.PodStatus,
  isBound: boolean,
  errors: FieldErrors,
): void {
  const { nominatedNodeName: name } = after;
  if (!name || name === before.nominatedNodeName) return;
  const path = statusPath.child("nominatedNodeName");
  errors.problems(path, name, nameIsSubdomain(name, false));
  if (isBound) errors.forbidden(path, "may not be set on pods that are already bound to a node");
}

type StatusList = "containerStatuses" | "initContainerStatuses" | "ephemeralContainerStatuses";

/** A container that ended for good does not run again. */
function validateTransitions(
  list: StatusList,
  after: core.PodStatus,
  before: core.PodStatus,
  spec: core.PodSpec,
  errors: FieldErrors,
): void {
  if (list !== "ephemeralContainerStatuses" && allCouldRestart(spec)) return;
  for (const [index, { name, state }] of (before[list] ?? []).entries()) {
    if (!state?.terminated) continue;
    const now = after[list]?.find((one) => one.name === name);
    if (!now || now.state?.terminated || mayRestart(list, name, state.terminated.exitCode ?? 0, spec)) continue;
    errors.forbidden(
      statusPath.child(list).index(index).child("state"),
      "may not be transitioned to non-terminated state",
    );
  }
}

/** Some container's end restarts all of them. */
function allCouldRestart(spec: core.PodSpec): boolean {
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  return containers.some((one) => one.restartPolicyRules?.some((rule) => rule.action === "RestartAllContainers"));
}

function mayRestart(list: StatusList, name: string, exitCode: number, spec: core.PodSpec): boolean {
  if (list === "ephemeralContainerStatuses") return false;
  const containers = list === "containerStatuses" ? spec.containers : spec.initContainers;
  const container = containers?.find((one) => one.name === name);
  if (!container) return false;
  if (container.restartPolicy != null) {
    const rule = container.restartPolicyRules?.find(({ exitCodes }) => {
      const isListed = exitCodes?.values?.includes(exitCode) ?? false;
      return exitCodes?.operator === "NotIn" ? !isListed : isListed;
    });
    if (rule?.action === "Restart") return true;
  }
  const policy = container.restartPolicy ?? spec.restartPolicy;
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

function validateClaimStatuses(status: core.PodStatus, spec: core.PodSpec, errors: FieldErrors): void {
  const names = new Set((spec.resourceClaims ?? []).map((claim) => claim.name));
  const seen = new Set<string>();
  for (const [index, { name, resourceClaimName: claim }] of (status.resourceClaimStatuses ?? []).entries()) {
    const one = statusPath.child("resourceClaimStatuses").index(index);
    if (!names.has(name)) {
      errors.invalid(one.child("name"), name, "must match the name of an entry in `spec.resourceClaims`");
    }
    if (seen.has(name)) errors.duplicate(one.child("name"), name);
    seen.add(name);
    if (claim != null) errors.problems(one.child("resourceClaimName"), claim, nameIsSubdomain(claim, false));
  }
}

/** At most one address of each family; those that were there before are not judged again. */
function validateAddresses(
  field: "podIPs" | "hostIPs",
  after: readonly { readonly ip: string }[] | undefined,
  before: readonly { readonly ip: string }[] | undefined,
  errors: FieldErrors,
): void {
  const path = statusPath.child(field);
  const known = new Set((before ?? []).map(({ ip }) => ip));
  const addresses = (after ?? []).map(({ ip }) => ip ?? "");
  for (const [index, ip] of addresses.entries()) {
    if (!known.has(ip)) errors.problems(path.index(index), ip, legacyAddressProblems(ip));
  }
  const families = new Set(addresses.map(addressFamily));
  if (addresses.length > 1 && (addresses.length > 2 || families.size !== 2)) {
    errors.invalid(path, after, "may specify no more than one IP for each IP family");
  }
}

const healths = ["Healthy", "Unhealthy", "Unknown"];

function validateContainerStatuses(status: core.PodStatus, spec: core.PodSpec, errors: FieldErrors): void {
  const lists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const;
  for (const list of lists) {
    for (const [index, one] of (status[list] ?? []).entries()) {
      const path = statusPath.child(list).index(index);
      validateUser(one.user?.linux, spec.os?.name === "windows", path.child("user", "linux"), errors);
      const resources = one.allocatedResourcesStatus ?? [];
      if (list === "ephemeralContainerStatuses" && resources.length > 0) {
        errors.forbidden(path.child("allocatedResourcesStatus"), "must not be specified in container status");
        continue;
      }
      const containers = list === "containerStatuses" ? spec.containers : spec.initContainers;
      const container = containers?.find(({ name }) => name === one.name);
      for (const [position, resource] of resources.entries()) {
        validateDeviceHealth(resource, container, path.child("allocatedResourcesStatus").index(position), errors);
      }
    }
  }
}

function validateUser(
  user: core.LinuxContainerUser | undefined,
  isWindows: boolean,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (!user) return;
  if (isWindows) {
    errors.forbidden(at, "cannot be set for a windows pod");
    return;
  }
  errors.problems(at.child("uid"), user.uid, userIdProblems(user.uid ?? 0));
  errors.problems(at.child("gid"), user.gid, userIdProblems(user.gid ?? 0));
  for (const [index, group] of (user.supplementalGroups ?? []).entries()) {
    errors.problems(at.child("supplementalGroups").index(index), group, userIdProblems(group));
  }
}

function validateDeviceHealth(
  { name, resources }: core.ResourceStatus,
  container: core.Container | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const claims = (container?.resources?.claims ?? []).map((claim) =>
    claim.request ? `claim:${claim.name}/${claim.request}` : `claim:${claim.name}`,
  );
  const isClaim = name.startsWith("claim:");
  const isKnown = isClaim ? claims.includes(name) : container?.resources?.requests?.[name] !== undefined;
  if (container && !isKnown) {
    const why = isClaim
      ? "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
      : "must match one of the container's resource requests";
    errors.invalid(at.child("name"), name, why);
  }
  const seen = new Set<string>();
  for (const [index, { resourceID: id, health = "", message }] of (resources ?? []).entries()) {
    const one = at.child("resources").index(index);
    if (!healths.includes(health)) errors.notSupported(one.child("health"), health, healths);
    if (message === "") errors.required(one.child("message"), "must be non-empty if specified");
    else if (message != null && byteLength(message) > 1024) errors.tooLong(one.child("message"), 1024);
    if (seen.has(id)) errors.duplicate(one.child("resourceID"), id);
    seen.add(id);
  }
}
