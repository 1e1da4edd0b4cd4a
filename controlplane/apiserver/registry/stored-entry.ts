/**
 * One object as the watch cache holds it: immutable, with its revision, and with every encoding that was ever asked for
 * kept beside it, so that 500 watchers and a list cost one encoding per content type. An entry read from the store is
 * decoded when somebody first looks at its object: a start over a large store parses only what is asked for.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";

export class StoredEntry {
  readonly revision: number;
  #object: KubeObject | undefined;
  #decode: (() => KubeObject) | undefined;
  #encodings: Map<string, Uint8Array> | undefined;

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

  /** The bytes for `form` (for example "json", "protobuf", "watch-json:ADDED"), made at most once. */
  encoding(form: string, make: (object: KubeObject) => Uint8Array): Uint8Array {
    this.#encodings ??= new Map();
    let bytes = this.#encodings.get(form);
    if (!bytes) {
      bytes = make(this.object);
      this.#encodings.set(form, bytes);
    }
    return bytes;
  }
}
