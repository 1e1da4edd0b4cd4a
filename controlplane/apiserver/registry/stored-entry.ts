/**
 * One object as the watch cache holds it: immutable, with its revision, and with its encodings remembered for a while, so
 * that 500 watchers and a list cost one encoding per content type.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { EncodingCache } from "./encoding-cache.ts";

export class StoredEntry {
  readonly revision: number;
  #object: KubeObject | undefined;
  #decode: (() => KubeObject) | undefined;

  constructor(object: KubeObject, revision: number) {
    this.#object = object;
    this.revision = revision;
  }

  /** An entry whose object is made by `decode`, at most once. `decode` sets metadata.resourceVersion and must not throw. */
  static lazy(decode: () => KubeObject, revision: number): StoredEntry {
    const entry = new StoredEntry(undefined as unknown as KubeObject, revision);
    entry.#decode = decode;
    return entry;
  }

  /** Includes metadata.resourceVersion. Never changed after construction; copy before writing. */
  get object(): KubeObject {
    if (this.#object === undefined && this.#decode) {
      this.#object = this.#decode();
      this.#decode = undefined;
    }
    return this.#object as KubeObject;
  }

  /** The bytes for `form` (for example "json", "protobuf", "json ADDED"), made again only when long unused. */
  encoding(form: string, make: (object: KubeObject) => Uint8Array): Uint8Array {
    return encodings.get(this, form, () => make(this.object));
  }
}

/** One for the process: what is remembered here can be made again at any time. */
const encodings = new EncodingCache<StoredEntry>();
