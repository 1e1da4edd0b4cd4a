/** What the table of a kind consists of: its columns and the cells of a row, worked out per object. */
import type { ObjectMeta } from "#pkg/api/meta/v1.ts";

/** meta/v1 TableColumnDefinition. */
export interface TableColumn {
  readonly name: string;
  /** "string", "integer", "boolean" or "date". */
  readonly type: string;
  /** "name" marks the column with the object's name. */
  readonly format: string;
  readonly description: string;
  /** 0: always shown; 1: in wide output. */
  readonly priority: number;
}

export type Cell = string | number | boolean | null;

/** An object of a kind, or of any version of it, as far as tables look at it. */
export type Row = { readonly metadata: ObjectMeta };

export interface TableKind {
  readonly columns: readonly TableColumn[];
  /** One cell per column, wide ones included. `nowMs` is what ages count from. */
  cells(object: Row, nowMs: number): readonly Cell[];
}

/**
 * `columns` lists names between " | ", each with `:type` when it is no string and `*` at the end when it is wide; "Name" is
 * the column of the object's name. `cells` may read the object as the type it was stored as.
 */
export function defineTable<T extends Row>(
  columns: string,
  cells: (object: T, nowMs: number) => readonly Cell[],
): TableKind {
  return { columns: columns.split(" | ").map(parseColumn), cells: cells as TableKind["cells"] };
}

function parseColumn(text: string): TableColumn {
  const isWide = text.endsWith("*");
  const [name = "", type = "string"] = (isWide ? text.slice(0, -1) : text).split(":");
  return { name, type, format: name === "Name" ? "name" : "", description: "", priority: isWide ? 1 : 0 };
}
