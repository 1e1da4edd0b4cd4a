import { expect } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { Strategy } from "../../registry/strategy.ts";

export const nowMs = Date.parse("2026-01-02T03:04:05Z");
export const context = { nowMs, user: { name: "u", groups: [] }, dryRun: false };

/** `path: type` of each fault, or with `withText` the whole message. */
export type Faults = readonly string[];

/** The object as the server has it before validation: defaulted, and prepared as a new one. */
export function created<T extends KubeObject>(strategy: Strategy<T>, object: unknown): T {
  const copy = structuredClone(object) as T;
  strategy.applyDefaults?.(copy);
  strategy.prepareForCreate?.(copy, context);
  strategy.prepareNamed?.(copy);
  return copy;
}

export function createFaults<T extends KubeObject>(strategy: Strategy<T>, object: unknown): Faults {
  return short(strategy.validate?.(created(strategy, object)) ?? []);
}

export function createMessages<T extends KubeObject>(strategy: Strategy<T>, object: unknown): readonly string[] {
  return (strategy.validate?.(created(strategy, object)) ?? []).map((error) => error.message);
}

/** The object as it would be stored after `change` was made to it through `subresource` ("" for the object itself). */
export function updated<T extends KubeObject>(
  strategy: Strategy<T>,
  current: T,
  change: (next: T) => void,
  subresource = "",
): T {
  const next = structuredClone(current);
  change(next);
  strategy.applyDefaults?.(next);
  const rules = subresource ? strategy.subresources?.[subresource] : strategy;
  const before = structuredClone(current);
  rules?.prepareForUpdate?.(next, current, context);
  expect(current).toEqual(before);
  return next;
}

export function updateMessages<T extends KubeObject>(
  strategy: Strategy<T>,
  current: T,
  change: (next: T) => void,
  subresource = "",
): readonly string[] {
  const next = updated(strategy, current, change, subresource);
  const rules = subresource ? strategy.subresources?.[subresource] : strategy;
  return (rules?.validateUpdate?.(next, current) ?? []).map((error) => error.message);
}

export function updateFaults<T extends KubeObject>(
  strategy: Strategy<T>,
  current: T,
  change: (next: T) => void,
  subresource = "",
): Faults {
  const next = updated(strategy, current, change, subresource);
  const rules = subresource ? strategy.subresources?.[subresource] : strategy;
  return short(rules?.validateUpdate?.(next, current) ?? []);
}

function short(errors: readonly { readonly field: string; readonly type: string }[]): Faults {
  return errors.map(({ field, type }) => `${field}: ${type.replace("FieldValue", "")}`);
}

/** A deep copy of `object` with the value at a dotted path replaced; undefined removes it. Numbers index lists. */
export function withValue<T>(object: T, path: string, value: unknown): T {
  const copy = structuredClone(object);
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let at = copy as Record<string, unknown>;
  for (const key of keys) {
    at[key] ??= {};
    at = at[key] as Record<string, unknown>;
  }
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}
