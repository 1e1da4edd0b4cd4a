/** Limit ranges: bounds that must not contradict each other. Source: pkg/apis/core/validation/validation.go (v1.36). */
import type { LimitRange, LimitRangeItem } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { qualifiedNameProblems } from "#pkg/api/names.ts";
import type { Quantity } from "#pkg/api/quantity.ts";
import { FieldErrors } from "./field-errors.ts";
import { allowsOvercommit, amountOf, validateContainerResourceName, validateResourceName } from "./resource-names.ts";

const limitsPath = new FieldPath("spec", "limits");
const standardTypes = ["Pod", "Container", "PersistentVolumeClaim"];
const lists = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const;
type List = (typeof lists)[number];

export function validateLimitRange({ spec }: LimitRange): FieldErrors {
  const errors = new FieldErrors();
  const types = new Set<string>();
  for (const [index, item] of (spec.limits ?? []).entries()) {
    const at = limitsPath.index(index);
    const type = item.type ?? "";
    validateType(type, at.child("type"), errors);
    if (types.has(type)) errors.duplicate(at.child("type"), type);
    types.add(type);
    validateItem(item, at, errors);
  }
  return errors;
}

function validateType(type: string, at: FieldPath, errors: FieldErrors): void {
  const problems = qualifiedNameProblems(type);
  errors.problems(at, type, problems);
  if (problems.length === 0 && !type.includes("/") && !standardTypes.includes(type)) {
    errors.invalid(at, type, "must be a standard limit type or fully qualified");
  }
}

function validateItem(item: LimitRangeItem, at: FieldPath, errors: FieldErrors): void {
  const isPod = item.type === "Pod";
  const nameRule = isPod || item.type === "Container" ? validateContainerResourceName : validateResourceName;
  const names = new Set<string>();
  const used = lists.filter((list) => !(isPod && list.startsWith("default")));
  for (const list of lists) {
    const given = Object.keys(item[list] ?? {});
    if (!used.includes(list)) {
      if (given.length > 0) errors.forbidden(at.child(list), "may not be specified when `type` is 'Pod'");
      continue;
    }
    for (const name of given) {
      nameRule(name, at.child(list).key(name), errors);
      names.add(name);
    }
  }
  if (item.type === "PersistentVolumeClaim" && !hasOwn(item.min, "storage") && !hasOwn(item.max, "storage")) {
    const why = "either minimum or maximum storage value is required, but neither was provided";
    errors.required(at.child("limits"), why);
  }
  for (const name of names) validateBounds(item, used, name, at, errors);
}

function hasOwn(amounts: Readonly<Record<string, string>> | undefined, name: string): boolean {
  return Object.hasOwn(amounts ?? {}, name);
}

/** For each pair: the smaller, the greater, whose field is blamed, and whose value is shown. */
const orders: readonly (readonly [List, List, List, List, string])[] = [
  ["min", "max", "min", "min", "min value %a is greater than max value %b"],
  [
    "min",
    "defaultRequest",
    "defaultRequest",
    "defaultRequest",
    "min value %a is greater than default request value %b",
  ],
  [
    "defaultRequest",
    "max",
    "defaultRequest",
    "defaultRequest",
    "default request value %a is greater than max value %b",
  ],
  [
    "defaultRequest",
    "default",
    "defaultRequest",
    "defaultRequest",
    "default request value %a is greater than default limit value %b",
  ],
  ["min", "default", "default", "min", "min value %a is greater than default value %b"],
  ["default", "max", "default", "max", "default value %a is greater than max value %b"],
];

function validateBounds(
  item: LimitRangeItem,
  used: readonly List[],
  name: string,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const amount = (list: List): Quantity | undefined =>
    used.includes(list) && hasOwn(item[list], name) ? amountOf(item[list]?.[name]) : undefined;
  for (const [smaller, greater, blamed, shown, text] of orders) {
    const [low, high] = [amount(smaller), amount(greater)];
    if (!low || !high || low.compare(high) <= 0) continue;
    const why = text.replace("%a", low.toString()).replace("%b", high.toString());
    errors.invalid(at.child(blamed).key(name), String(amount(shown)), why);
  }
  const [limit, request] = [amount("default"), amount("defaultRequest")];
  if (!allowsOvercommit(name) && limit && request && !limit.equals(request)) {
    const why = `default value ${limit} must equal to defaultRequest value ${request} in ${name}`;
    errors.invalid(at.child("defaultRequest").key(name), request.toString(), why);
  }
  const ratio = amount("maxLimitRequestRatio");
  if (ratio) validateRatio(ratio, amount("min"), amount("max"), at.child("maxLimitRequestRatio").key(name), errors);
}

const one = amountOf("1");

function validateRatio(
  ratio: Quantity,
  min: Quantity | undefined,
  max: Quantity | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (ratio.compare(one) < 0) errors.invalid(at, ratio.toString(), `ratio ${ratio} is less than 1`);
  if (!min || !max) return;
  const most = Number(max.milliValue()) / Number(min.milliValue());
  if (Number(ratio.milliValue()) / 1000 > most) {
    errors.invalid(at, ratio.toString(), `ratio ${ratio} is greater than max/min = ${most.toFixed(6)}`);
  }
}
