/** Certificate signing requests. Source: pkg/apis/certificates/validation (v1.36). */
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition as Condition,
} from "#pkg/api/certificates/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { enumValues } from "#pkg/api/schema/schema.ts";
import { plainEqual } from "../plain-equal.ts";
import { certificatesFault, requestFault } from "./certificate-text.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateSignerName } from "./signer-names.ts";

const spec = new FieldPath("spec");
const conditionsPath = new FieldPath("status", "conditions");
const certificatePath = new FieldPath("status", "certificate");
const usages = [...enumValues("certificates/v1.KeyUsage")].sort();
const decisions = ["Approved", "Denied"];
const finals = [...decisions, "Failed"];
const legacySigner = "kubernetes.io/legacy-unknown";

export function validateSigningRequest(request: CertificateSigningRequest): FieldErrors {
  const errors = new FieldErrors();
  validateSpec(request, undefined, errors);
  validateConditions(request.status?.conditions ?? [], [], errors);
  validateCertificate(request, undefined, errors);
  return errors;
}

/** Neither decisions nor the certificate change but through their subresources. */
export function validateSigningRequestUpdate(
  next: CertificateSigningRequest,
  current: CertificateSigningRequest,
): FieldErrors {
  return validateChange(next, current, { mayDecide: false, mayIssue: false });
}

export function validateApproval(next: CertificateSigningRequest, current: CertificateSigningRequest): FieldErrors {
  return validateChange(next, current, { mayDecide: true, mayIssue: false });
}

export function validateIssued(next: CertificateSigningRequest, current: CertificateSigningRequest): FieldErrors {
  return validateChange(next, current, { mayDecide: false, mayIssue: true });
}

interface Permissions {
  readonly mayDecide: boolean;
  readonly mayIssue: boolean;
}

function validateChange(
  next: CertificateSigningRequest,
  current: CertificateSigningRequest,
  { mayDecide, mayIssue }: Permissions,
): FieldErrors {
  const errors = new FieldErrors();
  const [before, after] = [current.status?.conditions ?? [], next.status?.conditions ?? []];
  validateSpec(next, current, errors);
  validateConditions(after, before, errors);
  validateCertificate(next, current, errors);
  for (const type of finals) {
    const [had, has] = [before, after].map((list) => list.filter((condition) => condition.type === type));
    const [more, fewer] = [(has?.length ?? 0) > (had?.length ?? 0), (has?.length ?? 0) < (had?.length ?? 0)];
    const deny = (what: string) =>
      errors.forbidden(conditionsPath, `updates may not ${what} a condition of type "${type}"`);
    if (fewer) deny("remove");
    else if (!mayDecide && decisions.includes(type)) {
      if (more) deny("add");
      else if (!plainEqual(had, has)) deny("modify");
    }
  }
  const [issued, wanted] = [current.status?.certificate ?? "", next.status?.certificate ?? ""];
  if (issued === wanted) return errors;
  if (!mayIssue) errors.forbidden(certificatePath, "updates may not set certificate content");
  else if (issued) errors.forbidden(certificatePath, "updates may not modify existing certificate content");
  return errors;
}

function validateSpec(
  request: CertificateSigningRequest,
  current: CertificateSigningRequest | undefined,
  errors: FieldErrors,
): void {
  const { request: text = "", signerName, expirationSeconds: seconds } = request.spec;
  const fault = requestFault(text);
  if (fault) errors.invalid(spec.child("request"), text, fault);
  validateUsages(request.spec.usages ?? [], current?.spec.usages ?? [], errors);
  const signerPath = spec.child("signerName");
  if (signerName === legacySigner && current?.spec.signerName !== legacySigner) {
    errors.invalid(signerPath, signerName, "the legacy signerName is not allowed via this API version");
  } else validateSignerName(signerName, signerPath, errors);
  if (seconds != null && seconds < 600) {
    const why = "may not specify a duration less than 600 seconds (10 minutes)";
    errors.invalid(spec.child("expirationSeconds"), seconds, why);
  }
}

/** Unknown and repeated ones may stay where they were already. */
function validateUsages(wanted: readonly string[], before: readonly string[], errors: FieldErrors): void {
  const at = spec.child("usages");
  if (wanted.length === 0) errors.required(at);
  const anyUsage = before.some((usage) => !usages.includes(usage));
  const anyCount = new Set(before).size < before.length;
  for (const [index, usage] of wanted.entries()) {
    if (!anyUsage && !usages.includes(usage)) errors.notSupported(at.index(index), usage, usages);
    if (!anyCount && wanted.indexOf(usage) < index) errors.duplicate(at.index(index), usage);
  }
}

function validateConditions(next: readonly Condition[], before: readonly Condition[], errors: FieldErrors): void {
  const types = before.map((condition) => condition.type);
  const anyCount = new Set(types).size < types.length;
  const seen = new Set<string>();
  for (const [index, { type = "", status }] of next.entries()) {
    const at = conditionsPath.index(index);
    if (!type && !types.includes("")) errors.required(at.child("type"));
    errors.oneOf(at.child("status"), status, finals.includes(type) ? ["True"] : ["False", "True", "Unknown"]);
    const opposite = decisions.includes(type) ? decisions.find((one) => one !== type) : undefined;
    if (opposite && seen.has(opposite) && !decisions.every((one) => types.includes(one))) {
      errors.invalid(conditionsPath, type, "Approved and Denied conditions are mutually exclusive");
    }
    if (seen.has(type) && !anyCount) errors.duplicate(at.child("type"), type);
    seen.add(type);
  }
}

function validateCertificate(
  next: CertificateSigningRequest,
  current: CertificateSigningRequest | undefined,
  errors: FieldErrors,
): void {
  const text = next.status?.certificate ?? "";
  const before = current?.status?.certificate ?? "";
  if (text === before || certificatesFault(before)) return;
  const fault = certificatesFault(text);
  if (fault) errors.invalid(certificatePath, "<certificate data>", fault);
}
