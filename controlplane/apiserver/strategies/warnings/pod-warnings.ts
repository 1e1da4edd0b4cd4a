/** Texts for Warning headers about pods and templates: deprecated fields, and values that do not do what they seem to. */
import type * as core from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { addressWarnings } from "#pkg/api/ip-address.ts";
import type { ObjectMeta } from "#pkg/api/meta/v1.ts";
import { dns1123LabelProblems } from "#pkg/api/names.ts";
import { appArmorProfileOf } from "../prepare-pod.ts";
import { optionalTypeEqual } from "../type-equal.ts";
import { appArmorPrefix, containerSeccompPrefix, podSeccompAnnotation } from "../validation/pod-annotations.ts";
import { amountOf } from "../validation/resource-names.ts";
import { visitContainers } from "../validation/visit-containers.ts";
import { nodeLabelDeprecation, nodeTermWarnings } from "./node-label-warnings.ts";
import { portWarnings } from "./port-warnings.ts";
import { volumeWarnings } from "./volume-warnings.ts";

/** People make pods, machines change them: updates carry no warnings. */
export function podWarnings(pod: core.Pod, current?: core.Pod): readonly string[] {
  if (current) return [];
  return [
    ...nameWarnings(pod.metadata.name, "the Pod's hostname"),
    ...specWarnings(pod.metadata, pod.spec, new FieldPath(), false),
  ];
}

/** For owners whose pods are named after them. */
export function podNameWarnings(name: string | undefined): readonly string[] {
  return nameWarnings(name, "Pod names and hostnames");
}

function nameWarnings(name: string | undefined, use: string): readonly string[] {
  const problems = dns1123LabelProblems(name ?? "");
  if (problems.length === 0) return [];
  const why = "which can result in surprising behavior; a DNS label is recommended";
  return [`metadata.name: this is used in ${use}, ${why}: [${problems.join(" ")}]`];
}

/** For the template of a controller at `at`; nothing when it did not change. */
export function podTemplateWarnings(
  template: core.PodTemplateSpec | undefined,
  current: core.PodTemplateSpec | undefined,
  at: FieldPath,
): readonly string[] {
  if (!template || (current && optionalTypeEqual("core/v1.PodTemplateSpec", template, current))) return [];
  return specWarnings(template.metadata ?? {}, template.spec, at, true);
}

const deprecatedAnnotations: Readonly<Record<string, string>> = {
  "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
  "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
  "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
};
const seccompGone = 'non-functional in v1.27+; use the "seccompProfile" field instead';

function specWarnings(metadata: ObjectMeta, spec: core.PodSpec, at: FieldPath, isTemplate: boolean): readonly string[] {
  const annotations = metadata.annotations ?? {};
  const annotationPath = (key: string) => at.child("metadata", "annotations").key(key);
  const specPath = at.child("spec");
  const warnings = [...schedulingWarnings(spec, specPath)];
  for (const [key, text] of Object.entries(deprecatedAnnotations)) {
    if (annotations[key] !== undefined) warnings.push(`${annotationPath(key)}: ${text}`);
  }
  warnings.push(...volumeWarnings(spec.volumes ?? [], specPath.child("volumes")), ...listWarnings(spec, specPath));
  warnings.push(...fractionWarnings(spec.overhead, specPath.child("overhead")));
  if (!spec.securityContext?.seccompProfile && annotations[podSeccompAnnotation] !== undefined) {
    warnings.push(`${annotationPath(podSeccompAnnotation)}: ${seccompGone}`);
  }
  for (const { container, path } of visitContainers(spec, specPath)) {
    const seccompKey = containerSeccompPrefix + container.name;
    if (!container.securityContext?.seccompProfile && annotations[seccompKey] !== undefined) {
      warnings.push(`${annotationPath(seccompKey)}: ${seccompGone}`);
    }
    if (isTemplate) warnings.push(...appArmorWarnings(container, spec, annotations, annotationPath));
    warnings.push(...containerWarnings(container, path));
  }
  warnings.push(...portWarnings(spec, specPath));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    warnings.push(
      `${specPath.child("terminationGracePeriodSeconds")}: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  }
  warnings.push(
    ...selectorWarnings(spec, specPath),
    ...(spec.dnsConfig?.nameservers?.flatMap((address, index) =>
      addressWarnings(specPath.child("dnsConfig", "nameservers").index(index).toString(), address),
    ) ?? []),
  );
  for (const [index, { ip }] of (spec.hostAliases ?? []).entries()) {
    warnings.push(...addressWarnings(specPath.child("hostAliases").index(index).child("ip").toString(), ip));
  }
  return warnings;
}

function schedulingWarnings(spec: core.PodSpec, at: FieldPath): readonly string[] {
  const warnings: string[] = [];
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const text = nodeLabelDeprecation(key);
    if (text) warnings.push(`${at.child("nodeSelector").key(key)}: ${text}`);
  }
  const {
    requiredDuringSchedulingIgnoredDuringExecution: must,
    preferredDuringSchedulingIgnoredDuringExecution: should,
  } = spec.affinity?.nodeAffinity ?? {};
  const path = at.child("affinity", "nodeAffinity");
  for (const [index, term] of (must?.nodeSelectorTerms ?? []).entries()) {
    const one = path.child("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms").index(index);
    warnings.push(...nodeTermWarnings(term, one, false));
  }
  for (const [index, { preference }] of (should ?? []).entries()) {
    const one = path.child("preferredDuringSchedulingIgnoredDuringExecution").index(index).child("preference");
    warnings.push(...nodeTermWarnings(preference ?? {}, one, true));
  }
  for (const [index, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const one = at.child("topologySpreadConstraints").index(index);
    const text = nodeLabelDeprecation(topologyKey);
    if (text) warnings.push(`${one.child("topologyKey")}: ${topologyKey} is ${text}`);
    if (!labelSelector) warnings.push(`${one.child("labelSelector")}: a null labelSelector results in matching no pod`);
  }
  return warnings;
}

function selectorWarnings(spec: core.PodSpec, at: FieldPath): readonly string[] {
  const warnings: string[] = [];
  for (const kind of ["podAffinity", "podAntiAffinity"] as const) {
    const affinity = spec.affinity?.[kind];
    const path = at.child("affinity", kind);
    const warn = (one: FieldPath) =>
      warnings.push(`${one.child("labelSelector")}: a null labelSelector results in matching no pod`);
    const must = affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    for (const [index, term] of must.entries()) {
      if (!term.labelSelector) warn(path.child("requiredDuringSchedulingIgnoredDuringExecution").index(index));
    }
    const should = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    for (const [index, { podAffinityTerm }] of should.entries()) {
      if (podAffinityTerm?.labelSelector) continue;
      warn(path.child("preferredDuringSchedulingIgnoredDuringExecution").index(index).child("podAffinityTerm"));
    }
  }
  return warnings;
}

/** Lists that merge by a key in which the key comes twice. */
function listWarnings(spec: core.PodSpec, at: FieldPath): readonly string[] {
  const warnings: string[] = [];
  const addresses = new Set<string>();
  for (const [index, { ip }] of (spec.hostAliases ?? []).entries()) {
    if (addresses.has(ip)) warnings.push(`${at.child("hostAliases").index(index).child("ip")}: duplicate ip "${ip}"`);
    addresses.add(ip);
  }
  const secrets = new Set<string>();
  for (const [index, { name = "" }] of (spec.imagePullSecrets ?? []).entries()) {
    const path = at.child("imagePullSecrets").index(index).child("name");
    if (secrets.has(name)) warnings.push(`${path}: duplicate name "${name}"`);
    if (name === "") warnings.push(`${path}: invalid empty name ""`);
    secrets.add(name);
  }
  return warnings;
}

function appArmorWarnings(
  container: core.Container | core.EphemeralContainer,
  spec: core.PodSpec,
  annotations: Readonly<Record<string, string>>,
  annotationPath: (key: string) => FieldPath,
): readonly string[] {
  const key = appArmorPrefix + container.name;
  const annotation = annotations[key];
  if (annotation === undefined || container.securityContext?.appArmorProfile) return [];
  const ofPod = spec.securityContext?.appArmorProfile;
  if (ofPod && optionalTypeEqual("core/v1.AppArmorProfile", ofPod, appArmorProfileOf(annotation))) return [];
  return [`${annotationPath(key)}: deprecated since v1.30; use the "appArmorProfile" field instead`];
}

function containerWarnings(container: core.Container | core.EphemeralContainer, at: FieldPath): readonly string[] {
  const warnings: string[] = [];
  const { resources, env = [] } = container;
  for (const field of ["limits", "requests"] as const) {
    warnings.push(...fractionWarnings(resources?.[field], at.child("resources", field)));
  }
  const names = new Set<string>();
  for (const [index, { name, value = "", valueFrom }] of env.entries()) {
    const reference = `$(${name})`;
    const isExtended = !valueFrom && value !== reference && value.includes(reference);
    if (names.has(name) && !isExtended) {
      const path = at.child("env").index(index);
      warnings.push(`${path}: hides previous definition of "${name}", which may be dropped when using apply`);
    }
    names.add(name);
  }
  return warnings;
}

function fractionWarnings(amounts: Readonly<Record<string, string>> | undefined, at: FieldPath): readonly string[] {
  return ["memory", "ephemeral-storage"].flatMap((name) => {
    const text = amounts?.[name];
    if (text === undefined || amountOf(text).milliValue() % 1000n === 0n) return [];
    return [`${at.key(name)}: fractional byte value "${amountOf(text).toString()}" is invalid, must be an integer`];
  });
}
