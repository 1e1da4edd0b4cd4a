/** Lists and maps whose size is limited: when there is too much, nothing else is said about it. */
import type { FieldPath } from "#pkg/api/field.ts";
import type { FieldErrors } from "./field-errors.ts";

type Check<T> = (item: T, at: FieldPath) => void;

export function validateItems<T>(
  items: readonly T[] | undefined,
  most: number,
  at: FieldPath,
  errors: FieldErrors,
  check: Check<T>,
): void {
  const list = items ?? [];
  if (list.length > most) errors.tooMany(at, list.length, most);
  else for (const [index, item] of list.entries()) check(item, at.index(index));
}

/** Items are told apart by their keys. */
export function validateSet<T>(
  items: readonly T[] | undefined,
  most: number,
  at: FieldPath,
  errors: FieldErrors,
  keyOf: (item: T) => string,
  check: Check<T>,
): void {
  validateItems(items, most, at, errors, check);
  if ((items?.length ?? 0) > most) return;
  const seen = new Set<string>();
  for (const [index, item] of (items ?? []).entries()) {
    const key = keyOf(item);
    if (seen.has(key)) errors.duplicate(at.index(index), key);
    seen.add(key);
  }
}

export function validateEntries<T>(
  entries: Readonly<Record<string, T>> | undefined,
  most: number,
  at: FieldPath,
  errors: FieldErrors,
  checkKey: (key: string) => void,
  check: Check<T>,
): void {
  const all = Object.entries(entries ?? {});
  if (all.length > most) {
    errors.tooMany(at, all.length, most);
    return;
  }
  for (const [key, value] of all) {
    checkKey(key);
    check(value, at.key(key));
  }
}
