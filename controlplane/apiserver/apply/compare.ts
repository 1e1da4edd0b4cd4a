/**
 * The difference of two objects of one type as sets of fields: `changed` holds what the second has and the first has not,
 * or has otherwise; `removed` what only the first has. Equal objects give two empty sets.
 * Objects are compared as upstream compares its Go structs: a field that is always part of its struct counts as present
 * even when the JSON leaves it out (see StructField.zero).
 * Source of the semantics: structured-merge-diff typed.Compare; added and modified are one set here, since nobody tells
 * them apart.
 */
import type { JsonObject, ListSchema, StructSchema, ValueSchema } from "../patch/value-schema.ts";
import { equalJson, isJsonObject, ownValue } from "../patch/value-schema.ts";
import { FieldSet } from "./field-set.ts";
import { indexItems } from "./list-items.ts";
import type { PathElement } from "./path-element.ts";
import { fieldElement } from "./path-element.ts";
import type { ObjectView } from "./typed-value.ts";
import { isEmptyList, isEmptyObject, listView, noObject, objectView } from "./typed-value.ts";

export interface Comparison {
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

/** `left` undefined: the object did not exist. Throws when an item of a list has no key. */
export function compareObjects(left: JsonObject | undefined, right: JsonObject, schema: StructSchema): Comparison {
  const root = new Place(undefined, undefined);
  compareChildren(left ?? noObject, right, objectView(schema)!, root);
  return { changed: root.changedSoFar ?? FieldSet.empty, removed: root.removedSoFar ?? FieldSet.empty };
}

/** Every path in a value that has no counterpart, itself included. */
export function addAllPaths(set: FieldSet, element: PathElement, value: unknown, schema: ValueSchema): void {
  set.add(element);
  const view = objectView(schema);
  if (view && !view.atomic && isJsonObject(value)) {
    if (isEmptyObject(value) && view.always.length === 0) return;
    const inner = set.descend(element);
    for (const key of Object.keys(value)) {
      const field = view.field(key);
      const inside = field ? (value[key] ?? field.zero) : value[key];
      if (inside !== undefined) addAllPaths(inner, fieldElement(key), inside, field?.value ?? view.other);
    }
    for (const field of view.always) {
      if (!Object.hasOwn(value, field.name)) addAllPaths(inner, fieldElement(field.name), field.zero, field.value);
    }
    return;
  }
  const list = listView(schema);
  if (!list || list.relation === "atomic" || !Array.isArray(value) || value.length === 0) return;
  const inner = set.descend(element);
  for (const { element: item, values } of indexItems(list, value).values()) {
    // Duplicates are owned as one, without what is in them.
    if (values.length > 1) inner.add(item);
    else addAllPaths(inner, item, values[0], list.item);
  }
}

/** A container on the way down; its sets come into being with the first path below it. */
class Place {
  changedSoFar: FieldSet | undefined;
  removedSoFar: FieldSet | undefined;
  readonly #parent: Place | undefined;
  readonly #element: PathElement | undefined;

  constructor(parent: Place | undefined, element: PathElement | undefined) {
    this.#parent = parent;
    this.#element = element;
  }

  get changed(): FieldSet {
    this.changedSoFar ??= this.#parent ? this.#parent.changed.descend(this.#element!) : new FieldSet();
    return this.changedSoFar;
  }

  get removed(): FieldSet {
    this.removedSoFar ??= this.#parent ? this.#parent.removed.descend(this.#element!) : new FieldSet();
    return this.removedSoFar;
  }
}

/** The sides are not the same value, and at most one is undefined. */
function compareValues(left: unknown, right: unknown, schema: ValueSchema, parent: Place, element: PathElement): void {
  if (left === undefined) addAllPaths(parent.changed, element, right, schema);
  else if (right === undefined) addAllPaths(parent.removed, element, left, schema);
  else if (!compareInside(left, right, schema, parent, element) && !equalJson(left, right)) parent.changed.add(element);
}

/** Compares what is inside the values; false: they are leaves to each other. */
function compareInside(
  left: unknown,
  right: unknown,
  schema: ValueSchema,
  parent: Place,
  element: PathElement,
): boolean {
  const view = objectView(schema);
  if (view && !view.atomic && (isJsonObject(left) || isJsonObject(right))) {
    if (isEmptyObject(left) && isEmptyObject(right) && view.always.length === 0) return false;
    const [leftObject, rightObject] = [asObject(left), asObject(right)];
    compareChildren(leftObject, rightObject, view, new Place(parent, element));
    // An untyped value that was a scalar or list and became an object, or the reverse, is also changed itself.
    return schema.kind !== "untyped" || (isObjectOrNull(left) && isObjectOrNull(right));
  }
  const list = listView(schema);
  if (!list || list.relation === "atomic" || (isEmptyList(left) && isEmptyList(right))) return false;
  if (!Array.isArray(left) && !Array.isArray(right)) return false;
  compareItems(asArray(left), asArray(right), list, new Place(parent, element));
  return true;
}

function compareChildren(left: JsonObject, right: JsonObject, view: ObjectView, place: Place): void {
  for (const key of Object.keys(right)) {
    const field = view.field(key);
    const leftValue = field ? (ownValue(left, key) ?? field.zero) : ownValue(left, key);
    const rightValue = field ? (right[key] ?? field.zero) : right[key];
    if (leftValue === rightValue) continue;
    compareValues(leftValue, rightValue, field?.value ?? view.other, place, fieldElement(key));
  }
  for (const key of Object.keys(left)) {
    if (Object.hasOwn(right, key)) continue;
    const field = view.field(key);
    const leftValue = field ? (left[key] ?? field.zero) : left[key];
    if (leftValue === field?.zero) continue;
    compareValues(leftValue, field?.zero, field?.value ?? view.other, place, fieldElement(key));
  }
}

function compareItems(left: readonly unknown[], right: readonly unknown[], list: ListSchema, place: Place): void {
  const leftItems = indexItems(list, left);
  const rightItems = indexItems(list, right);
  for (const [text, { element, values: rightValues }] of rightItems) {
    compareDuplicates(leftItems.get(text)?.values ?? [], rightValues, list.item, place, element);
  }
  for (const [text, { element, values: leftValues }] of leftItems) {
    if (!rightItems.has(text)) compareDuplicates(leftValues, [], list.item, place, element);
  }
}

/** Items with one path element on each side; more than one on a side are duplicates, which compare as a whole. */
function compareDuplicates(
  left: readonly unknown[],
  right: readonly unknown[],
  item: ValueSchema,
  place: Place,
  element: PathElement,
): void {
  if (left.length < 2 && right.length < 2) compareValues(left[0], right[0], item, place, element);
  else if (left.length > 1 && right.length > 1) {
    if (!equalJson(left, right)) place.changed.add(element);
  } else if (left.length > 1) {
    if (right.length > 0) addAllPaths(place.changed, element, right[0], item);
    place.removed.add(element);
  } else {
    if (left.length > 0) addAllPaths(place.removed, element, left[0], item);
    place.changed.add(element);
  }
}

function asObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : noObject;
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObjectOrNull(value: unknown): boolean {
  return value === null || isJsonObject(value);
}
