/**
 * A place in the schema, moved along with a walk over a JSON document: which keys an object there may have, and what lies
 * below each. Used to say which fields are unknown, where plain counting (normalize.ts) said that some are.
 */
import { isBuiltin } from "./field.ts";
import { fieldsOf } from "./schema.ts";

/** `value`: an object or list of free form. `opaque`: left to another decoder, so nothing below it is looked at. */
export type TypeCursor =
  | { readonly kind: "struct"; readonly typeName: string }
  | { readonly kind: "items"; readonly of: TypeCursor }
  | { readonly kind: "map"; readonly of: TypeCursor }
  | { readonly kind: "value" }
  | { readonly kind: "opaque" };

export const freeForm: TypeCursor = { kind: "value" };
const opaque: TypeCursor = { kind: "opaque" };

export function structCursor(typeName: string): TypeCursor {
  return { kind: "struct", typeName };
}

/** The place of a key of the object here; undefined when the type has no such field. */
export function underKey(cursor: TypeCursor, key: string): TypeCursor | undefined {
  switch (cursor.kind) {
    case "struct": {
      const field = fieldsOf(cursor.typeName).get(key);
      if (!field) return undefined;
      const item = isBuiltin(field.type) ? opaque : structCursor(field.type);
      return field.shape === "one" ? item : { kind: field.shape === "list" ? "items" : "map", of: item };
    }
    case "map":
      return cursor.of;
    case "items":
    case "value":
    case "opaque":
      return cursor;
  }
}

/** The place of the items of the list here. */
export function underIndex(cursor: TypeCursor): TypeCursor {
  return cursor.kind === "items" ? cursor.of : cursor;
}
