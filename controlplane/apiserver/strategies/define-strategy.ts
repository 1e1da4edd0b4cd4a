/**
 * Makes the strategy of one kind out of what is special about it: defaults come from the type, validation functions gather
 * their findings, and an update is judged like a creation unless the kind says otherwise.
 */
import { type FieldError, FieldPath } from "#pkg/api/field.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { Strategy, StrategyContext, UpdateStrategy } from "../registry/strategy.ts";
import { applyTypeDefaults } from "./apply-type-defaults.ts";
import { FieldErrors } from "./validation/field-errors.ts";

export interface UpdateRules<T> {
  prepareForUpdate?(next: T, current: T, context: StrategyContext): void;
  validateUpdate?(next: T, current: T): FieldErrors;
  readonly keepsGeneration?: boolean | undefined;
}

type Redefined = keyof UpdateRules<never> | "validate" | "subresources" | "applyDefaults";

export interface KindRules<T extends KubeObject> extends Omit<Strategy<T>, Redefined>, UpdateRules<T> {
  validate?(object: T): FieldErrors;
  readonly subresources?: Readonly<Record<string, UpdateRules<T>>>;
}

/** `typeName` is of the schema table, such as "core/v1.Pod". */
export function defineStrategy<T extends KubeObject>(typeName: string, rules: KindRules<T> = {}): Strategy<T> {
  const { validate, validateUpdate, subresources, ...others } = rules;
  const judge = validate ?? ((_object: T): FieldErrors => new FieldErrors());
  const judgeUpdate = validateUpdate ?? ((next: T): FieldErrors => judge(next));
  return {
    ...others,
    applyDefaults: (object) => applyTypeDefaults(typeName, object),
    validate: (object) => [...finalizerErrors(object), ...judge(object).list],
    validateUpdate: (next, current) => [...finalizerErrors(next), ...judgeUpdate(next, current).list],
    ...(subresources ? { subresources: mapValues(subresources, asUpdateStrategy) } : {}),
  };
}

function asUpdateStrategy<T extends KubeObject>(rules: UpdateRules<T>): UpdateStrategy<T> {
  const { prepareForUpdate, validateUpdate, keepsGeneration } = rules;
  return {
    keepsGeneration,
    ...(prepareForUpdate ? { prepareForUpdate } : {}),
    ...(validateUpdate ? { validateUpdate: (next: T, current: T) => validateUpdate(next, current).list } : {}),
  };
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

const standardFinalizers = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

export function isStandardFinalizer(name: string): boolean {
  return standardFinalizers.has(name);
}

/** Finalizers without a domain are Kubernetes' own. */
function finalizerErrors(object: KubeObject): readonly FieldError[] {
  const { finalizers } = object.metadata;
  if (!finalizers?.length) return [];
  const errors = new FieldErrors();
  for (const [index, name] of finalizers.entries()) {
    if (name.includes("/") || isStandardFinalizer(name)) continue;
    const path = new FieldPath("metadata", "finalizers").index(index);
    errors.invalid(path, name, "name is neither a standard finalizer name nor is it fully qualified");
  }
  return errors.list;
}

/** For subresources through which nothing of the metadata may change but who manages it. */
export function keepMetadata(next: KubeObject, current: KubeObject): void {
  for (const field of ["labels", "annotations", "finalizers", "ownerReferences"] as const) {
    const value = current.metadata[field];
    if (value === undefined) delete next.metadata[field];
    else Object.assign(next.metadata, { [field]: value });
  }
}
