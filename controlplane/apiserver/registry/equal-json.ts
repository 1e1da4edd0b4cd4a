/** Equality of JSON values: order of keys does not matter, and a field that is undefined is the same as none. */
export function equalJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length) return false;
    return left.every((item, index) => equalJson(item, right[index]));
  }
  if (Array.isArray(right)) return false;
  return equalRecords(left as Record<string, unknown>, right as Record<string, unknown>);
}

function equalRecords(left: Readonly<Record<string, unknown>>, right: Readonly<Record<string, unknown>>): boolean {
  for (const key of Object.keys(left)) {
    if (left[key] !== undefined && !Object.hasOwn(right, key)) return false;
    if (!equalJson(left[key], right[key])) return false;
  }
  for (const key of Object.keys(right)) {
    if (right[key] !== undefined && !Object.hasOwn(left, key)) return false;
  }
  return true;
}
