import type { Container, EphemeralContainer, PodSpec } from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";

export interface VisitedContainer {
  readonly container: Container | EphemeralContainer;
  readonly path: FieldPath;
}

/** Every container of a pod spec in upstream's order: init, regular, ephemeral. `at` is the path of the spec. */
export function* visitContainers(spec: PodSpec, at: FieldPath): Generator<VisitedContainer> {
  for (const list of ["initContainers", "containers", "ephemeralContainers"] as const) {
    const path = at.child(list);
    for (const [index, container] of (spec[list] ?? []).entries()) yield { container, path: path.index(index) };
  }
}
