/**
 * The stored form of an object: JSON without metadata.resourceVersion, which is the revision of the write itself. Values
 * in the protobuf form that upstream's API server writes are read, too, and become JSON when they are next written, which
 * upstream in turn can read: a store may move either way.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { decodeProtobuf, isEnvelope } from "#pkg/api/schema/protobuf.ts";
import { BerthError, messageOf } from "#pkg/system/errors.ts";

/** The place for encryption at rest: values pass through here on their way to the store and back. */
export interface ObjectCodec {
  encode(object: KubeObject): Uint8Array;
  /** The object with `resourceVersion`. Throws "Corrupt". */
  decode(value: Uint8Array, revision: number): KubeObject;
}

export const storedCodec: ObjectCodec = {
  encode(object) {
    const metadata = { ...object.metadata };
    delete metadata.resourceVersion;
    return Buffer.from(JSON.stringify({ ...object, metadata }), "utf8");
  },
  decode(value, revision) {
    const object = parseValue(value);
    if (!hasMetadata(object)) {
      throw new BerthError("Corrupt", "the stored value is not an API object: it has no metadata");
    }
    object.metadata.resourceVersion = String(revision);
    return object;
  },
};

function parseValue(value: Uint8Array): unknown {
  try {
    if (isEnvelope(value)) return decodeProtobuf(value);
    return JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8"));
  } catch (cause) {
    throw new BerthError("Corrupt", `the stored value cannot be decoded: ${messageOf(cause)}`, { cause });
  }
}

function hasMetadata(value: unknown): value is KubeObject {
  const metadata = (value as { metadata?: unknown } | null)?.metadata;
  return typeof metadata === "object" && metadata !== null;
}
