/**
 * Admission policies and their bindings: everything but the expressions, which are compiled where they are evaluated.
 * Source: pkg/apis/admissionregistration/validation (v1.36).
 */
import type * as admission from "#pkg/api/admissionregistration/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import {
  byteLength,
  cIdentifierProblems,
  dns1035LabelProblems,
  dns1123SubdomainProblems,
  nameIsSubdomain,
  pathSegmentProblems,
  qualifiedNameProblems,
} from "#pkg/api/names.ts";
import {
  failurePolicies,
  reinvocationPolicies,
  validateMatchConditions,
  validateMatchResources,
} from "./admission-rules.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateConditions, validateLabelSelector } from "./label-selectors.ts";

const spec = new FieldPath("spec");
const mostAnnotations = 20;
const longestAnnotation = 5 * 1024;
const reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
const actions = ["Audit", "Deny", "Warn"];
const missing = "validations or auditAnnotations must contain at least one item";

export function validateValidatingPolicy(policy: admission.ValidatingAdmissionPolicy): FieldErrors {
  const errors = new FieldErrors();
  const { validations = [], auditAnnotations = [] } = policy.spec;
  validatePolicy(policy.spec, false, errors);
  if (validations.length === 0 && auditAnnotations.length === 0) {
    errors.required(spec.child("validations"), missing);
    errors.required(spec.child("auditAnnotations"), missing);
  }
  for (const [index, validation] of validations.entries()) {
    validateValidation(validation, spec.child("validations").index(index), errors);
  }
  validateAuditAnnotations(auditAnnotations, policy.metadata.name ?? "", errors);
  return errors;
}

export function validateMutatingPolicy({ spec: given }: admission.MutatingAdmissionPolicy): FieldErrors {
  const errors = new FieldErrors();
  const { mutations = [], reinvocationPolicy } = given;
  validatePolicy(given, true, errors);
  const at = spec.child("mutations");
  if (mutations.length === 0) errors.required(at, "mutations must contain at least one item");
  for (const [index, mutation] of mutations.entries()) validateMutation(mutation, at.index(index), errors);
  errors.oneOf(spec.child("reinvocationPolicy"), reinvocationPolicy, reinvocationPolicies);
  return errors;
}

type AnyPolicySpec = Pick<
  admission.ValidatingAdmissionPolicySpec,
  "paramKind" | "matchConstraints" | "variables" | "failurePolicy" | "matchConditions"
>;

function validatePolicy(policy: AnyPolicySpec, isMutating: boolean, errors: FieldErrors): void {
  const { failurePolicy, paramKind, matchConstraints, variables, matchConditions } = policy;
  errors.oneOf(spec.child("failurePolicy"), failurePolicy, failurePolicies);
  if (paramKind) validateParamKind(paramKind, spec.child("paramKind"), errors);
  const at = spec.child("matchConstraints");
  if (!matchConstraints) errors.required(at);
  else {
    validateMatchResources(matchConstraints, isMutating, at, errors);
    if (!matchConstraints.resourceRules?.length) errors.required(at.child("resourceRules"));
  }
  validateMatchConditions(matchConditions, spec.child("matchConditions"), errors);
  for (const [index, { name, expression }] of (variables ?? []).entries()) {
    const one = spec.child("variables").index(index);
    if (!name?.trim()) errors.required(one.child("name"), "name is not specified");
    else if (cIdentifierProblems(name).length > 0) {
      errors.invalid(one.child("name"), name, "must be a valid CEL identifier");
    }
    if (!expression?.trim()) errors.required(one.child("expression"), "expression is not specified");
  }
}

function validateParamKind(
  { apiVersion = "", kind = "" }: admission.ParamKind,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const path = at.child("apiVersion");
  const parts = apiVersion === "/" ? [""] : apiVersion.split("/");
  const [version = "", group = ""] = [...parts].reverse();
  if (!apiVersion) errors.required(path);
  else if (parts.length > 2) errors.invalid(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`);
  else {
    const problems = group ? dns1123SubdomainProblems(group) : [];
    if (problems.length > 0) errors.invalid(path, group, problems.join(","));
    const versionProblems = dns1035LabelProblems(version);
    if (!version) errors.invalid(path, apiVersion, "version must be specified");
    else if (versionProblems.length > 0) errors.invalid(path, version, versionProblems.join(","));
  }
  const problems = dns1035LabelProblems(kind.toLowerCase());
  if (!kind) errors.required(at.child("kind"));
  else if (problems.length > 0) {
    const why = `may have mixed case, but should otherwise match: ${problems.join(",")}`;
    errors.invalid(at.child("kind"), kind, why);
  }
}

function validateValidation(validation: admission.Validation, at: FieldPath, errors: FieldErrors): void {
  const { expression, message, messageExpression, reason } = validation;
  const text = message?.trim() ?? "";
  if (!expression?.trim()) errors.required(at.child("expression"), "expression is not specified");
  if (messageExpression && !messageExpression.trim()) {
    errors.invalid(at.child("messageExpression"), messageExpression, "must be non-empty if specified");
  }
  if (message && !text) errors.invalid(at.child("message"), message, "must be non-empty if specified");
  else if (/[\r\n]/.test(text)) errors.invalid(at.child("message"), message, "must not contain line breaks");
  if (reason != null && !reasons.includes(reason)) errors.notSupported(at.child("reason"), reason, reasons);
}

function validateAuditAnnotations(
  annotations: readonly admission.AuditAnnotation[],
  policyName: string,
  errors: FieldErrors,
): void {
  const at = spec.child("auditAnnotations");
  if (annotations.length > mostAnnotations) {
    errors.invalid(at, annotations, `must not have more than ${mostAnnotations} auditAnnotations`);
  }
  const keys = new Set<string>();
  for (const [index, { key = "", valueExpression = "" }] of annotations.entries()) {
    const one = at.index(index);
    // The whole key of an annotation starts with the policy's name.
    const whole = `${policyName}/${key}`;
    if (!policyName) errors.invalid(one.child("key"), key, "requires metadata.name be non-empty");
    else errors.problems(one.child("key"), whole, qualifiedNameProblems(whole));
    const expression = valueExpression.trim();
    if (!expression) errors.required(one.child("valueExpression"), "valueExpression is not specified");
    else if (byteLength(expression) > longestAnnotation) {
      errors.required(one.child("valueExpression"), `must not exceed ${longestAnnotation} bytes in length`);
    }
    if (keys.has(key)) errors.duplicate(one.child("key"), key);
    keys.add(key);
  }
}

const patches = { ApplyConfiguration: "applyConfiguration", JSONPatch: "jsonPatch" } as const;

function validateMutation(mutation: admission.Mutation, at: FieldPath, errors: FieldErrors): void {
  const { patchType } = mutation;
  errors.oneOf(at.child("patchType"), patchType, Object.keys(patches));
  if (!patchType || !Object.hasOwn(patches, patchType)) return;
  for (const [type, field] of Object.entries(patches)) {
    const patch = mutation[field];
    if (type !== patchType) {
      if (patch) errors.invalid(at.child(field), `{${field}}`, `must not be specified when patchType is ${patchType}`);
    } else if (!patch) errors.required(at.child(field), `must be specified when patchType is ${patchType}`);
    else if (!patch.expression?.trim()) errors.required(at.child(field, "expression"));
  }
}

export function validateValidatingBinding({ spec: given }: admission.ValidatingAdmissionPolicyBinding): FieldErrors {
  const errors = new FieldErrors();
  validateBinding(given, false, errors);
  const at = spec.child("validationActions");
  const chosen = given.validationActions ?? [];
  for (const [index, action] of chosen.entries()) {
    if (!actions.includes(action)) errors.notSupported(at.index(index), action, actions);
    if (chosen.indexOf(action) < index) errors.duplicate(at.index(index), action);
  }
  if (chosen.includes("Deny") && chosen.includes("Warn")) {
    const why =
      "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
    errors.invalid(at, chosen, why);
  }
  if (chosen.length === 0) errors.required(at, "at least one validation action is required");
  return errors;
}

export function validateMutatingBinding({ spec: given }: admission.MutatingAdmissionPolicyBinding): FieldErrors {
  const errors = new FieldErrors();
  validateBinding(given, true, errors);
  return errors;
}

function validateBinding(
  binding: admission.MutatingAdmissionPolicyBindingSpec,
  isMutating: boolean,
  errors: FieldErrors,
): void {
  errors.named(spec.child("policyName"), binding.policyName, (name) => nameIsSubdomain(name, false));
  if (binding.paramRef) validateParamRef(binding.paramRef, spec.child("paramRef"), errors);
  validateMatchResources(binding.matchResources, isMutating, spec.child("matchResources"), errors);
}

function validateParamRef(reference: admission.ParamRef, at: FieldPath, errors: FieldErrors): void {
  const { name, selector, parameterNotFoundAction: action } = reference;
  const both = "name and selector are mutually exclusive";
  if (name) errors.problems(at.child("name"), name, pathSegmentProblems(name));
  validateLabelSelector(selector, at.child("selector"), errors);
  if (name && selector) for (const field of ["name", "selector"]) errors.forbidden(at.child(field), both);
  if (!name && !selector) errors.required(at, "one of name or selector must be specified");
  errors.oneOf(at.child("parameterNotFoundAction"), action, ["Deny", "Allow"]);
}

export function validatePolicyStatus({ status }: admission.ValidatingAdmissionPolicy): FieldErrors {
  const errors = new FieldErrors();
  const at = new FieldPath("status");
  for (const [index, { warning, fieldRef }] of (status?.typeChecking?.expressionWarnings ?? []).entries()) {
    const one = at.child("typeChecking", "expressionWarnings").index(index);
    errors.filled(one.child("warning"), warning);
    errors.filled(one.child("fieldRef"), fieldRef?.trim());
  }
  validateConditions(status?.conditions, at.child("conditions"), errors);
  return errors;
}
