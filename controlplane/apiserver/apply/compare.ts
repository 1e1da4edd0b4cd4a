/**
 * The difference of two objects of one type as sets of fields: `changed` holds what the second has and the first has not,
 * or has otherwise; `removed` what only the first has. Equal objects give two empty sets.
 * Two stored objects are compared as upstream compares its Go structs: a field that is always part of its struct counts as
 * present even when the JSON leaves it out, and an empty one that would be left out does not (see heldValue).
 * Source of the semantics: structured-merge-diff typed.Compare; added and modified are one set here, since nobody tells
 * them apart.
 */
import type { JsonObject, ListSchema, StructField, StructSchema, ValueSchema } from "../patch/value-schema.ts";
import { heldValue, isJsonObject, ownValue } from "../patch/value-schema.ts";
import { equalJson } from "../registry/equal-json.ts";
import { FieldSet } from "./field-set.ts";
import { formValue } from "./go-form.ts";
import { indexItems } from "./list-items.ts";
import type { PathElement } from "./path-element.ts";
import { fieldElement } from "./path-element.ts";
import type { ObjectView } from "./typed-value.ts";
import { isEmptyList, isEmptyObject, listView, noObject, objectView } from "./typed-value.ts";

export interface Comparison {
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

/** Compares stored objects; `left` undefined: it did not exist. Throws when an item of a list has no key. */
export function compareObjects(left: JsonObject | undefined, right: JsonObject, schema: StructSchema): Comparison {
  return compareRoots(left ?? noObject, right, schema, heldValue);
}

/** Compares JSON as it stands: what is said is there, null included, and nothing else is. Throws as compareObjects does. */
export function comparePlain(left: JsonObject, right: JsonObject, schema: StructSchema): Comparison {
  return compareRoots(left, right, schema, saidValue);
}

/** What a declared field holds, given what the JSON has for it. */
type Reading = (field: StructField, value: unknown) => unknown;

const saidValue: Reading = (_, value) => value;

function compareRoots(left: JsonObject, right: JsonObject, schema: StructSchema, reading: Reading): Comparison {
  const root = new Place(undefined, undefined, reading);
  compareChildren(left, right, objectView(schema)!, root);
  return { changed: root.changedSoFar ?? FieldSet.empty, removed: root.removedSoFar ?? FieldSet.empty };
}

/** Adds every path in a value that has no counterpart, itself included. */
function addAllPaths(set: FieldSet, element: PathElement, value: unknown, schema: ValueSchema, reading: Reading): void {
  const view = objectView(schema);
  const list = listView(schema);
  let inner: FieldSet | undefined;
  if (view && !view.atomic && isJsonObject(value)) inner = pathsInObject(value, view, reading);
  else if (list && list.relation !== "atomic" && Array.isArray(value)) inner = pathsInList(value, list, reading);
  set.put(element, true, inner);
}

function pathsInObject(object: JsonObject, view: ObjectView, reading: Reading): FieldSet {
  const inner = new FieldSet();
  for (const key of Object.keys(object)) {
    const field = view.field(key);
    const value = field ? reading(field, object[key]) : object[key];
    if (value !== undefined) addAllPaths(inner, fieldElement(key), value, field?.value ?? view.other, reading);
  }
  if (reading === saidValue) return inner;
  for (const field of view.always) {
    if (!Object.hasOwn(object, field.name)) {
      addAllPaths(inner, fieldElement(field.name), field.zero, field.value, reading);
    }
  }
  return inner;
}

function pathsInList(items: readonly unknown[], list: ListSchema, reading: Reading): FieldSet {
  const inner = new FieldSet();
  for (const { element, values } of indexItems(list, items).values()) {
    // Duplicates are owned as one, without what is in them.
    if (values.length > 1) inner.add(element);
    else addAllPaths(inner, element, values[0], list.item, reading);
  }
  return inner;
}

/** A container on the way down; its sets come into being with the first path below it. */
class Place {
  changedSoFar: FieldSet | undefined;
  removedSoFar: FieldSet | undefined;
  readonly #parent: Place | undefined;
  readonly #element: PathElement | undefined;
  readonly reading: Reading;

  constructor(parent: Place | undefined, element: PathElement | undefined, reading: Reading) {
    this.#parent = parent;
    this.#element = element;
    this.reading = reading;
  }

  at(element: PathElement): Place {
    return new Place(this, element, this.reading);
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
  if (left === undefined) addAllPaths(parent.changed, element, right, schema, parent.reading);
  else if (right === undefined) addAllPaths(parent.removed, element, left, schema, parent.reading);
  else if (!compareInside(left, right, schema, parent, element) && !equalLeaves(left, right, schema, parent.reading)) {
    parent.changed.add(element);
  }
}

/** Atomic structs are leaves, too, and may be equal without saying so. */
function equalLeaves(left: unknown, right: unknown, schema: ValueSchema, reading: Reading): boolean {
  if (equalJson(left, right)) return true;
  if (reading === saidValue || typeof left !== "object" || typeof right !== "object") return false;
  return equalJson(formValue(left, schema), formValue(right, schema));
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
    if (isEmptyObject(left) && isEmptyObject(right)) return false;
    const [leftObject, rightObject] = [asObject(left), asObject(right)];
    compareChildren(leftObject, rightObject, view, parent.at(element));
    // An untyped value that was a scalar or list and became an object, or the reverse, is also changed itself.
    return schema.kind !== "untyped" || (isObjectOrNull(left) && isObjectOrNull(right));
  }
  const list = listView(schema);
  if (!list || list.relation === "atomic" || (isEmptyList(left) && isEmptyList(right))) return false;
  if (!Array.isArray(left) && !Array.isArray(right)) return false;
  compareItems(asArray(left), asArray(right), list, parent.at(element));
  return true;
}

function compareChildren(left: JsonObject, right: JsonObject, view: ObjectView, place: Place): void {
  const { reading } = place;
  for (const key of Object.keys(right)) {
    const field = view.field(key);
    const leftValue = field ? reading(field, ownValue(left, key)) : ownValue(left, key);
    const rightValue = field ? reading(field, right[key]) : right[key];
    if (leftValue === rightValue) continue;
    compareValues(leftValue, rightValue, field?.value ?? view.other, place, fieldElement(key));
  }
  for (const key of Object.keys(left)) {
    if (Object.hasOwn(right, key)) continue;
    const field = view.field(key);
    const leftValue = field ? reading(field, left[key]) : left[key];
    const rightValue = field ? reading(field, undefined) : undefined;
    if (leftValue === rightValue) continue;
    compareValues(leftValue, rightValue, field?.value ?? view.other, place, fieldElement(key));
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
    const schema = { kind: "list", relation: "atomic", keys: [], item } as const;
    if (!equalLeaves(left, right, schema, place.reading)) place.changed.add(element);
  } else if (left.length > 1) {
    if (right.length > 0) addAllPaths(place.changed, element, right[0], item, place.reading);
    place.removed.add(element);
  } else {
    if (left.length > 0) addAllPaths(place.removed, element, left[0], item, place.reading);
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
