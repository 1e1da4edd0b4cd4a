/**
 * Keys of objects in the store: `<prefix>/<namespace>/<name>` or `<prefix>/<name>`, as latin1 text (see store/keys.ts).
 * The part after `<prefix>/` is the object's key within its resource.
 */

const nonAscii = /[^\0-\x7f]/;

/** UTF-8 bytes of `text` as latin1 text, so that texts compare as their bytes do. */
export function latin1Key(text: string): string {
  return nonAscii.test(text) ? Buffer.from(text, "utf8").toString("latin1") : text;
}

/** The key within the resource. `namespace` is "" for cluster-scoped resources. */
export function objectKey(namespace: string, name: string): string {
  return latin1Key(namespace ? `${namespace}/${name}` : name);
}

/** Bounds of the keys of one namespace; of all keys when `namespace` is "". `end` undefined: no bound. */
export function namespaceBounds(namespace: string): { readonly start: string; readonly end: string | undefined } {
  if (!namespace) return { start: "", end: undefined };
  const escaped = latin1Key(namespace);
  // "0" is the character after "/".
  return { start: `${escaped}/`, end: `${escaped}0` };
}
