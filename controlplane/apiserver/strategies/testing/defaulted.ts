import { expect } from "vitest";
import { applyTypeDefaults } from "../apply-type-defaults.ts";

/** The defaults of one object, and that applying them again changes nothing. */
export function defaulted(typeName: string, object: Record<string, unknown>): Record<string, unknown> {
  const first = structuredClone(object);
  applyTypeDefaults(typeName, first);
  const second = structuredClone(first);
  applyTypeDefaults(typeName, second);
  expect(second).toEqual(first);
  return first;
}
