/**
 * Protobuf as the server writes it. Single objects are encoded once and kept with their entry in the envelope; lists and
 * watch events are put together from those bytes.
 */
import { formatApiVersion, type GroupVersionKind, type KubeObject } from "#pkg/api/meta/object.ts";
import { encodeProtobuf, openEnvelope, sealEnvelope } from "#pkg/api/schema/protobuf.ts";
import { encodeMessage } from "#pkg/api/schema/protobuf-encode.ts";
import type { StatusBody } from "#pkg/api/status.ts";
import type { ResponseBody } from "../../http/api-request.ts";
import { joinBody } from "../../http/chunked-body.ts";
import { type ListHead, listMeta } from "./object-form.ts";

const magic = Buffer.from("k8s\0", "latin1");

export function encodeProtobufObject(object: object, kind: GroupVersionKind): Buffer {
  // A Status says nothing of the kind asked for: it may stand in for any.
  const own = (object as KubeObject).kind === "Status" ? { group: "", version: "v1", kind: "Status" } : kind;
  return encodeProtobuf(object as Record<string, unknown>, own);
}

/** A metadata-only object; `version` is that of meta.k8s.io. */
export function encodeProtobufMetadata(object: KubeObject, version: string): Buffer {
  const message = encodeMessage("meta/v1.PartialObjectMetadata", { metadata: object.metadata });
  return sealEnvelope(formatApiVersion({ group: "meta.k8s.io", version }), "PartialObjectMetadata", message);
}

/** A list of sealed objects: `{metadata=1, items=2...}` in an envelope. */
export function concatProtobufList(
  kind: { readonly apiVersion: string; readonly kind: string },
  head: ListHead,
  sealed: readonly Uint8Array[],
): ResponseBody {
  const items = sealed.map((one) => openEnvelope(one).raw);
  const meta = encodeMessage("meta/v1.ListMeta", listMeta(head));
  const metaField = Buffer.concat([fieldHead(1, meta.length), meta]);
  const size = items.reduce((sum, item) => sum + item.length + fieldHead(2, item.length).length, metaField.length);
  const typeMeta = Buffer.concat([textField(1, kind.apiVersion), textField(2, kind.kind)]);
  const start = Buffer.concat([magic, fieldHead(1, typeMeta.length), typeMeta, fieldHead(2, size), metaField]);
  // contentEncoding and contentType, always there and empty.
  const end = Buffer.concat([textField(3, ""), textField(4, "")]);
  function* pieces(): Iterable<Uint8Array> {
    yield start;
    for (const item of items) {
      yield fieldHead(2, item.length);
      yield item;
    }
    yield end;
  }
  return joinBody(pieces, start.length - metaField.length + size + end.length);
}

export function encodeProtobufStatus(status: StatusBody): Buffer {
  return encodeProtobuf({ ...status }, { group: "", version: "v1", kind: "Status" });
}

/** Tag of a length-delimited field, and the length. */
function fieldHead(number: number, length: number): Buffer {
  const bytes = [(number << 3) | 2];
  let rest = length;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

function textField(number: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([fieldHead(number, bytes.length), bytes]);
}
