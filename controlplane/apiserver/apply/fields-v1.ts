/**
 * Field sets on the wire: the FieldsV1 object of a managedFields entry. Objects made or read here are never changed.
 * The sets used last are kept, because objects are updated several times in a row; only so many, because there is one per
 * manager of every object in the cluster.
 */
import type { JsonObject } from "../patch/value-schema.ts";
import { isJsonObject } from "../patch/value-schema.ts";
import { FieldSet } from "./field-set.ts";
import { parsePathElement } from "./path-element.ts";

/** Paths and their parents in all kept sets together: some 5 MB. */
const maxKeptNodes = 40_000;

interface KeptSet {
  readonly set: FieldSet;
  readonly nodes: number;
}

/** Sets by the object they were read from or written to, the one used last at the end. */
class RecentSets {
  readonly #kept = new Map<JsonObject, KeptSet>();
  #nodes = 0;

  get(fields: JsonObject): FieldSet | undefined {
    const kept = this.#kept.get(fields);
    if (!kept) return undefined;
    this.#kept.delete(fields);
    this.#kept.set(fields, kept);
    return kept.set;
  }

  keep(fields: JsonObject, kept: KeptSet): void {
    this.#nodes += kept.nodes;
    this.#kept.set(fields, kept);
    for (const [oldest, { nodes }] of this.#kept) {
      if (this.#nodes <= maxKeptNodes) return;
      this.#kept.delete(oldest);
      this.#nodes -= nodes;
    }
  }
}

const recent = new RecentSets();
/** Not the objects that sets were read from: a client's order and unknown elements are not passed on. */
const fieldsOfSet = new WeakMap<FieldSet, JsonObject>();

/** In FieldsV1 order, so that equal sets give equal bytes. */
export function formatFieldSet(set: FieldSet): JsonObject {
  let fields = fieldsOfSet.get(set);
  if (!fields) {
    fields = {};
    const nodes = 1 + writeSet(set, fields);
    fieldsOfSet.set(set, fields);
    recent.keep(fields, { set, nodes });
  }
  return fields;
}

/** Returns the number of paths and their parents. */
function writeSet(set: FieldSet, into: JsonObject): number {
  let count = 0;
  for (const node of set.sortedNodes()) {
    const inner: JsonObject = {};
    into[node.element.text] = inner;
    count++;
    if (!node.children) continue;
    if (node.isMember) inner["."] = {};
    count += writeSet(node.children, inner);
  }
  return count;
}

/** Throws for what is not FieldsV1. Elements of unknown types are left out. */
export function parseFieldSet(fields: unknown): FieldSet {
  if (fields === undefined || fields === null) return FieldSet.empty;
  if (!isJsonObject(fields)) throw new Error("fieldsV1 is not an object");
  const known = recent.get(fields);
  if (known) return known;
  const set = new FieldSet();
  const nodes = 1 + readInto(set, fields);
  recent.keep(fields, { set, nodes });
  return set;
}

/** Returns the number of paths and their parents. */
function readInto(set: FieldSet, fields: JsonObject): number {
  let count = 0;
  for (const key of Object.keys(fields)) {
    if (key === ".") continue;
    const element = parsePathElement(key);
    if (!element) continue;
    const inner = fields[key];
    if (!isJsonObject(inner)) throw new Error(`fieldsV1: ${key} is not an object`);
    const children = new FieldSet();
    count += 1 + readInto(children, inner);
    set.put(element, Object.hasOwn(inner, ".") || children.isEmpty, children);
  }
  return count;
}
