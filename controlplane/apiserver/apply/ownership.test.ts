import { describe, expect, test } from "vitest";
import { structSchema } from "../patch/table-schema.ts";
import type { JsonObject, StructField, StructSchema, ValueSchema } from "../patch/value-schema.ts";
import { FieldSet } from "./field-set.ts";
import { formatFieldSet, parseFieldSet } from "./fields-v1.ts";
import { type ManagerEntry, type Managers, managerKey } from "./managed-fields.ts";
import { ensureNamedFields } from "./named-fields.ts";
import { applyConfiguration, reconcileManagers, takeOwnership, type VersionedType } from "./ownership.ts";
import { reconcileFieldSet } from "./reconcile-field-set.ts";

const number: ValueSchema = { kind: "scalar", scalar: "number" };

function struct(fields: Record<string, ValueSchema>, atomic = false): StructSchema {
  const made = new Map(
    Object.entries(fields).map(([name, value]): [string, StructField] => [
      name,
      { name, value, zero: undefined, omitsEmpty: false, patchStrategy: "", patchMergeKey: "", keyDefault: undefined },
    ]),
  );
  return { kind: "struct", name: "Thing", atomic, always: [], field: (name) => made.get(name) };
}

/** v1 calls the field `size`, v2 calls it `count`; both have `color`. */
const schemas: Record<string, StructSchema> = {
  v1: struct({ size: number, color: number }),
  v2: struct({ count: number, color: number }),
};

function convert(object: JsonObject, apiVersion: string): JsonObject | undefined {
  const { size, count, ...rest } = object;
  const amount = size ?? count;
  if (!Object.hasOwn(schemas, apiVersion)) return undefined;
  const name = apiVersion === "v1" ? "size" : "count";
  return { ...rest, apiVersion, ...(amount === undefined ? {} : { [name]: amount }) };
}

const v2: VersionedType = {
  apiVersion: "v2",
  schema: schemas["v2"]!,
  schemaIn: (apiVersion) => schemas[apiVersion],
  convert,
  writable: (set) => set,
};

const fields = (names: object) => parseFieldSet(names);
const entry = (
  manager: string,
  apiVersion: string,
  names: object,
  operation: "Apply" | "Update" = "Apply",
): ManagerEntry => ({
  manager,
  operation,
  apiVersion,
  subresource: "",
  time: undefined,
  set: fields(names),
});
const managersOf = (...entries: ManagerEntry[]): Managers => new Map(entries.map((one) => [managerKey(one), one]));
const owned = (managers: Managers) =>
  Object.fromEntries(
    [...managers.values()].map((one) => [`${one.manager} ${one.apiVersion}`, formatFieldSet(one.set)]),
  );
const selfOf = (manager: string) => {
  const identity = { manager, operation: "Apply", apiVersion: "v2", subresource: "", time: undefined } as const;
  return { ...identity, key: managerKey(identity) };
};

describe("managers that speak other versions", () => {
  const live = { apiVersion: "v2", count: 1, color: 1 };

  test("lose a field under the name that their version has for it", () => {
    const managers = managersOf(entry("old", "v1", { "f:size": {}, "f:color": {} }));
    const result = takeOwnership(v2, { before: live, after: { ...live, count: 2 } }, managers, undefined, true);
    expect("managers" in result && owned(result.managers)).toEqual({ "old v1": { "f:color": {} } });
  });

  test("conflict under that name, too", () => {
    const managers = managersOf(entry("old", "v1", { "f:size": {} }));
    const applied = { apiVersion: "v2", count: 2 };
    const result = applyConfiguration(v2, live, applied, managers, selfOf("new"), false);
    expect("conflicts" in result && result.conflicts.map((one) => one.path.map((step) => step.text))).toEqual([
      ["f:size"],
    ]);
  });

  test("keep what they own when an applier gives it up in another version", () => {
    const managers = managersOf(
      entry("new", "v2", { "f:count": {}, "f:color": {} }),
      entry("old", "v1", { "f:size": {} }, "Update"),
    );
    const result = applyConfiguration(v2, live, { apiVersion: "v2" }, managers, selfOf("new"), false);
    expect("object" in result && result.object).toEqual({ apiVersion: "v2", count: 1 });
  });

  test("an applier that moves to another version gives up what it applied in the old one", () => {
    const managers = managersOf(entry("new", "v1", { "f:size": {}, "f:color": {} }));
    const applied = { apiVersion: "v2", count: 1 };
    const result = applyConfiguration(v2, live, applied, managers, selfOf("new"), false);
    expect("object" in result && result.object).toEqual(applied);
    expect("managers" in result && owned(result.managers)).toEqual({ "new v2": { "f:apiVersion": {}, "f:count": {} } });
  });

  test("are forgotten when nobody serves their version", () => {
    const managers = managersOf(entry("gone", "v0", { "f:size": {} }), entry("old", "v1", { "f:color": {} }));
    expect(Object.keys(owned(reconcileManagers(v2, managers)))).toEqual(["old v1"]);
  });
});

describe("reconcileFieldSet", () => {
  const inner = struct({ a: number, b: number });
  const schema = struct({
    whole: { ...inner, atomic: true },
    parts: inner,
    list: { kind: "list", relation: "atomic", keys: [], item: number },
    free: { kind: "map", atomic: true, value: number },
  });

  test("who owned parts of what is now atomic owns the whole", () => {
    const set = fields({
      "f:whole": { "f:a": {} },
      "f:parts": { "f:a": {} },
      "f:list": { "v:1": {} },
      "f:free": { ".": {}, "f:x": {} },
    });
    expect(formatFieldSet(reconcileFieldSet(set, schema))).toEqual({
      "f:free": {},
      "f:list": {},
      "f:parts": { "f:a": {} },
      "f:whole": {},
    });
  });

  test("a set that fits is left as it is", () => {
    const set = fields({ "f:whole": {}, "f:parts": { ".": {}, "f:a": {} }, "f:unknown": { "f:x": {} } });
    expect(reconcileFieldSet(set, schema)).toBe(set);
  });
});

describe("ensureNamedFields", () => {
  test("adds declared fields on the way, not keys of maps and not items", () => {
    const set = fields({
      "f:metadata": { "f:labels": { "f:a": {} } },
      "f:spec": { "f:containers": { 'k:{"name":"a"}': { "f:image": {} } } },
    });
    expect(formatFieldSet(ensureNamedFields(set, structSchema("core/v1.Pod")))).toEqual({
      "f:metadata": { ".": {}, "f:labels": { ".": {}, "f:a": {} } },
      "f:spec": { ".": {}, "f:containers": { ".": {}, 'k:{"name":"a"}': { "f:image": {} } } },
    });
  });

  test("adds nothing to a set of plain leaves", () => {
    const set = fields({ "f:data": {} });
    expect(ensureNamedFields(set, structSchema("core/v1.ConfigMap")).equals(set)).toBe(true);
    expect(ensureNamedFields(FieldSet.empty, structSchema("core/v1.ConfigMap")).isEmpty).toBe(true);
  });
});
