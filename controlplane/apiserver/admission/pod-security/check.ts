/** What a Pod Security check is, and what checks have in common when they look at containers and word their findings. */
import type { Container, EphemeralContainer, PodSpec } from "#pkg/api/core/v1.ts";
import type { ObjectMeta } from "#pkg/api/meta/v1.ts";

/** A pod, or the template of one. */
export interface PodLike {
  readonly metadata?: Pick<ObjectMeta, "annotations"> | undefined;
  readonly spec: PodSpec;
}

export interface Finding {
  /** e.g. "allowPrivilegeEscalation != false" */
  readonly reason: string;
  /** e.g. `container "c" must set securityContext.allowPrivilegeEscalation=false` */
  readonly detail: string;
}

/** Undefined: nothing found. */
export type CheckPod = (pod: PodLike) => Finding | undefined;

export interface Check {
  readonly id: string;
  readonly level: "baseline" | "restricted";
  /** By the minor of the first version they hold for, ascending. */
  readonly versions: readonly { readonly since: number; readonly check: CheckPod }[];
  /** Baseline checks that this one makes superfluous. */
  readonly overrides?: readonly string[];
}

export type AnyContainer = Container | EphemeralContainer;

export function containersOf({ spec }: PodLike): readonly AnyContainer[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
}

/** Names of the containers that are bad. */
export function namesWhere(pod: PodLike, isBad: (container: AnyContainer) => boolean): readonly string[] {
  return containersOf(pod)
    .filter(isBad)
    .map((container) => container.name);
}

export function quoteAll(items: readonly string[]): string {
  return items.map((item) => `"${item}"`).join(", ");
}

export function plural(word: string, items: readonly unknown[], many = `${word}s`): string {
  return items.length === 1 ? word : many;
}

/** `container "a"`, `containers "a", "b"`. */
export function nameContainers(names: readonly string[]): string {
  return `${plural("container", names)} ${quoteAll(names)}`;
}

/** `pod and containers "a", "b"`: who set a bad value. */
export function nameSetters(podIsBad: boolean, names: readonly string[]): string {
  return [...(podIsBad ? ["pod"] : []), ...(names.length > 0 ? [nameContainers(names)] : [])].join(" and ");
}

/** Sorted, each once. */
export function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort();
}

export function isWindows({ spec }: PodLike): boolean {
  return spec.os?.name === "windows";
}

/** In a user namespace root is nobody outside. */
export function hasOwnUsers({ spec }: PodLike): boolean {
  return spec.hostUsers === false;
}
