/** How items of set and map lists are told apart. */
import type { ListSchema } from "../patch/value-schema.ts";
import { isJsonObject, ownValue } from "../patch/value-schema.ts";
import type { KeyField, PathElement } from "./path-element.ts";
import { keyElement, valueElement } from "./path-element.ts";

/** The path element of an item of a list that is not atomic. Throws when the item cannot be one. */
export function itemElement(list: ListSchema, item: unknown): PathElement {
  return list.relation === "map" ? mapItemElement(list, item) : setItemElement(item);
}

function mapItemElement(list: ListSchema, item: unknown): PathElement {
  if (item === null) throw new Error("associative list with keys may not have a null element");
  if (!isJsonObject(item)) throw new Error("associative list with keys may not have non-map elements");
  const fields: KeyField[] = [];
  for (const key of list.keys) {
    // An item that leaves a key out is another item than one that has it.
    const value = ownValue(item, key) ?? keyDefault(list, key);
    if (value !== undefined) fields.push([key, value]);
  }
  if (fields.length === 0) {
    throw new Error(
      `associative list with keys has an element that omits all key fields ${quoted(list.keys)} (and doesn't have default values for any key fields)`,
    );
  }
  return keyElement(fields);
}

function keyDefault(list: ListSchema, key: string): unknown {
  return list.item.kind === "struct" ? list.item.field(key)?.keyDefault : undefined;
}

function quoted(keys: readonly string[]): string {
  return `[${keys.map((key) => JSON.stringify(key)).join(" ")}]`;
}

function setItemElement(item: unknown): PathElement {
  if (item === null) throw new Error("associative list without keys has an element that's an explicit null");
  if (Array.isArray(item)) throw new Error("not supported: associative list with lists as elements");
  if (typeof item === "object") throw new Error("associative list without keys has an element that's a map type");
  return valueElement(item);
}

export interface IndexedItem {
  readonly element: PathElement;
  /** More than one: duplicates, which are owned as one. */
  readonly values: unknown[];
}

/** The items by their path elements, in order of first appearance. */
export function indexItems(list: ListSchema, items: readonly unknown[]): Map<string, IndexedItem> {
  const index = new Map<string, IndexedItem>();
  for (const item of items) {
    const element = itemElement(list, item);
    const existing = index.get(element.text);
    if (existing) existing.values.push(item);
    else index.set(element.text, { element, values: [item] });
  }
  return index;
}
