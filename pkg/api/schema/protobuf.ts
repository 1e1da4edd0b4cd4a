/**
 * The content type application/vnd.kubernetes.protobuf: an envelope of four bytes and a message that says which kind it
 * holds, around the message of that kind.
 *
 *     "k8s\0"  Unknown{ typeMeta=1 { apiVersion=1, kind=2 }, raw=2, contentEncoding=3, contentType=4 }
 */
import { type GroupVersionKind, parseApiVersion } from "../meta/object.ts";
import { DecodeError } from "./decode-error.ts";
import { decodeMessage } from "./protobuf-decode.ts";
import { encodeMessage } from "./protobuf-encode.ts";
import { typeInfo, typeOf } from "./schema.ts";
import type { Struct } from "./type-plan.ts";
import { WireReader, wireType } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

export const protobufContentType = "application/vnd.kubernetes.protobuf";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const noBytes: Uint8Array = new Uint8Array();
const magic = Buffer.from("k8s\0", "latin1");

export interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  /** The message, a view into the bytes given. */
  readonly raw: Uint8Array;
  readonly contentEncoding: string;
  readonly contentType: string;
}

export function isEnvelope(bytes: Uint8Array): boolean {
  return bytes.length >= magic.length && magic.every((byte, index) => bytes[index] === byte);
}

/** Throws DecodeError when the bytes are no envelope. */
export function openEnvelope(bytes: Uint8Array): Envelope {
  if (!isEnvelope(bytes)) {
    throw new DecodeError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  }
  const reader = new WireReader(bytes, magic.length);
  const found: Mutable<Envelope> = { apiVersion: "", kind: "", raw: noBytes, contentEncoding: "", contentType: "" };
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === tagOf(1)) Object.assign(found, readTypeMeta(reader));
    else if (tag === tagOf(2)) found.raw = reader.bytes();
    else if (tag === tagOf(3)) found.contentEncoding = reader.string();
    else if (tag === tagOf(4)) found.contentType = reader.string();
    else reader.skip(tag);
  }
  return found;
}

/** An object in an envelope, brought to the normal form of its type. Throws DecodeError, also for kinds we do not know. */
export function decodeProtobuf(bytes: Uint8Array): Struct {
  const { apiVersion, kind, raw } = openEnvelope(bytes);
  const typeName = typeOf({ ...parseApiVersion(apiVersion), kind });
  if (!typeName)
    throw new DecodeError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  return decodeRaw(typeName, { apiVersion, kind }, raw);
}

/** The object of an opened envelope as a type the caller chose: for bodies that do not say what they are. */
export function decodeEnvelope(typeName: string, envelope: Envelope): Struct {
  return decodeRaw(typeName, envelope, envelope.raw);
}

/** Expects an object in normal form which says its kind, or `gvk`. Throws TypeError when it is none of ours. */
export function encodeProtobuf(object: Struct, gvk?: GroupVersionKind): Buffer {
  const apiVersion = gvk
    ? gvk.group
      ? `${gvk.group}/${gvk.version}`
      : gvk.version
    : String(object["apiVersion"] ?? "");
  const kind = gvk ? gvk.kind : String(object["kind"] ?? "");
  const typeName = typeOf({ ...parseApiVersion(apiVersion), kind });
  if (!typeName) throw new TypeError(`cannot write ${apiVersion} ${kind} as protobuf: the schema has no such kind`);
  return sealEnvelope(apiVersion, kind, encodeMessage(typeName, object));
}

/** Puts a message into an envelope. */
export function sealEnvelope(apiVersion: string, kind: string, raw: Uint8Array): Buffer {
  const writer = new WireWriter();
  for (const number of [4, 3]) {
    writer.string("");
    writer.byte(tagOf(number));
  }
  writer.bytes(raw);
  writer.byte(tagOf(2));
  const before = writer.length;
  writer.string(kind);
  writer.byte(tagOf(2));
  writer.string(apiVersion);
  writer.byte(tagOf(1));
  writer.uint32(writer.length - before);
  writer.byte(tagOf(1));
  return Buffer.concat([magic, writer.finish()]);
}

/**
 * One frame of a watch answered in protobuf: four bytes of length, then a bare WatchEvent message with the object in an
 * envelope. `sealed` is what encodeProtobuf gave for the object.
 */
export function encodeWatchFrame(type: string, sealed: Uint8Array): Buffer {
  const writer = new WireWriter();
  writer.bytes(sealed);
  writer.byte(tagOf(1));
  writer.uint32(writer.length);
  writer.byte(tagOf(2));
  writer.string(type);
  writer.byte(tagOf(1));
  const event = writer.finish();
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}

function decodeRaw(typeName: string, typeMeta: { apiVersion: string; kind: string }, raw: Uint8Array): Struct {
  const object = decodeMessage(typeName, raw, decodeProtobuf);
  if (!typeInfo(typeName).isKind) return object;
  const { apiVersion, kind } = typeMeta;
  return { ...(kind ? { kind } : {}), ...(apiVersion ? { apiVersion } : {}), ...object };
}

function readTypeMeta(reader: WireReader): { apiVersion: string; kind: string } {
  const found = { apiVersion: "", kind: "" };
  const outer = reader.enter();
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === tagOf(1)) found.apiVersion = reader.string();
    else if (tag === tagOf(2)) found.kind = reader.string();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return found;
}

function tagOf(number: number): number {
  return (number << 3) | wireType.bytes;
}
