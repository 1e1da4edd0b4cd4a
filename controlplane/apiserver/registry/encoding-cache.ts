/**
 * Encodings of objects, remembered within a budget of bytes: two generations, of which the older is dropped when the
 * younger is full; what is used again moves to the younger. So a burst of watch events is encoded once for all watchers,
 * and a large cluster does not keep every object in memory twice.
 */

/** Bytes of one generation; at most two of them are held. */
const generationBytes = 32 * 1024 * 1024;

type Encodings = Map<string, Uint8Array>;

export class EncodingCache<T extends object> {
  readonly #budget: number;
  #young = new Map<T, Encodings>();
  #old = new Map<T, Encodings>();
  #youngBytes = 0;

  constructor(budget = generationBytes) {
    this.#budget = budget;
  }

  /** The bytes of `form` for `owner`, made by `make` when they are not remembered. */
  get(owner: T, form: string, make: () => Uint8Array): Uint8Array {
    const young = this.#young.get(owner)?.get(form);
    if (young) return young;
    const bytes = this.#old.get(owner)?.get(form) ?? make();
    this.#remember(owner, form, bytes);
    return bytes;
  }

  #remember(owner: T, form: string, bytes: Uint8Array): void {
    if (this.#youngBytes + bytes.length > this.#budget) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    let encodings = this.#young.get(owner);
    if (!encodings) {
      encodings = new Map();
      this.#young.set(owner, encodings);
    }
    encodings.set(form, bytes);
    this.#youngBytes += bytes.length;
  }
}
