/**
 * One object as the watch cache holds it: immutable, with its revision, and with every encoding that was ever asked for
 * kept beside it, so that 500 watchers and a list cost one encoding per content type.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";

export class StoredEntry {
  /** Includes metadata.resourceVersion. Never changed after construction; copy before writing. */
  readonly object: KubeObject;
  readonly revision: number;
  readonly #encodings = new Map<string, Uint8Array>();

  constructor(object: KubeObject, revision: number) {
    this.object = object;
    this.revision = revision;
  }

  /** The bytes for `form` (for example "json", "protobuf", "watch-json:ADDED"), made at most once. */
  encoding(form: string, make: (object: KubeObject) => Uint8Array): Uint8Array {
    let bytes = this.#encodings.get(form);
    if (!bytes) {
      bytes = make(this.object);
      this.#encodings.set(form, bytes);
    }
    return bytes;
  }
}
