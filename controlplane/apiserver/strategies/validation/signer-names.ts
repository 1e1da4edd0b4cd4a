/** Names of certificate signers: `example.com/signer-name`. */
import type { FieldPath } from "#pkg/api/field.ts";
import {
  byteLength,
  dns1123LabelMaxLength,
  dns1123LabelProblems,
  dns1123SubdomainMaxLength,
  dns1123SubdomainProblems,
  type Problems,
} from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";

export function isKubernetesSigner(name: string): boolean {
  const domain = name.split("/")[0] ?? "";
  return domain === "kubernetes.io" || domain.endsWith(".kubernetes.io");
}

export function validateSignerName(name: string | undefined, at: FieldPath, errors: FieldErrors): void {
  if (!name) {
    errors.required(at);
    return;
  }
  const [domain = "", path = "", ...rest] = name.split("/");
  if (!name.includes("/") || rest.length > 0) {
    errors.invalid(at, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
    return;
  }
  if (byteLength(domain) > dns1123SubdomainMaxLength) errors.tooLong(at, dns1123SubdomainMaxLength);
  const labels = domain.split(".");
  validateParts(labels, dns1123LabelProblems, domain, at, errors);
  if (labels.length < 2) errors.invalid(at, domain, "should be a domain with at least two segments separated by dots");
  validateParts(path.split("."), dns1123SubdomainProblems, path, at, errors);
  const longestPath = dns1123SubdomainMaxLength + dns1123LabelMaxLength + 1;
  if (byteLength(path) > longestPath) errors.tooLong(at, longestPath);
}

/** Only the first bad part is told: the others would read the same. */
function validateParts(
  parts: readonly string[],
  rule: (value: string) => Problems,
  whole: string,
  at: FieldPath,
  errors: FieldErrors,
): void {
  for (const part of parts) {
    const problems = rule(part);
    for (const problem of problems) errors.invalid(at, whole, `validating label "${part}": ${problem}`);
    if (problems.length > 0) return;
  }
}
