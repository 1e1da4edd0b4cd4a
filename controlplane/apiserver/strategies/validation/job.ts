/** Jobs, and the templates of Jobs in CronJobs. Source: pkg/apis/batch/validation/validation.go (v1.36). */
import type { Job, JobSpec } from "#pkg/api/batch/v1.ts";
import type { PodSpec, PodTemplateSpec } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { byteLength, dns1123LabelProblems, dns1123SubdomainProblems, httpPathProblems } from "#pkg/api/names.ts";
import { typeEqual } from "../type-equal.ts";
import { FieldErrors, immutableText } from "./field-errors.ts";
import { validatePodFailurePolicy, validateSuccessPolicy } from "./job-policies.ts";
import { validateLabelSelector } from "./label-selectors.ts";
import { validatePodTemplate } from "./pod.ts";
import { matcherOf, validateMatch } from "./pod-controllers.ts";

/** The labels a Job gives its pods: its uid and name, each under an old and a new key. */
export const jobLabels = {
  oldUid: "controller-uid",
  oldName: "job-name",
  uid: "batch.kubernetes.io/controller-uid",
  name: "batch.kubernetes.io/job-name",
} as const;

const specPath = new FieldPath("spec");
const mostIndexes = 100_000;
const mostWithManyCompletions = 10_000;

export function validateJob(job: Job): FieldErrors {
  return validateWhole(job, true);
}

/** `isStartable`: the Job waits, and has no pods that could have been made from the template. */
export function validateJobUpdate(next: Job, current: Job, isStartable: boolean): FieldErrors {
  const labels = current.spec.template.metadata?.labels;
  const errors = validateWhole(next, jobLabels.name in (labels ?? {}) && jobLabels.uid in (labels ?? {}));
  const { spec } = next;
  validateCompletionsChange(spec, current.spec, errors);
  errors.immutable(specPath.child("selector"), spec.selector, current.spec.selector);
  validateTemplateChange(spec, current.spec, isStartable, errors);
  const fixed = ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"] as const;
  for (const field of fixed) errors.immutable(specPath.child(field), spec[field], current.spec[field]);
  return errors;
}

function validateWhole(job: Job, hasNewLabels: boolean): FieldErrors {
  const errors = new FieldErrors();
  const { metadata, spec } = job;
  if (!spec.manualSelector && spec.selector) validateGenerated(job, hasNewLabels, errors);
  validateJobSpec(spec, specPath, errors);
  if (spec.selector) validateLabelSelector(spec.selector, specPath.child("selector"), errors);
  else errors.required(specPath.child("selector"));
  const matcher = matcherOf(spec.selector);
  if (matcher) validateMatch(matcher, spec.template, specPath.child("template"), errors);
  if (spec.completionMode === "Indexed" && (spec.completions ?? 0) > 0) {
    const last = `${metadata.name}-${(spec.completions ?? 0) - 1}`;
    if (dns1123LabelProblems(last).length > 0) {
      const why = `will not able to create pod with invalid DNS label: ${last}`;
      errors.invalid(new FieldPath("metadata", "name"), metadata.name, why);
    }
  }
  return errors;
}

/** People may give labels of their own, but not other values for those that tell the Job's pods from all others. */
function validateGenerated({ metadata, spec }: Job, hasNewLabels: boolean, errors: FieldErrors): void {
  const { uid = "", name = "" } = metadata;
  if (!uid) errors.required(new FieldPath("metadata", "uid"));
  const expected: Record<string, string> = { [jobLabels.oldUid]: uid, [jobLabels.oldName]: name };
  if (hasNewLabels) Object.assign(expected, { [jobLabels.uid]: uid, [jobLabels.name]: name });
  const labels = spec.template.metadata?.labels ?? {};
  for (const [key, value] of Object.entries(expected)) {
    const path = specPath.child("template", "metadata", "labels").key(key);
    if (labels[key] === undefined) errors.required(path, `must be '${value}'`);
    else if (labels[key] !== value) errors.invalid(path, labels, `must be '${value}'`);
  }
  if (matcherOf(spec.selector)?.matches(expected) === false) {
    errors.invalid(specPath.child("selector"), spec.selector, "`selector` not auto-generated");
  }
}

/** Everything but the selector, which templates of Jobs do not have. */
export function validateJobSpec(spec: JobSpec, at: FieldPath, errors: FieldErrors): void {
  const counts = [
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
  ] as const;
  for (const field of counts) errors.nonNegative(at.child(field), spec[field]);
  if (spec.maxFailedIndexes != null && spec.backoffLimitPerIndex == null) {
    errors.required(at.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified");
  }
  if (spec.managedBy != null) validateManager(spec.managedBy, at.child("managedBy"), errors);
  const { completionMode: mode } = spec;
  if (mode != null && mode !== "NonIndexed" && mode !== "Indexed") {
    errors.notSupported(at.child("completionMode"), mode, ["NonIndexed", "Indexed"]);
  }
  if (mode === "Indexed") validateIndexed(spec, at, errors);
  if (mode == null || mode === "NonIndexed") {
    for (const field of ["backoffLimitPerIndex", "maxFailedIndexes"] as const) {
      if (spec[field] != null) errors.invalid(at.child(field), spec[field], "requires indexed completion mode");
    }
  }
  if (spec.podFailurePolicy) validatePodFailurePolicy(spec, at.child("podFailurePolicy"), errors);
  if (spec.successPolicy) {
    const path = at.child("successPolicy");
    if (mode === "Indexed") validateSuccessPolicy(spec, path, errors);
    else errors.invalid(path, spec.successPolicy, "requires indexed completion mode");
  }
  const replacements = spec.podFailurePolicy ? ["Failed"] : ["Failed", "TerminatingOrFailed"];
  errors.supported(at.child("podReplacementPolicy"), spec.podReplacementPolicy, replacements);
  validatePodTemplate(spec.template, at.child("template"), errors);
  validateRestartPolicy(spec, at.child("template", "spec", "restartPolicy"), errors);
}

function validateManager(manager: string, at: FieldPath, errors: FieldErrors): void {
  const longest = 63;
  validateDomainPath(manager, at, errors);
  if (byteLength(manager) > longest) errors.tooLong(at, longest);
}

/** `example.com/name`. */
function validateDomainPath(value: string, at: FieldPath, errors: FieldErrors): void {
  if (value === "") {
    errors.required(at);
    return;
  }
  const slash = value.indexOf("/");
  const [host, path] = [value.slice(0, slash), value.slice(slash + 1)];
  if (slash < 1 || path === "") {
    errors.invalid(at, value, 'must be a domain-prefixed path (such as "acme.io/foo")');
    return;
  }
  errors.problems(at, host, dns1123SubdomainProblems(host));
  errors.problems(at, path, httpPathProblems(path));
}

/** The numbers of completions and failures of a Job are kept in its status, which must not grow without end. */
function validateIndexed(spec: JobSpec, at: FieldPath, errors: FieldErrors): void {
  const { completions, parallelism = 0, maxFailedIndexes } = spec;
  if (completions == null) errors.required(at.child("completions"), "when completion mode is Indexed");
  const most = (field: "parallelism" | "maxFailedIndexes", value: number, limit: number, when = "") => {
    if (value > limit) errors.invalid(at.child(field), value, `must be less than or equal to ${limit}${when}`);
  };
  most("parallelism", parallelism, mostIndexes, " when completion mode is Indexed");
  if (completions != null && (maxFailedIndexes ?? 0) > completions) {
    errors.invalid(at.child("maxFailedIndexes"), maxFailedIndexes, "must be less than or equal to completions");
  }
  most("maxFailedIndexes", maxFailedIndexes ?? 0, mostIndexes);
  if ((completions ?? 0) <= mostIndexes || spec.backoffLimitPerIndex == null) return;
  if (maxFailedIndexes == null) {
    errors.required(at.child("maxFailedIndexes"), `must be specified when completions is above ${mostIndexes}`);
  }
  const when = ` when completions are above ${mostIndexes} and used with backoff limit per index`;
  most("parallelism", parallelism, mostWithManyCompletions, when);
  most("maxFailedIndexes", maxFailedIndexes ?? 0, mostWithManyCompletions, when);
}

function validateRestartPolicy(spec: JobSpec, at: FieldPath, errors: FieldErrors): void {
  const policy = spec.template.spec.restartPolicy;
  // "Always" is also what the default would be.
  if (!policy || policy === "Always") errors.required(at, 'valid values: "OnFailure", "Never"');
  else if (policy !== "OnFailure" && policy !== "Never") errors.notSupported(at, policy, ["OnFailure", "Never"]);
  else if (spec.podFailurePolicy && policy !== "Never") {
    errors.invalid(at, policy, 'only "Never" is supported when podFailurePolicy is specified');
  }
}

function validateCompletionsChange(next: JobSpec, current: JobSpec, errors: FieldErrors): void {
  const at = specPath.child("completions");
  if (next.completionMode !== "Indexed") {
    errors.immutable(at, next.completions, current.completions);
    return;
  }
  if (next.completions == null || next.completions === current.completions) return;
  if (next.completions !== next.parallelism) {
    errors.invalid(at, next.completions, "can only be modified in tandem with spec.parallelism");
  }
}

function validateTemplateChange(next: JobSpec, current: JobSpec, isStartable: boolean, errors: FieldErrors): void {
  const expected = isStartable ? withScheduling(current.template, next.template) : current.template;
  if (isStartable) {
    const path = specPath.child("template.spec");
    if (!typeEqual("core/v1.PodSpec", next.template.spec, withResources(expected.spec, next.template.spec))) {
      errors.invalid(path, next.template.spec, immutableText);
    }
  } else if (!typeEqual("core/v1.PodTemplateSpec", next.template, expected)) {
    errors.invalid(specPath.child("template"), next.template, immutableText);
  }
}

/** The template with everything from the other one that says where pods go, and nothing else. */
function withScheduling(template: PodTemplateSpec, wanted: PodTemplateSpec): PodTemplateSpec {
  const { nodeAffinity: _, ...otherAffinity } = template.spec.affinity ?? {};
  const nodeAffinity = wanted.spec.affinity?.nodeAffinity;
  const affinity = { ...otherAffinity, ...(nodeAffinity ? { nodeAffinity } : {}) };
  const isGone = !wanted.spec.affinity && Object.keys(affinity).length === 0;
  const { nodeSelector, tolerations, schedulingGates } = wanted.spec;
  const hadOrHas = template.spec.affinity ?? wanted.spec.affinity;
  return {
    ...template,
    metadata: { ...template.metadata, labels: wanted.metadata?.labels, annotations: wanted.metadata?.annotations },
    spec: {
      ...template.spec,
      nodeSelector,
      tolerations,
      schedulingGates,
      affinity: isGone || !hadOrHas ? undefined : affinity,
    },
  };
}

function withResources(spec: PodSpec, wanted: PodSpec): PodSpec {
  const merged = <C extends PodSpec["containers"]>(own: C | undefined, other: C | undefined): C | undefined => {
    if (!own || own.length !== other?.length) return own;
    return own.map((container, index) => {
      const one = other[index];
      return one?.name === container.name ? { ...container, resources: one.resources } : container;
    }) as C;
  };
  return {
    ...spec,
    containers: merged(spec.containers, wanted.containers) ?? [],
    initContainers: merged(spec.initContainers, wanted.initContainers),
  };
}
