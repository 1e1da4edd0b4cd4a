/**
 * JSON as the server writes it: kind and apiVersion first, a newline at the end. Single objects are encoded once and kept
 * with their entry; lists and watch events are put together from those bytes.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { ResponseBody } from "../../http/api-request.ts";
import { joinBody } from "../../http/chunked-body.ts";

export const newline = Buffer.from("\n");

export interface ApiVersionKind {
  readonly apiVersion: string;
  readonly kind: string;
}

export function encodeJson(value: object, pretty = false): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, pretty ? 2 : 0)}\n`);
}

/** The object with its kind in front, so that the bytes of every object of the kind begin alike. */
export function encodeJsonObject(object: KubeObject, { apiVersion, kind }: ApiVersionKind): Buffer {
  return Buffer.from(`${JSON.stringify(Object.assign({ kind, apiVersion }, object, { kind, apiVersion }))}\n`);
}

/** What encodeJsonObject begins with. */
export function jsonPrefix({ apiVersion, kind }: ApiVersionKind): Buffer {
  return Buffer.from(`{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},`);
}

const comma = Buffer.from(",");
const brace = Buffer.from("{");
const listEnd = Buffer.from("]}\n");

/**
 * `{"kind":..,"apiVersion":..,"metadata":..,"items":[..]}` out of encoded objects. Items of a typed list do not repeat
 * their kind, so `skip` (the length of jsonPrefix) bytes are left out of each.
 */
export function concatJsonList(head: object, items: readonly Uint8Array[], skip: number): ResponseBody {
  const start = Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`);
  const opening = skip > 0 ? 1 : 0;
  const lengths = items.reduce((sum, item) => sum + item.length - skip - 1 + opening, 0);
  const commas = Math.max(items.length - 1, 0);
  function* pieces(): Iterable<Uint8Array> {
    yield start;
    let first = true;
    for (const item of items) {
      if (!first) yield comma;
      first = false;
      if (opening) yield brace;
      yield item.subarray(skip, item.length - 1);
    }
    yield listEnd;
  }
  return joinBody(pieces, start.length + lengths + commas + listEnd.length);
}

const eventEnd = Buffer.from("}\n");
const eventStarts = new Map<string, Buffer>();

/** One line of a watch: `{"type":"ADDED","object":{...}}`. */
export function jsonEvent(type: string, encoded: Uint8Array): Buffer {
  let start = eventStarts.get(type);
  if (!start) {
    start = Buffer.from(`{"type":${JSON.stringify(type)},"object":`);
    eventStarts.set(type, start);
  }
  return Buffer.concat([start, encoded.subarray(0, encoded.length - 1), eventEnd]);
}
