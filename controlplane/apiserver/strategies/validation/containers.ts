/** Containers of a pod: regular, init and ephemeral. Source: pkg/apis/core/validation/validation.go (v1.36). */
import type * as core from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { dns1123LabelProblems, portNameProblems, portNumberProblems } from "#pkg/api/names.ts";
import { validateEnv, validateEnvFrom } from "./container-env.ts";
import { validateMounts } from "./container-mounts.ts";
import { validateLifecycle, validateProbes } from "./container-probes.ts";
import type { FieldErrors } from "./field-errors.ts";
import { validateContainerResources } from "./resources.ts";
import { validateSecurityContext } from "./security-context.ts";

/** What the containers of one pod have in common. */
export interface ContainerScope {
  readonly spec: core.PodSpec;
  readonly volumes: ReadonlyMap<string, core.Volume>;
  /** Names of spec.resourceClaims. */
  readonly claimNames: ReadonlySet<string>;
}

type AnyContainer = core.Container | core.EphemeralContainer;

const protocols = ["SCTP", "TCP", "UDP"];

export function validateContainers(scope: ContainerScope, at: FieldPath, errors: FieldErrors): void {
  const { spec } = scope;
  const containers = spec.containers ?? [];
  if (containers.length === 0) {
    errors.required(at);
    return;
  }
  const names = new Set<string>();
  for (const [index, container] of containers.entries()) {
    const one = at.index(index);
    validateCommon(container, scope, one, errors);
    if (names.has(container.name)) errors.duplicate(one.child("name"), container.name);
    names.add(container.name);
    validateLifecycle(container.lifecycle, spec.terminationGracePeriodSeconds, one.child("lifecycle"), errors);
    validateProbes(container, spec.terminationGracePeriodSeconds, one, errors);
    validateRestartPolicy(container, one, errors);
  }
  validateHostPorts(containers, at, errors);
}

export function validateInitContainers(scope: ContainerScope, at: FieldPath, errors: FieldErrors): void {
  const { spec } = scope;
  const names = new Set((spec.containers ?? []).map((container) => container.name));
  for (const [index, container] of (spec.initContainers ?? []).entries()) {
    const one = at.index(index);
    validateCommon(container, scope, one, errors);
    validateRestartPolicy(container, one, errors);
    if (names.has(container.name)) errors.duplicate(one.child("name"), container.name);
    else if (container.name) names.add(container.name);
    // Init containers run one after the other, so their ports meet nobody's.
    validateHostPorts([container], at, errors);
    if (container.restartPolicy === "Always") {
      validateLifecycle(container.lifecycle, spec.terminationGracePeriodSeconds, one.child("lifecycle"), errors);
      validateProbes(container, spec.terminationGracePeriodSeconds, one, errors);
    } else validateOneShot(container, one, errors);
  }
}

/** What makes no sense for a container that ends before the others start. */
function validateOneShot(container: core.Container, at: FieldPath, errors: FieldErrors): void {
  for (const field of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const) {
    if (container[field] != null) {
      errors.forbidden(at.child(field), "may not be set for init containers without restartPolicy=Always");
    }
  }
  for (const [index, { restartPolicy }] of (container.resizePolicy ?? []).entries()) {
    if (restartPolicy !== "RestartContainer") continue;
    errors.invalid(
      at.child("resizePolicy").index(index).child("restartPolicy"),
      restartPolicy,
      "must not be set to 'RestartContainer' for non-sidecar initContainers",
    );
  }
}

/** Fields of a container that a container added to a running pod may not have. */
const notEphemeral: readonly (keyof core.EphemeralContainer)[] = [
  "ports",
  "resources",
  "resizePolicy",
  "restartPolicy",
  "restartPolicyRules",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
];

export function validateEphemeralContainers(scope: ContainerScope, at: FieldPath, errors: FieldErrors): void {
  const { spec } = scope;
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((one) => one.name));
  const names = new Set(others);
  const why = "cannot be set for an Ephemeral Container";
  for (const [index, container] of (spec.ephemeralContainers ?? []).entries()) {
    const one = at.index(index);
    validateCommon(container, scope, one, errors);
    validateImageSpaces(container, one, errors);
    if (names.has(container.name)) errors.duplicate(one.child("name"), container.name);
    names.add(container.name);
    const { targetContainerName: target } = container;
    if (target && !others.has(target)) errors.notFound(one.child("targetContainerName"), target);
    for (const field of notEphemeral) if (isSet(container[field])) errors.forbidden(one.child(field), why);
    for (const [position, mount] of (container.volumeMounts ?? []).entries()) {
      const path = one.child("volumeMounts").index(position);
      if (mount.subPath) errors.forbidden(path.child("subPath"), why);
      if (mount.subPathExpr) errors.forbidden(path.child("subPathExpr"), why);
    }
  }
}

function isSet(value: unknown): boolean {
  return typeof value === "object" && value !== null ? Object.keys(value).length > 0 : Boolean(value);
}

function validateCommon(container: AnyContainer, scope: ContainerScope, at: FieldPath, errors: FieldErrors): void {
  errors.named(at.child("name"), container.name, dns1123LabelProblems);
  errors.filled(at.child("image"), container.image);
  const messagePolicies = ["File", "FallbackToLogsOnError"];
  errors.oneOf(at.child("terminationMessagePolicy"), container.terminationMessagePolicy, messagePolicies);
  validatePorts(container.ports, at.child("ports"), errors);
  validateEnv(container.env, at.child("env"), errors);
  validateEnvFrom(container.envFrom, at.child("envFrom"), errors);
  validateMounts(container, scope.volumes, at, errors);
  errors.oneOf(at.child("imagePullPolicy"), container.imagePullPolicy, ["Always", "IfNotPresent", "Never"]);
  validateContainerResources(container.resources, scope.claimNames, at.child("resources"), errors);
  validateResizePolicy(container, scope.spec.restartPolicy, at.child("resizePolicy"), errors);
  const hostUsers = scope.spec.hostUsers !== false;
  validateSecurityContext(container.securityContext, hostUsers, at.child("securityContext"), errors);
}

/** Templates may hold an image of blanks, as a token for tools; pods may not. */
export function validateImageSpaces(container: AnyContainer, at: FieldPath, errors: FieldErrors): void {
  const { image = "" } = container;
  if (image.trim() !== image) {
    errors.invalid(at.child("image"), image, "must not have leading or trailing whitespace");
  }
}

function validatePorts(ports: readonly core.ContainerPort[] | undefined, at: FieldPath, errors: FieldErrors): void {
  const names = new Set<string>();
  for (const [index, port] of (ports ?? []).entries()) {
    const one = at.index(index);
    if (port.name) {
      const problems = portNameProblems(port.name);
      errors.problems(one.child("name"), port.name, problems);
      if (problems.length === 0 && names.has(port.name)) errors.duplicate(one.child("name"), port.name);
      else if (problems.length === 0) names.add(port.name);
    }
    if (!port.containerPort) errors.required(one.child("containerPort"));
    else errors.problems(one.child("containerPort"), port.containerPort, portNumberProblems(port.containerPort));
    if (port.hostPort) errors.port(one.child("hostPort"), port.hostPort);
    errors.oneOf(one.child("protocol"), port.protocol, protocols);
  }
}

function validateHostPorts(containers: readonly core.Container[], at: FieldPath, errors: FieldErrors): void {
  const seen = new Set<string>();
  for (const [index, container] of containers.entries()) {
    for (const [position, { protocol, hostIP, hostPort }] of (container.ports ?? []).entries()) {
      if (!hostPort) continue;
      const key = `${protocol}/${hostIP ?? ""}/${hostPort}`;
      const path = at.index(index).child("ports").index(position).child("hostPort");
      if (seen.has(key)) errors.duplicate(path, key);
      seen.add(key);
    }
  }
}

function validateResizePolicy(
  { resizePolicy }: AnyContainer,
  podRestartPolicy: string | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const seen = new Set<string>();
  for (const [index, { resourceName, restartPolicy }] of (resizePolicy ?? []).entries()) {
    if (seen.has(resourceName)) errors.duplicate(at.index(index), resourceName);
    seen.add(resourceName);
    errors.oneOf(at, resourceName, ["cpu", "memory"]);
    errors.oneOf(at, restartPolicy, ["NotRequired", "RestartContainer"]);
    if (podRestartPolicy === "Never" && restartPolicy !== "NotRequired") {
      errors.invalid(at, restartPolicy ?? "", "must be 'NotRequired' when pod `restartPolicy` is 'Never'");
    }
  }
}

const restartActions = ["Restart", "RestartAllContainers"];
const restartOperators = ["In", "NotIn"];

function validateRestartPolicy(container: core.Container, at: FieldPath, errors: FieldErrors): void {
  const { restartPolicy: policy, restartPolicyRules: rules = [] } = container;
  if (policy == null) {
    if (rules.length > 0) {
      errors.required(at.child("restartPolicy"), "must specify restartPolicy when restart rules are used");
    }
  } else if (!["Always", "Never", "OnFailure"].includes(policy)) {
    errors.notSupported(at.child("restartPolicy"), policy, ["Always", "Never", "OnFailure"]);
  }
  if (rules.length > 20) errors.tooMany(at.child("restartPolicyRules"), rules.length, 20);
  for (const [index, { action = "", exitCodes }] of rules.entries()) {
    const one = at.child("restartPolicyRules").index(index);
    if (!restartActions.includes(action)) errors.notSupported(one.child("action"), action, restartActions);
    if (!exitCodes) {
      errors.required(one.child("exitCodes"), "must be specified");
      continue;
    }
    const { operator = "", values = [] } = exitCodes;
    if (!restartOperators.includes(operator)) {
      errors.notSupported(one.child("exitCodes", "operator"), operator, restartOperators);
    }
    if (values.length > 255) errors.tooMany(one.child("exitCodes", "values"), values.length, 255);
  }
}
