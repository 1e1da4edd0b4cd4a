/** LimitRanger: a namespace's LimitRanges give containers their default requests and limits, and bound what pods and claims ask. */
import type { Container, LimitRange, PersistentVolumeClaim, Pod } from "#pkg/api/core/v1.ts";
import { podLimits, podRequests } from "#pkg/api/pod-resources.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { isRequest, joinProblems, refuse } from "./attributes.ts";
import { amountsOf, claimProblems, limitProblems } from "./limit-constraints.ts";

const annotation = "kubernetes.io/limit-ranger";

export function limitRanger(reader: ObjectReader): AdmissionPlugin {
  const limitRanges = ({ namespace }: AdmissionAttributes): readonly LimitRange[] =>
    reader.list("", "limitranges", namespace) as readonly LimitRange[];
  return {
    name: "LimitRanger",
    handles(attributes) {
      if (attributes.oldObject?.metadata.deletionTimestamp) return false;
      return (
        isRequest(attributes, "pods", "CREATE") ||
        isRequest(attributes, "pods/resize", "UPDATE") ||
        isRequest(attributes, "persistentvolumeclaims", "CREATE", "UPDATE")
      );
    },
    async mutate(attributes) {
      if (attributes.resource.resource !== "pods") return;
      const notes = limitRanges(attributes).flatMap((range) => applyDefaults(attributes.object as Pod, range));
      if (notes.length === 0) return;
      const { metadata } = attributes.object as Pod;
      metadata.annotations = { ...metadata.annotations, [annotation]: `LimitRanger plugin set: ${notes.join("; ")}` };
    },
    async validate(attributes) {
      for (const range of limitRanges(attributes)) {
        const problems = problemsUnder(range, attributes);
        if (problems.length > 0) throw refuse(attributes, joinProblems(problems));
      }
    },
  };
}

/** Fills in what containers leave open; returns what was done, for the annotation. */
export function applyDefaults(pod: Pod, range: LimitRange): readonly string[] {
  const items = range.spec?.limits.filter((item) => item.type === "Container") ?? [];
  const requests = Object.assign({}, ...items.map((item) => item.defaultRequest)) as Record<string, string>;
  const limits = Object.assign({}, ...items.map((item) => item.default)) as Record<string, string>;
  return [
    ...(pod.spec.containers ?? []).flatMap((container) => fillIn(container, "container", requests, limits)),
    ...(pod.spec.initContainers ?? []).flatMap((container) => fillIn(container, "init container", requests, limits)),
  ];
}

function fillIn(
  container: Container,
  kind: string,
  requests: Readonly<Record<string, string>>,
  limits: Readonly<Record<string, string>>,
): readonly string[] {
  const notes: string[] = [];
  const add = (field: "requests" | "limits", word: string, defaults: Readonly<Record<string, string>>): void => {
    const present = container.resources?.[field] ?? {};
    const missing = Object.keys(defaults).filter((name) => !Object.hasOwn(present, name));
    if (missing.length === 0) return;
    container.resources = { ...container.resources, [field]: { ...defaults, ...present } };
    notes.push(`${missing.sort().join(", ")} ${word} for ${kind} ${container.name}`);
  };
  add("requests", "request", requests);
  add("limits", "limit", limits);
  return notes;
}

function problemsUnder(range: LimitRange, attributes: AdmissionAttributes): readonly string[] {
  const items = range.spec?.limits ?? [];
  if (attributes.resource.resource === "persistentvolumeclaims") {
    const claim = attributes.object as PersistentVolumeClaim;
    const requests = amountsOf(claim.spec?.resources?.requests);
    const ofClaims = items.filter((item) => item.type === "PersistentVolumeClaim");
    return ofClaims.flatMap((item) => claimProblems(item, requests));
  }
  const pod = attributes.object as Pod;
  const containers = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])];
  return items.flatMap((item) => {
    if (item.type === "Pod") {
      const options = { excludeOverhead: true };
      return limitProblems(item, podRequests(pod, options), podLimits(pod, options));
    }
    if (item.type !== "Container") return [];
    return containers.flatMap(({ resources }) =>
      limitProblems(item, amountsOf(resources?.requests), amountsOf(resources?.limits)),
    );
  });
}
