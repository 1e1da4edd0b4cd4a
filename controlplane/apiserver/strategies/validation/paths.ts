/** Paths inside containers and volumes: those that must not climb out of where they are put. */
import type { FieldPath } from "#pkg/api/field.ts";
import type { FieldErrors } from "./field-errors.ts";

/** No part of the path is "..". */
export function validateNoBacksteps(path: string, at: FieldPath, errors: FieldErrors): void {
  if (path.split("/").includes("..")) errors.invalid(at, path, "must not contain '..'");
}

/** Relative, and without "..". */
export function validateDescendingPath(path: string, at: FieldPath, errors: FieldErrors): void {
  if (path.startsWith("/")) errors.invalid(at, path, "must be a relative path");
  validateNoBacksteps(path, at, errors);
}

/** As above, and no name of its own starts with "..": such names are how volumes are updated atomically. */
export function validateVolumeFilePath(path: string, at: FieldPath, errors: FieldErrors): void {
  validateDescendingPath(path, at, errors);
  if (path.startsWith("..") && !path.startsWith("../")) errors.invalid(at, path, "must not start with '..'");
}

export function validateFileMode(mode: number | undefined, at: FieldPath, errors: FieldErrors): void {
  if (mode != null && (mode < 0 || mode > 0o777)) {
    errors.invalid(at, mode, "must be a number between 0 and 0777 (octal), both inclusive");
  }
}
