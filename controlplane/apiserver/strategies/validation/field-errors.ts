/**
 * Gathers what is wrong with an object. Validation functions take one of these and add to it, so that a rule reads as one
 * line. Methods with a condition in their name (`nonNegative`, `supported`...) add nothing when the value is good.
 */
import { type FieldError, type FieldPath, fieldError } from "#pkg/api/field.ts";
import { dns1123LabelProblems, dns1123SubdomainProblems, type Problems, portNumberProblems } from "#pkg/api/names.ts";
import { plainEqual } from "../plain-equal.ts";

export const immutableText = "field is immutable";
export const negativeText = "must be greater than or equal to 0";
export const notPositiveText = "must be greater than zero";

export class FieldErrors {
  readonly list: FieldError[] = [];

  get isEmpty(): boolean {
    return this.list.length === 0;
  }

  add(...errors: readonly FieldError[]): void {
    this.list.push(...errors);
  }

  required(path: FieldPath, detail = ""): void {
    this.list.push(fieldError.required(path, detail));
  }

  invalid(path: FieldPath, value: unknown, detail: string): void {
    this.list.push(fieldError.invalid(path, value, detail));
  }

  forbidden(path: FieldPath, detail: string): void {
    this.list.push(fieldError.forbidden(path, detail));
  }

  notSupported(path: FieldPath, value: unknown, supported: readonly string[]): void {
    this.list.push(fieldError.notSupported(path, value, supported));
  }

  duplicate(path: FieldPath, value: unknown, detail = ""): void {
    this.list.push(fieldError.duplicate(path, value, detail));
  }

  notFound(path: FieldPath, value: unknown, detail = ""): void {
    this.list.push(fieldError.notFound(path, value, detail));
  }

  tooLong(path: FieldPath, maxLength: number): void {
    this.list.push(fieldError.tooLong(path, maxLength));
  }

  tooMany(path: FieldPath, actual: number, max: number): void {
    this.list.push(fieldError.tooMany(path, actual, max));
  }

  /** One "Invalid value" for each problem. */
  problems(path: FieldPath, value: unknown, problems: Problems): void {
    for (const problem of problems) this.invalid(path, value, problem);
  }

  /** Required when empty, else judged by the rule. */
  named(path: FieldPath, value: string | undefined, rule: (value: string) => Problems, detail = ""): void {
    if (!value) this.required(path, detail);
    else this.problems(path, value, rule(value));
  }

  dnsLabel(path: FieldPath, value: string): void {
    this.problems(path, value, dns1123LabelProblems(value));
  }

  dnsSubdomain(path: FieldPath, value: string): void {
    this.problems(path, value, dns1123SubdomainProblems(value));
  }

  /** Text that must be there. */
  filled(path: FieldPath, value: string | undefined, detail = ""): void {
    if (!value) this.required(path, detail);
  }

  /** Absent is good. */
  nonNegative(path: FieldPath, value: number | undefined): void {
    if (value != null && value < 0) this.invalid(path, value, negativeText);
  }

  /** Absent counts as zero. */
  positive(path: FieldPath, value: number | undefined): void {
    if ((value ?? 0) <= 0) this.invalid(path, value ?? 0, notPositiveText);
  }

  port(path: FieldPath, value: number | undefined): void {
    this.problems(path, value ?? 0, portNumberProblems(value ?? 0));
  }

  /** Absent and empty are good. */
  supported(path: FieldPath, value: string | undefined, supported: readonly string[]): void {
    if (value && !supported.includes(value)) this.notSupported(path, value, supported);
  }

  /** Absent and empty are "Required value". */
  oneOf(path: FieldPath, value: string | undefined, supported: readonly string[], detail = ""): void {
    if (!value) this.required(path, detail);
    else this.supported(path, value, supported);
  }

  /** For values without quantities or structs whose zero fields may be left out; see type-equal.ts for those. */
  immutable(path: FieldPath, next: unknown, current: unknown): void {
    if (!plainEqual(next, current)) this.invalid(path, next, immutableText);
  }
}
