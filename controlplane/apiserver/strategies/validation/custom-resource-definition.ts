/**
 * Definitions of custom resources: names, versions, conversion. Schemas are judged where they are compiled.
 * Source: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation (v1.36).
 */
import type {
  CustomResourceConversion,
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
} from "#pkg/api/apiextensions/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { dns1035LabelProblems, dns1123SubdomainProblems } from "#pkg/api/names.ts";
import { validateDefinitionVersions } from "./custom-resource-versions.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateReviewVersions, validateWebhookClient } from "./webhook-clients.ts";

const spec = new FieldPath("spec");
const namesPath = spec.child("names");
const storedPath = new FieldPath("status", "storedVersions");
const approvalAnnotation = "api-approved.kubernetes.io";
const scopes = ["Cluster", "Namespaced"];
const strategies = ["None", "Webhook"];

export function validateCustomResourceDefinition(definition: CustomResourceDefinition): FieldErrors {
  const errors = new FieldErrors();
  const name = `${definition.spec.names?.plural ?? ""}.${definition.spec.group ?? ""}`;
  if (definition.metadata.name !== name) {
    const path = new FieldPath("metadata", "name");
    errors.invalid(path, definition.metadata.name ?? "", 'must be spec.names.plural+"."+spec.group');
  }
  validateSpec(definition, errors);
  validateStored(definition, errors);
  validateApproval(definition, undefined, errors);
  validatePruning(definition, errors);
  return errors;
}

export function validateCustomResourceDefinitionUpdate(
  next: CustomResourceDefinition,
  current: CustomResourceDefinition,
): FieldErrors {
  const errors = new FieldErrors();
  validateSpec(next, errors);
  validateStored(next, errors);
  const isServed = current.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True");
  if (isServed) {
    errors.immutable(spec.child("scope"), next.spec.scope, current.spec.scope);
    errors.immutable(namesPath.child("kind"), next.spec.names.kind, current.spec.names.kind);
  }
  errors.immutable(spec.child("group"), next.spec.group, current.spec.group);
  errors.immutable(namesPath.child("plural"), next.spec.names.plural, current.spec.names.plural);
  validateApproval(next, current, errors);
  if (!current.spec.preserveUnknownFields) validatePruning(next, errors);
  return errors;
}

export function validateDefinitionStatus({ status }: CustomResourceDefinition): FieldErrors {
  const errors = new FieldErrors();
  if (status?.acceptedNames) validateNames(status.acceptedNames, new FieldPath("status", "acceptedNames"), errors);
  return errors;
}

function validateSpec(definition: CustomResourceDefinition, errors: FieldErrors): void {
  const { group = "", scope, conversion } = definition.spec;
  const names = definition.spec.names ?? { plural: "", kind: "" };
  const problems = dns1123SubdomainProblems(group);
  if (!group) errors.required(spec.child("group"));
  else if (problems.length > 0) errors.invalid(spec.child("group"), group, problems.join(","));
  else if (!group.includes(".")) {
    errors.invalid(spec.child("group"), group, "should be a domain with at least one dot");
  }
  errors.oneOf(spec.child("scope"), scope, scopes);
  validateDefinitionVersions(definition.spec, errors);
  for (const field of ["plural", "singular", "kind", "listKind"] as const) {
    errors.filled(namesPath.child(field), names[field]);
  }
  validateNames(names, namesPath, errors);
  if (conversion && conversion.strategy !== "None" && definition.spec.preserveUnknownFields) {
    const why = "must be None if spec.preserveUnknownFields is true";
    errors.invalid(spec.child("conversion", "strategy"), conversion.strategy, why);
  }
  if (conversion) validateConversion(conversion, spec.child("conversion"), errors);
  if (definition.status?.acceptedNames) errors.add(...validateDefinitionStatus(definition).list);
}

/** Missing names are another rule's matter. */
function validateNames(names: CustomResourceDefinitionNames, at: FieldPath, errors: FieldErrors): void {
  const label = (value: string | undefined, path: FieldPath) => {
    const problems = value ? dns1035LabelProblems(value) : [];
    if (problems.length > 0) errors.invalid(path, value, problems.join(","));
  };
  label(names.plural, at.child("plural"));
  label(names.singular, at.child("singular"));
  for (const field of ["kind", "listKind"] as const) {
    const value = names[field];
    const problems = value ? dns1035LabelProblems(value.toLowerCase()) : [];
    if (problems.length === 0) continue;
    errors.invalid(at.child(field), value, `may have mixed case, but should otherwise match: ${problems.join(",")}`);
  }
  for (const [index, name] of (names.shortNames ?? []).entries())
    label(name || " ", at.child("shortNames").index(index));
  if (names.kind && names.kind === names.listKind) {
    errors.invalid(at.child("listKind"), names.listKind, "kind and listKind may not be the same");
  }
  for (const [index, name] of (names.categories ?? []).entries())
    label(name || " ", at.child("categories").index(index));
}

/** Paths are those of the internal form, in which the webhook's fields stand one level higher. */
function validateConversion(conversion: CustomResourceConversion, at: FieldPath, errors: FieldErrors): void {
  const { strategy, webhook } = conversion;
  errors.oneOf(at.child("strategy"), strategy, strategies);
  const [client, versions] = [at.child("webhookClientConfig"), at.child("conversionReviewVersions")];
  if (strategy === "Webhook") {
    if (!webhook?.clientConfig) errors.required(client, "required when strategy is set to Webhook");
    else validateWebhookClient(webhook.clientConfig, client, errors);
    validateReviewVersions(webhook?.conversionReviewVersions, "", versions, errors);
    return;
  }
  const why = "should not be set when strategy is not set to Webhook";
  if (webhook?.clientConfig) errors.forbidden(client, why);
  if (webhook?.conversionReviewVersions?.length) errors.forbidden(versions, why);
}

function validateStored({ spec: { versions }, status }: CustomResourceDefinition, errors: FieldErrors): void {
  const stored = status?.storedVersions ?? [];
  if (stored.length === 0) {
    errors.invalid(storedPath, stored, "must have at least one stored version");
    return;
  }
  for (const { name, storage } of versions ?? []) {
    if (storage && !stored.includes(name)) {
      errors.invalid(storedPath, stored, `must have the storage version ${name}`);
    }
  }
  for (const [index, name] of stored.entries()) {
    if ((versions ?? []).some((version) => version.name === name)) continue;
    const why = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    errors.invalid(storedPath.index(index), name, why);
  }
}

/** Groups of the community need a review, which the annotation points to, or the word "unapproved". */
function validateApproval(
  next: CustomResourceDefinition,
  current: CustomResourceDefinition | undefined,
  errors: FieldErrors,
): void {
  const group = next.spec.group ?? "";
  const isCommunity = /(^|\.)(k8s|kubernetes)\.io$/.test(group);
  const text = next.metadata.annotations?.[approvalAnnotation];
  const state = approvalState(text);
  if (!isCommunity || state === "good") return;
  if (current && approvalState(current.metadata.annotations?.[approvalAnnotation]) === state) return;
  const path = new FieldPath("metadata", "annotations").key(approvalAnnotation);
  if (state === "missing") {
    errors.required(
      path,
      `protected groups must have approval annotation "${approvalAnnotation}", see https://github.com/kubernetes/enhancements/pull/1111`,
    );
  } else {
    const why = `protected groups must have approval annotation "${approvalAnnotation}" with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111`;
    errors.invalid(path, text, why);
  }
}

function approvalState(text: string | undefined): "good" | "missing" | "bad" {
  if (!text) return "missing";
  if (text.startsWith("unapproved")) return "good";
  return URL.canParse(text) ? "good" : "bad";
}

function validatePruning({ spec: { preserveUnknownFields } }: CustomResourceDefinition, errors: FieldErrors): void {
  if (!preserveUnknownFields) return;
  const why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
  errors.invalid(spec.child("preserveUnknownFields"), true, why);
}
