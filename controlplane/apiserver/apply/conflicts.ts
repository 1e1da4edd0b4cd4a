/** Conflicts of server-side apply: fields that the configuration would change and that others manage. */
import { StatusError } from "#pkg/api/status.ts";
import type { ManagerEntry } from "./managed-fields.ts";
import type { PathElement } from "./path-element.ts";
import { compareText, formatPath } from "./path-element.ts";

export interface ManagerConflict {
  readonly with: ManagerEntry;
  readonly path: readonly PathElement[];
}

/** 409 with a cause per field. The message is the one kubectl shows. */
export function applyConflict(conflicts: readonly ManagerConflict[]): StatusError {
  const causes = conflicts.map((conflict) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${describeManager(conflict.with)}`,
    field: formatPath(conflict.path),
  }));
  return new StatusError({ code: 409, reason: "Conflict", message: conflictMessage(conflicts), details: { causes } });
}

function conflictMessage(conflicts: readonly ManagerConflict[]): string {
  const [first] = conflicts;
  if (first && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${describeManager(first.with)}: ${formatPath(first.path)}`;
  }
  const pathsByManager = new Map<string, string[]>();
  for (const conflict of conflicts) {
    const manager = describeManager(conflict.with);
    const paths = pathsByManager.get(manager) ?? [];
    pathsByManager.set(manager, paths);
    paths.push(formatPath(conflict.path));
  }
  const lines = [...pathsByManager]
    .sort(([left], [right]) => compareText(left, right))
    .flatMap(([manager, paths]) => [`conflicts with ${manager}:`, ...paths.map((path) => `- ${path}`)]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join("\n")}`;
}

function describeManager(entry: ManagerEntry): string {
  const name = JSON.stringify(entry.manager);
  const named = entry.subresource ? `${name} with subresource ${JSON.stringify(entry.subresource)}` : name;
  return entry.operation === "Update" ? `${named} using ${entry.apiVersion}` : named;
}
