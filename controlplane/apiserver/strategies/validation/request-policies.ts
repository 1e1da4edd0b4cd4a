/** Which parts of a device's capacity a claim may ask for. Source: pkg/apis/resource/validation/validation.go (v1.36). */
import type { FieldPath } from "#pkg/api/field.ts";
import type { Quantity as Text } from "#pkg/api/meta/scalars.ts";
import type { Quantity } from "#pkg/api/quantity.ts";
import type { CapacityRequestPolicyRange } from "#pkg/api/resource/v1.ts";
import type { FieldErrors } from "./field-errors.ts";
import { amountOf } from "./resource-names.ts";
import { validateSet } from "./sized-lists.ts";

const mostValues = 10;

/** `usual` is what a claim gets that does not say, `most` the whole capacity. */
export function validateValues(
  usual: Text,
  most: Text,
  values: readonly Text[],
  at: FieldPath,
  errors: FieldErrors,
): void {
  const amounts = values.map(amountOf);
  for (const [index, amount] of amounts.entries()) {
    const before = amounts[index - 1];
    if (before && before.compare(amount) > 0) {
      errors.invalid(at.index(index), amount.toString(), "values must be sorted in ascending order");
    }
  }
  const whole = amountOf(most);
  const keyOf = (amount: Quantity): string => String(amount.value());
  validateSet(amounts, mostValues, at, errors, keyOf, (amount, path) => {
    if (amount.compare(whole) > 0) {
      errors.invalid(path, amount.toString(), `option is larger than capacity value: ${whole}`);
    }
  });
  const chosen = amountOf(usual);
  if (amounts.length > mostValues || !amounts.some((amount) => amount.equals(chosen))) {
    errors.invalid(at, chosen.toString(), "default value is not valid according to the requestPolicy");
  }
}

export function validateRange(
  usual: Text,
  most: Text,
  range: CapacityRequestPolicyRange,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (range.min == null) {
    errors.required(at.child("min"), "required when validRange is defined");
    return;
  }
  const [chosen, whole, min] = [amountOf(usual), amountOf(most), amountOf(range.min)];
  const max = range.max == null ? undefined : amountOf(range.max);
  const fault = (field: string, value: Quantity, why: string) => errors.invalid(at.child(field), value.toString(), why);
  if (min.compare(whole) > 0) fault("min", min, `min is larger than capacity value: ${whole}`);
  if (chosen.compare(min) < 0) fault("min", chosen, `default is less than min: ${min}`);
  if (max) {
    if (min.compare(max) > 0) fault("max", min, `min is larger than max: ${max}`);
    if (max.compare(whole) > 0) fault("max", max, `max is larger than capacity value: ${whole}`);
    if (chosen.compare(max) > 0) fault("max", chosen, `default is more than max: ${max}`);
  }
  if (range.step == null) return;
  const step = amountOf(range.step);
  const first = min.add(step);
  if (first.compare(whole) > 0) fault("step", step, `one step ${first} is larger than capacity value: ${whole}`);
  for (const value of max ? [chosen, max] : [chosen]) {
    const isOnStep = step.value() !== 0n && (value.value() - min.value()) % step.value() === 0n;
    if (!isOnStep) fault("step", value, `value is not a multiple of a given step (${step}) from (${min})`);
  }
}
