/** Changing what a running pod may use, through its resize subresource: cpu and memory, and nothing else. */
import type * as core from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { qosClass } from "#pkg/api/pod-resources.ts";
import { optionalTypeEqual, typeEqual } from "../type-equal.ts";
import { FieldErrors } from "./field-errors.ts";
import { validatePodAnew } from "./pod.ts";
import { mirrorAnnotation } from "./pod-annotations.ts";

const specPath = new FieldPath("spec");
const lists = ["initContainers", "containers"] as const;

type Amounts = Readonly<Record<string, string>>;

export function validatePodResize(next: core.Pod, current: core.Pod): FieldErrors {
  const refusal = refusedAltogether(current);
  if (refusal) return refusal;
  const errors = validatePodAnew(next);
  if ((current.status?.qosClass || qosClass(current)) !== qosClass(next)) {
    errors.invalid(specPath, next.status?.qosClass ?? "", "Pod QOS Class may not change as a result of resizing");
  }
  const running = current.status?.containerStatuses?.find((status) => status.state?.running);
  if (running && !running.resources) errors.forbidden(specPath, "Pod running on node without support for resize");
  const masked = { ...next.spec };
  maskPodLevel(masked, next, current, errors);
  if (!validateOrder(next, current, errors)) return errors;
  for (const list of lists) masked[list] = maskContainers(list, next, current, errors);
  if (errors.isEmpty && !typeEqual("core/v1.PodSpec", masked, current.spec)) {
    errors.forbidden(specPath, "only cpu and memory resources are mutable");
  }
  return errors;
}

function refusedAltogether(current: core.Pod): FieldErrors | undefined {
  const isMirror = current.metadata.annotations?.[mirrorAnnotation] !== undefined;
  if (!isMirror && current.spec.os?.name !== "windows") return undefined;
  const errors = new FieldErrors();
  errors.forbidden(new FieldPath("[]"), `${isMirror ? "static" : "windows"} pods cannot be resized`);
  return errors;
}

function maskPodLevel(masked: core.PodSpec, next: core.Pod, current: core.Pod, errors: FieldErrors): void {
  const { resources: after } = next.spec;
  const { resources: before } = current.spec;
  if (!after && !before) return;
  if (!after) {
    errors.forbidden(specPath.child("resources"), "pod-level resources cannot be removed");
    return;
  }
  for (const field of ["requests", "limits"] as const) {
    if (before && isRemoved(after[field], before[field])) {
      errors.forbidden(specPath.child("resources", field), `pod-level resource ${field} cannot be removed`);
    }
  }
  const kept = withComputeOf(after, before ?? {});
  const isEmpty = [kept.limits, kept.requests].every((list) => Object.keys(list ?? {}).length === 0);
  masked.resources = !before && isEmpty && !kept.claims?.length ? undefined : kept;
  if (!optionalTypeEqual("core/v1.ResourceRequirements", masked.resources, before)) {
    errors.forbidden(specPath, "only cpu and memory resources are mutable at pod-level");
  }
}

/** Containers keep their number, names and order: the rest of the check goes by position. */
function validateOrder(next: core.Pod, current: core.Pod, errors: FieldErrors): boolean {
  const before = errors.list.length;
  for (const list of ["containers", "initContainers"] as const) {
    const after = next.spec[list] ?? [];
    const old = current.spec[list] ?? [];
    const path = specPath.child(list);
    if (after.length !== old.length) errors.forbidden(path, `${list} may not be added or removed on resize`);
    else {
      for (const [index, { name }] of old.entries()) {
        if (after[index]?.name === name) continue;
        errors.forbidden(path.index(index).child("name"), `${list} may not be renamed or reordered on resize`);
      }
    }
  }
  return errors.list.length === before;
}

function maskContainers(
  list: (typeof lists)[number],
  next: core.Pod,
  current: core.Pod,
  errors: FieldErrors,
): core.Container[] {
  return (next.spec[list] ?? []).map((container, index) => {
    const old = current.spec[list]?.[index] ?? container;
    const path = specPath.child(list).index(index);
    for (const field of ["requests", "limits"] as const) {
      if (isRemoved(container.resources?.[field], old.resources?.[field])) {
        errors.forbidden(path.child("resources", field), `resource ${field} cannot be removed`);
      }
    }
    const { limits, requests } = withComputeOf(container.resources ?? {}, old.resources ?? {});
    const masked: core.Container = { ...container, resources: { limits, requests } };
    if (!typeEqual("core/v1.Container", masked, old)) {
      if (list === "containers") errors.forbidden(specPath, "only cpu and memory resources are mutable");
      else errors.forbidden(path, "only cpu and memory resources for init or sidecar containers are mutable");
    }
    return masked;
  });
}

function isRemoved(next: Amounts = {}, current: Amounts = {}): boolean {
  return Object.keys(current).some((name) => next[name] === undefined);
}

/** `next` with the cpu and memory of `current`. */
function withComputeOf(next: core.ResourceRequirements, current: core.ResourceRequirements): core.ResourceRequirements {
  const merge = (after: Amounts = {}, before: Amounts = {}): Record<string, string> => {
    const { cpu: _cpu, memory: _memory, ...others } = after;
    const { cpu, memory } = before;
    return { ...others, ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) };
  };
  return { ...next, limits: merge(next.limits, current.limits), requests: merge(next.requests, current.requests) };
}
