/** What `up` has to do to a process, from what is seen of it. Pure. */
import type { ProcessRecord } from "./process-table.ts";

export type ProcessDecision =
  | { readonly kind: "keep"; readonly record: ProcessRecord }
  | { readonly kind: "start" }
  /** It runs from other files or with other flags: after an upgrade, or when settings changed. */
  | { readonly kind: "restart"; readonly record: ProcessRecord };

export function computeProcess(
  argv: readonly string[],
  running: ProcessRecord | undefined,
  configChanged: boolean,
): ProcessDecision {
  if (running === undefined) return { kind: "start" };
  const isSame = running.argv.length === argv.length && running.argv.every((word, index) => word === argv[index]);
  return isSame && !configChanged ? { kind: "keep", record: running } : { kind: "restart", record: running };
}

/** Archives whose content differs from what was imported under that name, or that the runtime does not have. */
export function computeImports<T extends { readonly reference: string; readonly key: string }>(
  wanted: readonly T[],
  imported: Readonly<Record<string, string>>,
  present: ReadonlySet<string>,
): readonly T[] {
  return wanted.filter(({ reference, key }) => imported[reference] !== key || !present.has(reference));
}
