/** What the files of this folder are made of: a default per type of the schema table. */
export type TypeDefaulter = readonly [typeName: string, apply: (object: Record<string, unknown>) => void];

/** `T` is the TypeScript side of `typeName`; nobody checks that the two agree. */
export function forType<T>(typeName: string, apply: (object: T) => void): TypeDefaulter {
  return [typeName, (object) => apply(object as T)];
}

/** For fields in which zero is a value of its own: only absence is filled. */
export function setDefault<T, K extends keyof T>(object: T, key: K, value: NonNullable<T[K]>): void {
  object[key] ??= value;
}

/** For fields in which "" and 0 mean "not set". */
export function setIfZero<T, K extends keyof T>(object: T, key: K, value: NonNullable<T[K]>): void {
  if (!object[key]) object[key] = value;
}
