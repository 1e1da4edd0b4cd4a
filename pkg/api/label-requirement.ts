/**
 * One condition on the labels of an object: checking it, evaluating it, writing it. Rules and texts are those of
 * k8s.io/apimachinery/pkg/labels Requirement.
 */
import { type FieldError, FieldPath, fieldError } from "./field.ts";
import { labelValueProblems, qualifiedNameProblems } from "./names.ts";

export type LabelOperator = "=" | "==" | "!=" | "in" | "notin" | "exists" | "!" | "gt" | "lt";

export type LabelMap = Readonly<Record<string, string>>;

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** None for exists and !, one for =, ==, !=, gt and lt, at least one for in and notin. */
  readonly values: readonly string[];
}

/** The selector is malformed. `message` is the one upstream clients know. */
export class LabelSelectorError extends Error {
  override readonly name = "LabelSelectorError";
}

/** Checks and makes one requirement. Throws LabelSelectorError that names every fault. */
export function buildRequirement(key: string, operator: LabelOperator, values: readonly string[]): LabelRequirement {
  const errors = [
    ...invalidBecause(new FieldPath("key"), key, qualifiedNameProblems(key)),
    ...valueCountErrors(operator, values),
    ...values.flatMap((value, index) =>
      invalidBecause(new FieldPath("values").index(index).key(key), value, labelValueProblems(value)),
    ),
  ];
  if (errors.length > 0) throw new LabelSelectorError(joinErrors(errors));
  return { key, operator, values };
}

function valueCountErrors(operator: LabelOperator, values: readonly string[]): readonly FieldError[] {
  const path = new FieldPath("values");
  const wrong = (why: string): readonly FieldError[] => [fieldError.invalid(path, values, why)];
  switch (operator) {
    case "in":
    case "notin":
      return values.length === 0 ? wrong("for 'in', 'notin' operators, values set can't be empty") : [];
    case "=":
    case "==":
    case "!=":
      return values.length === 1 ? [] : wrong("exact-match compatibility requires one single value");
    case "exists":
    case "!":
      return values.length === 0 ? [] : wrong("values set must be empty for exists and does not exist");
    case "gt":
    case "lt": {
      const count = values.length === 1 ? [] : wrong("for 'Gt', 'Lt' operators, exactly one value is required");
      const notNumbers = values.flatMap((value, index) =>
        parseInt64(value) === undefined
          ? [fieldError.invalid(path.index(index), value, "for 'Gt', 'Lt' operators, the value must be an integer")]
          : [],
      );
      return [...count, ...notNumbers];
    }
  }
}

function invalidBecause(path: FieldPath, value: string, problems: readonly string[]): readonly FieldError[] {
  return problems.length === 0 ? [] : [fieldError.invalid(path, value, problems.join("; "))];
}

function joinErrors(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map((error) => error.message))];
  return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
}

/** True when the labels satisfy the requirement; an absent label satisfies !=, notin and !. */
export function requirementHolds(requirement: LabelRequirement, labels: LabelMap | undefined): boolean {
  const { key, operator, values } = requirement;
  const value = labels && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "=":
    case "==":
    case "in":
      return value !== undefined && values.includes(value);
    case "!=":
    case "notin":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case "gt":
    case "lt": {
      const [actual, limit] = [parseInt64(value), parseInt64(values[0])];
      if (actual === undefined || limit === undefined) return false;
      return operator === "gt" ? actual > limit : actual < limit;
    }
  }
}

/** Decimal digits with an optional sign that fit 64 bits, as Go's ParseInt takes them. */
function parseInt64(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ""));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** The text form of one requirement; value sets are sorted. */
export function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    case "in":
    case "notin":
      return `${key} ${operator} (${values.toSorted().join(",")})`;
    case "gt":
    case "lt":
      return `${key}${operator === "gt" ? ">" : "<"}${values.join(",")}`;
    case "=":
    case "==":
    case "!=":
      return `${key}${operator}${values.join(",")}`;
  }
}
