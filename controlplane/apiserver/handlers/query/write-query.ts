/** The query of create, update and patch: dryRun, fieldManager, fieldValidation, force. Pure. */
import { type FieldError, FieldPath, fieldError } from "#pkg/api/field.ts";
import { StatusError } from "#pkg/api/status.ts";
import { findManagerNameProblem, managerFromUserAgent, maxManagerLength } from "../../apply/manager-name.ts";
import { readBoolean } from "./read-query.ts";

export type FieldValidation = "Ignore" | "Warn" | "Strict";

export type WriteOptionsKind = "CreateOptions" | "UpdateOptions" | "PatchOptions";

export interface WriteQuery {
  readonly dryRun: boolean;
  /** As asked for, or made of the User-Agent. */
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  readonly force: boolean | undefined;
  /** As admission sees it: `{kind, apiVersion, dryRun?, fieldManager?, ...}`. */
  readonly options: Readonly<Record<string, unknown>>;
}

const fieldValidations: readonly string[] = ["Ignore", "Warn", "Strict"];

/** Throws StatusError 422 naming the option that is wrong. */
export function parseWriteQuery(
  query: URLSearchParams,
  userAgent: string | undefined,
  kind: WriteOptionsKind,
  isApply = false,
): WriteQuery {
  const dryRun = query.getAll("dryRun");
  const manager = query.get("fieldManager") ?? "";
  const validation = query.get("fieldValidation") ?? "";
  const force = readBoolean(query, "force");
  const errors = [
    ...validateDryRun(dryRun),
    ...validateManager(manager, isApply),
    ...validateFieldValidation(validation),
    ...(force !== undefined && !isApply && kind === "PatchOptions"
      ? [fieldError.forbidden(new FieldPath("force"), "may not be specified for non-apply patch")]
      : []),
  ];
  if (errors.length > 0) throw StatusError.invalid({ group: "meta.k8s.io", resource: kind }, "", errors);
  return {
    dryRun: dryRun.length > 0,
    fieldManager: manager || managerFromUserAgent(userAgent ?? ""),
    fieldValidation: (validation || "Warn") as FieldValidation,
    force,
    options: {
      kind,
      apiVersion: "meta.k8s.io/v1",
      ...(dryRun.length > 0 ? { dryRun } : {}),
      ...(manager ? { fieldManager: manager } : {}),
      ...(validation ? { fieldValidation: validation } : {}),
      ...(force === undefined ? {} : { force }),
    },
  };
}

/** The only kind of dry run there is, is all of it. */
export function validateDryRun(values: readonly string[]): readonly FieldError[] {
  const wrong = values.filter((value) => value !== "All");
  return wrong.map((value) => fieldError.notSupported(new FieldPath("dryRun"), value, ["All"]));
}

function validateManager(name: string, isApply: boolean): readonly FieldError[] {
  const path = new FieldPath("fieldManager");
  if (name === "") return isApply ? [fieldError.required(path, "is required for apply patch")] : [];
  const problem = findManagerNameProblem(name);
  if (problem === undefined) return [];
  return Buffer.byteLength(name) > maxManagerLength
    ? [fieldError.tooLong(path, maxManagerLength)]
    : [fieldError.invalid(path, name, problem)];
}

function validateFieldValidation(value: string): readonly FieldError[] {
  if (value === "" || fieldValidations.includes(value)) return [];
  return [fieldError.notSupported(new FieldPath("fieldValidation"), value, fieldValidations)];
}
