/**
 * JSON patch (RFC 6902) on API objects. The library does the operations; around it stand the limits of upstream's API
 * server and a walk of every pointer over own properties only, so that no pointer reaches a prototype.
 */

import type { Operation } from "rfc6902";
import { applyPatch } from "rfc6902";
import { equalJson } from "../registry/equal-json.ts";
import { parsePatchDocument } from "./patch-document.ts";
import { badPatch, tooManyOperations, unprocessablePatch } from "./patch-errors.ts";
import type { JsonObject } from "./value-schema.ts";
import { cloneJson, isJsonObject, ownValue } from "./value-schema.ts";

export const maxJsonPatchOperations = 10_000;
/** Bytes of JSON that all copy operations of a patch may produce together. */
export const maxCopiedBytes = 3 * 1024 * 1024;
/** List items that all operations together may shift: a few ms of work, where 10,000 inserts into a long list take many s. */
export const maxShiftedItems = 10_000_000;

/**
 * The object after the patch; `current` is left alone. Throws StatusError: 400 for a malformed patch, 413 for too many
 * operations, 422 for an operation that cannot be done, a test that fails, or too much copying.
 */
export function applyJsonPatch<T extends object>(current: T, patch: Uint8Array): T {
  const operations = parseOperations(parsePatchDocument(patch));
  // Held in a box, so that an operation on the whole document ("") has a parent like any other.
  const box: JsonObject = { root: cloneJson(current) };
  let [copiedBytes, shiftedItems] = [0, 0];
  for (const [index, operation] of operations.entries()) {
    if (operation.op === "copy" || operation.op === "move") {
      const source = locate(box, operation.from, index);
      if (source.value === undefined) throw missing(operation, operation.from, index);
      const name = operation.from.slice(operation.from.lastIndexOf("/") + 1);
      if (evadedByLibrary.has(name))
        throw unprocessablePatch(`operation ${index}: cannot ${operation.op} from ${name}`);
      if (operation.op === "copy") copiedBytes += Buffer.byteLength(JSON.stringify(source.value));
      if (copiedBytes > maxCopiedBytes) {
        throw unprocessablePatch(
          `unable to complete the copy, the accumulated size increase of copy is ${copiedBytes}, exceeding the limit ${maxCopiedBytes}`,
        );
      }
    }
    shiftedItems += run(box, operation, index);
    if (shiftedItems > maxShiftedItems) {
      throw unprocessablePatch(`operation ${index}: the patch inserts into long lists too often`);
    }
  }
  if (!isJsonObject(box["root"])) throw unprocessablePatch("the patched document is not a JSON object");
  return box["root"] as T;
}

type PatchOperation =
  | { readonly op: "add" | "replace" | "test"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string }
  | { readonly op: "move" | "copy"; readonly path: string; readonly from: string };

function parseOperations(document: unknown): readonly PatchOperation[] {
  if (!Array.isArray(document)) throw badPatch("error decoding patch: a JSON patch is a list of operations");
  if (document.length > maxJsonPatchOperations) throw tooManyOperations(maxJsonPatchOperations, document.length);
  return document.map(parseOperation);
}

function parseOperation(item: unknown, index: number): PatchOperation {
  if (!isJsonObject(item)) throw badPatch(`error decoding patch: operation ${index} is not an object`);
  const { op, path, from } = item;
  if (typeof path !== "string") throw badPatch(`error decoding patch: operation ${index} has no path`);
  switch (op) {
    case "remove":
      return { op, path };
    case "add":
    case "replace":
    case "test":
      // Go's decoder does not tell a missing value from null, and clients rely on it.
      return { op, path, value: item["value"] ?? null };
    case "move":
    case "copy":
      if (typeof from !== "string") throw badPatch(`error decoding patch: operation ${index} has no from`);
      return { op, path, from };
    default:
      throw unprocessablePatch(`Unexpected kind: ${String(op)}`);
  }
}

/** Returns how many list items it may have shifted. */
function run(box: JsonObject, operation: PatchOperation, index: number): number {
  const target = locate(box, operation.path, index);
  switch (operation.op) {
    case "test":
      // The library's comparison builds a difference, at quadratic cost for lists.
      if (!equalJson(target.value ?? null, operation.value)) {
        throw unprocessablePatch(`testing value ${operation.path} failed`);
      }
      return 0;
    case "remove":
    case "replace":
      if (target.value === undefined) throw missing(operation, operation.path, index);
      break;
    case "add":
    case "move":
    case "copy":
      if (!target.canAdd) throw missing(operation, operation.path, index);
      break;
  }
  const inBox = { ...operation, path: `/root${operation.path}` };
  if ("from" in inBox) inBox.from = `/root${inBox.from}`;
  const [error] = applyPatch(box, [inBox as Operation]);
  if (error) throw unprocessablePatch(`operation ${index} (${operation.op} ${operation.path}): ${error.message}`);
  return target.listLength;
}

interface Location {
  /** Undefined: nothing there. */
  readonly value: unknown;
  /** Its parent is an object, or a list that this index fits into. */
  readonly canAdd: boolean;
  /** Of the parent, when it is a list. */
  readonly listLength: number;
}

/** Follows a JSON pointer over own properties. Throws for a pointer that is malformed or goes through a prototype. */
function locate(box: JsonObject, pointer: string, index: number): Location {
  if (pointer === "") return { value: box["root"], canAdd: true, listLength: 0 };
  if (!pointer.startsWith("/")) throw unprocessablePatch(`operation ${index}: ${pointer} is not a JSON pointer`);
  const tokens = pointer.slice(1).split("/").map(unescapeToken);
  let parent: unknown = box["root"];
  for (const [depth, token] of tokens.entries()) {
    const isLast = depth === tokens.length - 1;
    if (token === "__proto__" || (!isLast && evadedByLibrary.has(token))) {
      throw unprocessablePatch(`operation ${index}: ${pointer} goes through ${token}`);
    }
    const found = step(parent, token);
    if (isLast) return found;
    parent = found.value;
  }
  throw new Error("a pointer has at least one token");
}

/** The library stays where it is at these names, so that what follows would land on the wrong object. */
const evadedByLibrary: ReadonlySet<string> = new Set(["constructor", "prototype"]);

const listIndex = /^(0|[1-9][0-9]{0,9})$/;

function step(parent: unknown, token: string): Location {
  if (Array.isArray(parent)) {
    const listLength = parent.length;
    if (token === "-") return { value: undefined, canAdd: true, listLength: 0 };
    if (!listIndex.test(token)) return { value: undefined, canAdd: false, listLength };
    const position = Number(token);
    return { value: parent[position] as unknown, canAdd: position <= listLength, listLength };
  }
  const isObject = isJsonObject(parent);
  return { value: isObject ? ownValue(parent, token) : undefined, canAdd: isObject, listLength: 0 };
}

function unescapeToken(token: string): string {
  return token.replaceAll("~1", "/").replaceAll("~0", "~");
}

function missing(operation: PatchOperation, pointer: string, index: number): Error {
  return unprocessablePatch(`operation ${index} (${operation.op}): missing path: ${pointer}`);
}
