/** Which requests belong together. Source: pkg/apis/flowcontrol/validation (v1.36). */

import { FieldPath } from "#pkg/api/field.ts";
import type * as flowcontrol from "#pkg/api/flowcontrol/v1.ts";
import { nameIsLabel, nameIsSubdomain } from "#pkg/api/names.ts";
import { bootstrapFlowSchemas, mandatoryFlowControl } from "../../bootstrap/flow-control.ts";
import { typeEqual } from "../type-equal.ts";
import { FieldErrors } from "./field-errors.ts";

const spec = new FieldPath("spec");
const lowestPrecedence = 10_000;
const exemptName = "exempt";
const distinguishers = ["ByNamespace", "ByUser"];
const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];
/** Every server has these, and nobody changes them. */
const mandatorySpecs = new Map(
  bootstrapFlowSchemas()
    .filter(({ metadata }) => mandatoryFlowControl.has(metadata.name ?? ""))
    .map(({ metadata, spec: fixed }) => [metadata.name ?? "", fixed]),
);
const kinds = ["Group", "ServiceAccount", "User"];

export function validateFlowSchema(schema: flowcontrol.FlowSchema): FieldErrors {
  const errors = new FieldErrors();
  const name = schema.metadata.name ?? "";
  const { matchingPrecedence = 0, distinguisherMethod, priorityLevelConfiguration, rules } = schema.spec;
  validatePrecedence(matchingPrecedence, name, errors);
  if (distinguisherMethod && !distinguishers.includes(distinguisherMethod.type)) {
    errors.notSupported(spec.child("distinguisherMethod", "type"), distinguisherMethod, distinguishers);
  }
  errors.named(
    spec.child("priorityLevelConfiguration", "name"),
    priorityLevelConfiguration?.name,
    (text) => nameIsSubdomain(text, false),
    "must reference a priority level",
  );
  for (const [index, rule] of (rules ?? []).entries()) validateRules(rule, spec.child("rules").index(index), errors);
  const mandatory = mandatorySpecs.get(name);
  if (mandatory && !typeEqual("flowcontrol/v1.FlowSchemaSpec", schema.spec, mandatory)) {
    errors.invalid(spec, schema.spec, `spec of '${name}' must equal the fixed value`);
  }
  errors.add(...validateStatus(schema).list);
  return errors;
}

function validatePrecedence(precedence: number, name: string, errors: FieldErrors): void {
  const at = spec.child("matchingPrecedence");
  if (precedence <= 0) errors.invalid(at, precedence, "must be a positive value");
  if (precedence > lowestPrecedence) {
    errors.invalid(at, precedence, `must not be greater than ${lowestPrecedence}`);
  }
  if (precedence === 1 && name !== exemptName) {
    errors.invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1");
  }
}

interface WithConditions {
  readonly status?: { readonly conditions?: readonly { readonly type?: string | undefined }[] | undefined } | undefined;
}

/** Also for priority levels: their conditions are alike. */
export function validateStatus({ status }: WithConditions): FieldErrors {
  const errors = new FieldErrors();
  const types = new Set<string>();
  for (const [index, { type = "" }] of (status?.conditions ?? []).entries()) {
    const at = new FieldPath("status", "conditions").index(index).child("type");
    if (types.has(type)) errors.duplicate(at, type);
    types.add(type);
    errors.filled(at, type);
  }
  return errors;
}

function validateRules(rule: flowcontrol.PolicyRulesWithSubjects, at: FieldPath, errors: FieldErrors): void {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule;
  if (subjects.length === 0) errors.required(at.child("subjects"), "subjects must contain at least one value");
  for (const [index, subject] of subjects.entries()) {
    validateSubject(subject, at.child("subjects").index(index), errors);
  }
  if (resourceRules.length === 0 && nonResourceRules.length === 0) {
    errors.required(at, "at least one of resourceRules and nonResourceRules has to be non-empty");
  }
  for (const [index, one] of resourceRules.entries()) {
    validateResourceRule(one, at.child("resourceRules").index(index), errors);
  }
  for (const [index, one] of nonResourceRules.entries()) {
    const path = at.child("nonResourceRules").index(index);
    validateVerbs(one.verbs ?? [], path.child("verbs"), errors);
    validateUrls(one.nonResourceURLs ?? [], path.child("nonResourceURLs"), errors);
  }
}

const subjectFields = { ServiceAccount: "serviceAccount", User: "user", Group: "group" } as const;

function validateSubject(subject: flowcontrol.Subject, at: FieldPath, errors: FieldErrors): void {
  const { kind } = subject;
  if (!kinds.includes(kind)) {
    errors.notSupported(at.child("kind"), kind ?? "", kinds);
    return;
  }
  for (const [own, field] of Object.entries(subjectFields)) {
    const path = at.child(field);
    if (own !== kind) {
      if (subject[field]) errors.forbidden(path, `${field} is forbidden when subject kind is not '${own}'`);
    } else if (!subject[field]) errors.required(path, `${field} is required when subject kind is '${own}'`);
  }
  const name = subject[subjectFields[kind as keyof typeof subjectFields]];
  if (!name) return;
  if (kind === "ServiceAccount" && subject.serviceAccount) {
    validateAccount(subject.serviceAccount, at.child("serviceAccount"), errors);
  } else errors.filled(at.child(subjectFields[kind as keyof typeof subjectFields], "name"), name.name);
}

function validateAccount(account: flowcontrol.ServiceAccountSubject, at: FieldPath, errors: FieldErrors): void {
  const { name, namespace } = account;
  if (name !== "*") errors.named(at.child("name"), name, (text) => nameIsSubdomain(text, false));
  errors.named(
    at.child("namespace"),
    namespace,
    (text) => nameIsLabel(text, false),
    "must specify namespace for service account",
  );
}

function validateVerbs(given: readonly string[], at: FieldPath, errors: FieldErrors): void {
  if (given.length === 0) errors.required(at, "verbs must contain at least one value");
  else if (given.includes("*")) validateAlone(given, "verbs", at, errors);
  else if (!given.every((verb) => verbs.includes(verb))) errors.notSupported(at, given, verbs);
}

function validateAlone(given: readonly string[], what: string, at: FieldPath, errors: FieldErrors): void {
  if (given.length > 1 && given.includes("*")) {
    errors.invalid(at, given, `if '*' is present, must not specify other ${what}`);
  }
}

function validateResourceRule(rule: flowcontrol.ResourcePolicyRule, at: FieldPath, errors: FieldErrors): void {
  const { apiGroups = [], resources = [], namespaces = [], clusterScope = false } = rule;
  validateVerbs(rule.verbs ?? [], at.child("verbs"), errors);
  if (apiGroups.length === 0) {
    errors.required(at.child("apiGroups"), "resource rules must supply at least one api group");
  }
  validateAlone(apiGroups, "api groups", at.child("apiGroups"), errors);
  if (resources.length === 0) {
    errors.required(at.child("resources"), "resource rules must supply at least one resource");
  }
  validateAlone(resources, "resources", at.child("resources"), errors);
  const path = at.child("namespaces");
  if (namespaces.length === 0 && !clusterScope) {
    errors.required(path, "resource rules that are not cluster scoped must supply at least one namespace");
  } else if (namespaces.includes("*")) validateAlone(namespaces, "namespaces", path, errors);
  else {
    for (const [index, namespace] of namespaces.entries()) {
      const problems = nameIsLabel(namespace, false).map(
        (problem) => `each member of this list must be '*' or a DNS-1123 label; ${problem}`,
      );
      errors.problems(path.index(index), namespace, problems);
    }
  }
}

function validateUrls(urls: readonly string[], at: FieldPath, errors: FieldErrors): void {
  if (urls.length === 0) errors.required(at, "nonResourceURLs must contain at least one value");
  else if (urls.includes("*")) validateAlone(urls, "non-resource URLs", at, errors);
  else {
    for (const [index, url] of urls.entries()) {
      const problem = urlProblem(url);
      if (problem) errors.invalid(at.index(index), url, problem);
    }
  }
}

function urlProblem(url: string): string | undefined {
  if (!url) return "must not be empty";
  if (url === "/") return undefined;
  if (!url.startsWith("/")) return "must start with slash";
  if (url.includes(" ")) return "must not contain white-space";
  if (url.includes("//")) return "must not contain double slash";
  const stars = url.split("*").length - 1;
  return stars > 1 || (stars === 1 && !url.endsWith("/*")) ? "wildcard can only do suffix matching" : undefined;
}
