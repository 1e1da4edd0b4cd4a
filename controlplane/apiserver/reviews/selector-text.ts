/**
 * Selectors of access reviews as text. Requirements that have no text form are left out: fewer requirements ask for more,
 * so what is left out can only make the answer stricter.
 */
import type { FieldSelectorAttributes, LabelSelectorAttributes } from "#pkg/api/authorization/v1.ts";
import { escapeFieldValue } from "#pkg/api/fields.ts";

export function fieldSelectorText(selector: FieldSelectorAttributes | undefined): string {
  if (!selector?.requirements?.length) return selector?.rawSelector ?? "";
  const terms = selector.requirements.flatMap(({ key, operator, values }) => {
    const [value, ...more] = values ?? [];
    if (value === undefined || more.length > 0) return [];
    if (operator === "In") return [`${key}=${escapeFieldValue(value)}`];
    return operator === "NotIn" ? [`${key}!=${escapeFieldValue(value)}`] : [];
  });
  return terms.join(",");
}

export function labelSelectorText(selector: LabelSelectorAttributes | undefined): string {
  if (!selector?.requirements?.length) return selector?.rawSelector ?? "";
  const terms = selector.requirements.flatMap(({ key, operator, values }) => {
    if (operator === "Exists") return [key];
    if (operator === "DoesNotExist") return [`!${key}`];
    if (!values?.length) return [];
    if (operator === "In") return [`${key} in (${values.join(",")})`];
    return operator === "NotIn" ? [`${key} notin (${values.join(",")})`] : [];
  });
  return terms.join(",");
}
