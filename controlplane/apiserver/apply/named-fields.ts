/** The step between "owns something in spec" and "has a spec" that removal needs. */
import type { StructSchema, ValueSchema } from "../patch/value-schema.ts";
import { FieldSet } from "./field-set.ts";
import { childSchema, listView, objectView } from "./typed-value.ts";

/** The set together with every declared field on the way to its paths; keys of maps and list items are not added. */
export function ensureNamedFields(set: FieldSet, schema: StructSchema): FieldSet {
  return named(set, schema);
}

function named(set: FieldSet, schema: ValueSchema | undefined): FieldSet {
  const result = new FieldSet();
  const view = schema && objectView(schema);
  const item = schema && listView(schema)?.item;
  for (const node of set.nodes()) {
    const { element } = node;
    const isField = element.type === "f";
    const isDeclared = isField && node.children !== undefined && view?.field(element.name) !== undefined;
    const inner = isField ? view && childSchema(view, element.name) : item;
    result.put(element, node.isMember || isDeclared, node.children && named(node.children, inner));
  }
  return result;
}
