/** The spec of a pod, in a pod or in a template. Source: pkg/apis/core/validation/validation.go (v1.36). */
import type * as core from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { legacyAddressProblems } from "#pkg/api/ip-address.ts";
import {
  byteLength,
  dns1123SubdomainWithUnderscoreProblems,
  inRangeProblems,
  nameIsLabel,
  nameIsSubdomain,
  qualifiedNameProblems,
} from "#pkg/api/names.ts";
import { podLimits, podRequests } from "#pkg/api/pod-resources.ts";
import {
  type ContainerScope,
  validateContainers,
  validateEphemeralContainers,
  validateInitContainers,
} from "./containers.ts";
import type { FieldErrors } from "./field-errors.ts";
import { validateLabelMap } from "./label-selectors.ts";
import { validateTolerations } from "./node-selectors.ts";
import { validateAffinity, validateSchedulingGates, validateTopologySpread } from "./pod-scheduling.ts";
import { amountOf, isHugePages } from "./resource-names.ts";
import { validateContainerResources, validatePodLevelRequirements } from "./resources.ts";
import { validatePodSecurityContext } from "./security-context.ts";
import { visitContainers } from "./visit-containers.ts";
import { type VolumeOwner, validateVolumes } from "./volumes.ts";
import { validateHostProcess, validateOperatingSystem } from "./windows-options.ts";

export interface PodSpecOwner extends VolumeOwner {
  /** The pod mirrors one that its node runs by itself. */
  readonly isMirror: boolean;
}

/** For specs inside templates. */
export const templateOwner: PodSpecOwner = { podName: undefined, isPod: false, isMirror: false };

export function validatePodSpec(spec: core.PodSpec, owner: PodSpecOwner, at: FieldPath, errors: FieldErrors): void {
  if (spec.terminationGracePeriodSeconds == null) errors.required(at.child("terminationGracePeriodSeconds"));
  const volumes = validateVolumes(spec.volumes, owner, at.child("volumes"), errors);
  const claimNames = new Set((spec.resourceClaims ?? []).map((claim) => claim.name).filter(Boolean));
  const scope: ContainerScope = { spec, volumes, claimNames };
  validateResourceClaims(spec.resourceClaims, owner, at.child("resourceClaims"), errors);
  validateContainers(scope, at.child("containers"), errors);
  validateInitContainers(scope, at.child("initContainers"), errors);
  validateEphemeralContainers(scope, at.child("ephemeralContainers"), errors);
  validatePodResources(spec, at.child("resources"), errors);
  validateHostPorts(spec, owner, at.child("containers"), errors);
  errors.oneOf(at.child("restartPolicy"), spec.restartPolicy, ["Always", "OnFailure", "Never"]);
  validateDns(spec, at, errors);
  validateLabelMap(spec.nodeSelector, at.child("nodeSelector"), errors);
  validatePodSecurityContext(spec, at.child("securityContext"), errors);
  validateAffinity(spec.affinity, at.child("affinity"), errors);
  for (const [index, { conditionType = "" }] of (spec.readinessGates ?? []).entries()) {
    const path = at.child("readinessGates").index(index).child("conditionType");
    errors.problems(path, conditionType, qualifiedNameProblems(conditionType));
  }
  validateSchedulingGates(spec.schedulingGates, at.child("schedulingGates"), errors);
  validateTopologySpread(spec.topologySpreadConstraints, at.child("topologySpreadConstraints"), errors);
  validateHostProcess(spec, at, errors);
  validateHostUsers(spec, at, errors);
  validateNames(spec, at, errors);
  validateTolerations(spec.tolerations, at.child("tolerations"), errors);
  errors.supported(at.child("preemptionPolicy"), spec.preemptionPolicy, ["PreemptLowerPriority", "Never"]);
  if (spec.overhead) validateContainerResources({ limits: spec.overhead }, new Set(), at.child("overhead"), errors);
  validateOperatingSystem(spec, at, errors);
  validateFileKeyVolumes(spec, at, errors);
}

/** Names of the pod on the network, and of other objects. */
function validateNames(spec: core.PodSpec, at: FieldPath, errors: FieldErrors): void {
  const { hostnameOverride: override, activeDeadlineSeconds: deadline } = spec;
  if (override != null) {
    const path = at.child("hostnameOverride");
    if (spec.setHostnameAsFQDN) errors.forbidden(path, "may not be specified when setHostnameAsFQDN is true");
    if (spec.hostNetwork) errors.forbidden(path, "may not be specified when hostNetwork is true");
    if (byteLength(override) > 64) errors.tooLong(path, 64);
    errors.dnsSubdomain(path, override);
  }
  for (const field of ["serviceAccountName", "nodeName", "priorityClassName"] as const) {
    const name = spec[field];
    if (name) errors.problems(at.child(field), name, nameIsSubdomain(name, false));
  }
  if (spec.runtimeClassName != null) {
    errors.problems(at.child("runtimeClassName"), spec.runtimeClassName, nameIsSubdomain(spec.runtimeClassName, false));
  }
  if (deadline != null)
    errors.problems(at.child("activeDeadlineSeconds"), deadline, inRangeProblems(deadline, 1, 2 ** 31 - 1));
  for (const field of ["hostname", "subdomain"] as const) {
    const name = spec[field];
    if (name) errors.problems(at.child(field), name, nameIsLabel(name, false));
  }
  for (const [index, { ip = "", hostnames }] of (spec.hostAliases ?? []).entries()) {
    const one = at.child("hostAliases").index(index);
    errors.problems(one.child("ip"), ip, legacyAddressProblems(ip));
    for (const [position, name] of (hostnames ?? []).entries()) {
      errors.dnsSubdomain(one.child("hostnames").index(position), name);
    }
  }
}

function validateResourceClaims(
  claims: readonly core.PodResourceClaim[] | undefined,
  owner: PodSpecOwner,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const seen = new Set<string>();
  for (const [index, claim] of (claims ?? []).entries()) {
    const one = at.index(index);
    if (owner.isMirror) {
      errors.forbidden(one, "static pods do not support resource claims");
      continue;
    }
    if (seen.has(claim.name)) errors.duplicate(one.child("name"), claim.name);
    else errors.named(one.child("name"), claim.name, (name) => nameIsLabel(name, false));
    seen.add(claim.name);
    const { resourceClaimName: name, resourceClaimTemplateName: template } = claim;
    if (name != null && template != null) {
      errors.invalid(one, claim, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified");
    }
    if (name == null && template == null) {
      errors.invalid(one, claim, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
    }
    if (name != null) errors.problems(one.child("resourceClaimName"), name, nameIsSubdomain(name, false));
    if (template != null) {
      errors.problems(one.child("resourceClaimTemplateName"), template, nameIsSubdomain(template, false));
    }
  }
}

/** The pod as a whole asks for at least what its containers ask for together, and no container may use more than it. */
function validatePodResources(spec: core.PodSpec, at: FieldPath, errors: FieldErrors): void {
  const { resources } = spec;
  if (!resources) return;
  if (spec.os?.name === "windows") {
    errors.forbidden(at, "may not be set for a windows pod");
    return;
  }
  if (resources.claims) errors.forbidden(at.child("claims"), "claims may not be set for Resources at pod-level");
  validatePodLevelRequirements(resources, at, errors);
  const containersOnly = { spec: { ...spec, resources: undefined } };
  for (const [name, sum] of podRequests(containersOnly, { excludeOverhead: true })) {
    const request = resources.requests?.[name];
    if (request === undefined || sum.compare(amountOf(request)) <= 0) continue;
    const why = `must be greater than or equal to aggregate container requests of ${sum.toString()}`;
    errors.invalid(at.child("requests").key(name), amountOf(request).toString(), why);
  }
  for (const [name, sum] of podLimits(containersOnly, { excludeOverhead: true })) {
    const limit = resources.limits?.[name];
    if (!isHugePages(name) || limit === undefined || sum.compare(amountOf(limit)) <= 0) continue;
    const why = `must be greater than or equal to aggregate container limits of ${sum.toString()}`;
    errors.invalid(at.child("limits").key(name), amountOf(limit).toString(), why);
  }
  for (const [index, container] of (spec.containers ?? []).entries()) {
    for (const [name, text] of Object.entries(container.resources?.limits ?? {})) {
      const limit = resources.limits?.[name];
      if (limit === undefined || amountOf(text).compare(amountOf(limit)) <= 0) continue;
      const path = at.child("containers").index(index).key(name).child("limits");
      const why = `must be less than or equal to pod limits of ${amountOf(limit).toString()}`;
      errors.invalid(path, amountOf(text).toString(), why);
    }
  }
}

/** On the host's network every port is a port of the host. In templates it may be left out. */
function validateHostPorts(spec: core.PodSpec, owner: PodSpecOwner, at: FieldPath, errors: FieldErrors): void {
  if (!spec.hostNetwork) return;
  for (const [index, container] of (spec.containers ?? []).entries()) {
    for (const [position, { hostPort = 0, containerPort }] of (container.ports ?? []).entries()) {
      if (hostPort === containerPort || (!owner.isPod && hostPort === 0)) continue;
      const path = at.index(index).child("ports").index(position).child("hostPort");
      errors.invalid(path, hostPort, "must match `containerPort` when `hostNetwork` is true");
    }
  }
}

function validateDns(spec: core.PodSpec, at: FieldPath, errors: FieldErrors): void {
  const { dnsPolicy, dnsConfig } = spec;
  errors.oneOf(at.child("dnsPolicy"), dnsPolicy, ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]);
  const path = at.child("dnsConfig");
  if (dnsPolicy === "None" && !dnsConfig) {
    errors.required(path, "must provide `dnsConfig` when `dnsPolicy` is None");
  }
  if (!dnsConfig) return;
  const { nameservers = [], searches = [], options = [] } = dnsConfig;
  if (dnsPolicy === "None" && nameservers.length === 0) {
    errors.required(path.child("nameservers"), "must provide at least one DNS nameserver when `dnsPolicy` is None");
    return;
  }
  if (nameservers.length > 3) {
    errors.invalid(path.child("nameservers"), nameservers, "must not have more than 3 nameservers");
  }
  for (const [index, address] of nameservers.entries()) {
    errors.problems(path.child("nameservers").index(index), address, legacyAddressProblems(address));
  }
  if (searches.length > 32) errors.invalid(path.child("searches"), searches, "must not have more than 32 search paths");
  if (byteLength(searches.join(" ")) > 2048) {
    const why = "must not have more than 2048 characters (including spaces) in the search list";
    errors.invalid(path.child("searches"), searches, why);
  }
  for (const [index, search] of searches.entries()) {
    if (search === ".") continue;
    const name = search.endsWith(".") ? search.slice(0, -1) : search;
    errors.problems(path.child("searches").index(index), name, dns1123SubdomainWithUnderscoreProblems(name));
  }
  for (const [index, { name }] of options.entries()) {
    errors.filled(path.child("options").index(index), name, "must not be empty");
  }
}

/** A pod with users of its own shares no other namespace with the host. */
function validateHostUsers(spec: core.PodSpec, at: FieldPath, errors: FieldErrors): void {
  if (spec.hostUsers !== false) return;
  const why = "when `hostUsers` is false";
  if (spec.hostNetwork) errors.forbidden(at.child("hostNetwork"), why);
  if (spec.hostPID) errors.forbidden(at.child("HostPID"), why);
  if (spec.hostIPC) errors.forbidden(at.child("HostIPC"), why);
  for (const { container, path } of visitContainers(spec, at)) {
    if (container.volumeDevices?.length) errors.forbidden(path.child("volumeDevices"), why);
  }
}

/** Environment files lie in volumes that the containers themselves write. */
function validateFileKeyVolumes(spec: core.PodSpec, at: FieldPath, errors: FieldErrors): void {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]));
  for (const { container, path } of visitContainers(spec, at)) {
    for (const [index, { valueFrom }] of (container.env ?? []).entries()) {
      const name = valueFrom?.fileKeyRef?.volumeName;
      if (name === undefined) continue;
      const volume = volumes.get(name);
      const one = path.child("env").index(index).child("valueFrom", "fileKeyRef", "volumeName");
      if (!volume) errors.notFound(one, name);
      else if (!volume.emptyDir) errors.invalid(one, name, "referenced volume must be of type emptyDir");
    }
  }
}
