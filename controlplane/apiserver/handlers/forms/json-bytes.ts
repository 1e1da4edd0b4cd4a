/**
 * JSON as the server writes it: kind and apiVersion first, a newline at the end. Single objects are encoded once and kept
 * with their entry; lists and watch events are put together from those bytes.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";

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

/** Chunks handed to the connection are at most about this large, so that a list of any size moves in steady pieces. */
const chunkBytes = 256 * 1024;

/** Joins many small pieces into few chunks. */
export class ChunkWriter {
  readonly chunks: Buffer[] = [];
  #pending: Uint8Array[] = [];
  #size = 0;

  add(piece: Uint8Array): void {
    this.#pending.push(piece);
    this.#size += piece.length;
    if (this.#size >= chunkBytes) this.#flush();
  }

  finish(): readonly Uint8Array[] {
    if (this.#size > 0) this.#flush();
    return this.chunks;
  }

  #flush(): void {
    this.chunks.push(Buffer.concat(this.#pending, this.#size));
    this.#pending = [];
    this.#size = 0;
  }
}

const comma = Buffer.from(",");
const brace = Buffer.from("{");
const listEnd = Buffer.from("]}\n");

/**
 * `{"kind":..,"apiVersion":..,"metadata":..,"items":[..]}` out of encoded objects. Items of a typed list do not repeat
 * their kind, so `skip` (the length of jsonPrefix) bytes are left out of each.
 */
export function concatJsonList(head: object, items: Iterable<Uint8Array>, skip: number): readonly Uint8Array[] {
  const writer = new ChunkWriter();
  writer.add(Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`));
  let first = true;
  for (const item of items) {
    if (!first) writer.add(comma);
    first = false;
    if (skip > 0) writer.add(brace);
    writer.add(item.subarray(skip, item.length - 1));
  }
  writer.add(listEnd);
  return writer.finish();
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
