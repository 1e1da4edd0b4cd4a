/**
 * Brings a stored field set up to date with a type that became atomic since: who owned something inside now owns the whole.
 * Source of the semantics: structured-merge-diff typed.ReconcileFieldSetWithSchema.
 */
import type { StructSchema, ValueSchema } from "../patch/value-schema.ts";
import type { FieldNode } from "./field-set.ts";
import { FieldSet } from "./field-set.ts";
import { childSchema, listView, objectView } from "./typed-value.ts";

/** The same set when there is nothing to do. */
export function reconcileFieldSet(set: FieldSet, schema: StructSchema): FieldSet {
  const known = reconciled.get(set);
  if (known?.schema === schema) return known.result;
  const result = reconcileNodes(set, schema);
  reconciled.set(set, { schema, result });
  return result;
}

const reconciled = new WeakMap<FieldSet, { readonly schema: StructSchema; readonly result: FieldSet }>();

function reconcileNodes(set: FieldSet, schema: ValueSchema): FieldSet {
  let changed: FieldSet | undefined;
  for (const node of set.nodes()) {
    const inner = node.children ? schemaBelow(schema, node) : undefined;
    if (!node.children || !inner) continue;
    const isWhole = isAtomic(inner);
    const children = isWhole ? undefined : reconcileNodes(node.children, inner);
    if (children === node.children) continue;
    changed ??= copyOf(set);
    changed.put(node.element, node.isMember || isWhole, children);
  }
  return changed ?? set;
}

function schemaBelow(schema: ValueSchema, node: FieldNode): ValueSchema | undefined {
  if (schema.kind === "untyped") return undefined;
  if (node.element.type === "f") {
    const view = objectView(schema);
    if (!view) return undefined;
    return schema.kind === "struct" && !view.field(node.element.name) && !schema.additional
      ? undefined
      : childSchema(view, node.element.name);
  }
  return listView(schema)?.item;
}

function isAtomic(schema: ValueSchema): boolean {
  switch (schema.kind) {
    case "struct":
    case "map":
      return schema.atomic;
    case "list":
      return schema.relation === "atomic";
    case "scalar":
    case "untyped":
      return false;
  }
}

function copyOf(set: FieldSet): FieldSet {
  const copy = new FieldSet();
  for (const node of set.nodes()) copy.put(node.element, node.isMember, node.children);
  return copy;
}
