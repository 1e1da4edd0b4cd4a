/**
 * The stored form of an object: JSON without metadata.resourceVersion, which is the revision of the write itself.
 * Values that another API server wrote may be in other encodings; `decode` of the codec handles those it knows.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { StoredEntry } from "./stored-entry.ts";

export interface ObjectCodec {
  encode(object: KubeObject): Uint8Array;
  /** The object with `resourceVersion`. Throws "Corrupt". */
  decode(value: Uint8Array, revision: number): KubeObject;
}

export const jsonCodec: ObjectCodec = {
  encode(object) {
    const metadata = { ...object.metadata };
    delete metadata.resourceVersion;
    return Buffer.from(JSON.stringify({ ...object, metadata }), "utf8");
  },
  decode(value, revision) {
    const object = parseObject(value);
    object.metadata.resourceVersion = String(revision);
    return object;
  },
};

/** An entry that is decoded when it is first looked at. Throws "Corrupt" at once when the value cannot be an object. */
export function storedEntry(codec: ObjectCodec, value: Uint8Array, revision: number): StoredEntry {
  return new StoredEntry(codec.decode(value, revision), revision);
}

function parseObject(value: Uint8Array): KubeObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8"));
  } catch (cause) {
    throw new BerthError("Corrupt", "the stored value is not JSON", { cause });
  }
  const metadata = (parsed as { metadata?: unknown } | null)?.metadata;
  if (typeof metadata !== "object" || metadata === null) {
    throw new BerthError("Corrupt", "the stored value is not an API object: it has no metadata");
  }
  return parsed as KubeObject;
}
