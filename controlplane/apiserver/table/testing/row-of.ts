/** For tests of tables: the cells of an object made five minutes before "now", 2026-01-02 12:00 UTC. */
import { gvkOfType } from "#pkg/api/schema/schema.ts";
import { type Cell, tableRow } from "../tables.ts";

export const testNowMs: number = Date.UTC(2026, 0, 2, 12);

/** `typeName` as in the schema table, such as `core/v1.Pod`; the object is named "x". */
export function rowOf(typeName: string, object: object, metadata: object = {}): readonly Cell[] {
  const gvk = gvkOfType(typeName);
  if (!gvk) throw new Error(`${typeName} is no kind`);
  const whole = { metadata: { name: "x", creationTimestamp: "2026-01-02T11:55:00Z", ...metadata }, ...object };
  return tableRow(gvk, whole, testNowMs);
}
