/** The text of `pkg/api/schema/kubernetes.json`: one line per field, types in order of their names. */
import { formatField } from "../../pkg/api/schema/field.ts";
import type { SchemaTable } from "./build-table.ts";

/** The Kubernetes minor version whose API the table describes. */
export const apiLevel = "v1.36";

export function tableText(table: SchemaTable): string {
  const structTypes = [...table.types].filter(([, entry]) => entry.structType !== undefined);
  const document = {
    apiLevel,
    groups: Object.fromEntries(table.groups),
    enums: Object.fromEntries(table.enums),
    structTypes: Object.fromEntries(structTypes.map(([name, entry]) => [name, entry.structType])),
    types: Object.fromEntries([...table.types].map(([name, entry]) => [name, entry.fields.map(formatField)])),
  };
  return `${JSON.stringify(document, undefined, 1)}\n`;
}
