/** Texts that cells of several kinds share. */
import type { Container } from "#pkg/api/core/v1.ts";
import { formatLabelSelector, LabelSelectorError, type LabelSelectorLike, labelMapMatcher } from "#pkg/api/labels.ts";
import { formatAge } from "./human-duration.ts";
import type { Row } from "./table-kind.ts";

export function ageOf(object: Row, nowMs: number): string {
  return formatAge(object.metadata.creationTimestamp, nowMs);
}

export function nameOf(object: Row): string {
  return object.metadata.name ?? "";
}

export function orNone(text: string | undefined | null): string {
  return text ? text : "<none>";
}

/** "True", "False", or "<unset>". */
export function formatBool(value: boolean | undefined | null): string {
  if (value === undefined || value === null) return "<unset>";
  return value ? "True" : "False";
}

/** Names and images of containers: two cells. */
export function containerCells(containers: readonly Container[] | undefined | null): [names: string, images: string] {
  const all = containers ?? [];
  return [all.map((one) => one.name).join(","), all.map((one) => one.image ?? "").join(",")];
}

/** `a=b,c=d` in order of the keys. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined | null): string {
  return orNone(labelMapMatcher(labels ?? undefined).toString());
}

export function formatSelector(selector: LabelSelectorLike | undefined | null): string {
  return orNone(selectorText(selector, "<error>"));
}

/** As formatSelector, but empty for everything and for nothing. */
export function selectorText(selector: LabelSelectorLike | undefined | null, whenInvalid: string): string {
  try {
    return formatLabelSelector(selector);
  } catch (thrown) {
    if (thrown instanceof LabelSelectorError) return whenInvalid;
    throw thrown;
  }
}

/** The first `limit` items, and how many more there are. */
export function withMore(items: readonly string[], limit: number, separator = ","): string {
  const shown = items.slice(0, limit).join(separator);
  return items.length > limit ? `${shown} + ${items.length - limit} more...` : shown;
}

export function hasTrueCondition(
  conditions: readonly { readonly type: string; readonly status: string }[] | undefined | null,
  type: string,
): boolean {
  return conditions?.find((one) => one.type === type)?.status === "True";
}
