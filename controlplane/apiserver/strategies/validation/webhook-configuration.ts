/** Admission webhooks. Source: pkg/apis/admissionregistration/validation (v1.36). */
import type * as admission from "#pkg/api/admissionregistration/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { dns1123SubdomainProblems } from "#pkg/api/names.ts";
import {
  failurePolicies,
  matchPolicies,
  reinvocationPolicies,
  validateMatchConditions,
  validateRule,
} from "./admission-rules.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateLabelSelector } from "./label-selectors.ts";
import { validateReviewVersions, validateWebhookClient } from "./webhook-clients.ts";

const webhooksPath = new FieldPath("webhooks");
const sideEffects = ["None", "NoneOnDryRun"];

type Webhook = admission.ValidatingWebhook & Pick<admission.MutatingWebhook, "reinvocationPolicy">;

export function validateWebhooks({ webhooks }: { readonly webhooks?: readonly Webhook[] | undefined }): FieldErrors {
  const errors = new FieldErrors();
  const names = new Set<string>();
  for (const [index, webhook] of (webhooks ?? []).entries()) {
    const at = webhooksPath.index(index);
    validateWebhook(webhook, at, errors);
    validateReviewVersions(
      webhook.admissionReviewVersions,
      "must specify one of v1, v1beta1",
      at.child("admissionReviewVersions"),
      errors,
    );
    if (webhook.name && names.has(webhook.name)) errors.duplicate(at.child("name"), webhook.name);
    names.add(webhook.name);
  }
  return errors;
}

function validateWebhook(webhook: Webhook, at: FieldPath, errors: FieldErrors): void {
  validateQualifiedDomain(webhook.name ?? "", at.child("name"), errors);
  for (const [index, rule] of (webhook.rules ?? []).entries()) {
    validateRule(rule, at.child("rules").index(index), errors);
  }
  const { failurePolicy, matchPolicy, reinvocationPolicy, sideEffects: effects, timeoutSeconds: seconds } = webhook;
  const choices = [
    ["failurePolicy", failurePolicy, failurePolicies],
    ["matchPolicy", matchPolicy, matchPolicies],
    ["reinvocationPolicy", reinvocationPolicy, reinvocationPolicies],
    ["sideEffects", effects, sideEffects],
  ] as const;
  if (effects == null) errors.required(at.child("sideEffects"), `must specify one of ${sideEffects.join(", ")}`);
  for (const [field, value, supported] of choices) {
    if (value != null && !supported.includes(value)) errors.notSupported(at.child(field), value, supported);
  }
  if (seconds != null && (seconds > 30 || seconds < 1)) {
    errors.invalid(at.child("timeoutSeconds"), seconds, "the timeout value must be between 1 and 30 seconds");
  }
  validateLabelSelector(webhook.namespaceSelector, at.child("namespaceSelector"), errors);
  validateLabelSelector(webhook.objectSelector, at.child("objectSelector"), errors);
  validateWebhookClient(webhook.clientConfig, at.child("clientConfig"), errors);
  validateMatchConditions(webhook.matchConditions, at.child("matchConditions"), errors);
}

function validateQualifiedDomain(name: string, at: FieldPath, errors: FieldErrors): void {
  const problems = dns1123SubdomainProblems(name);
  if (!name) errors.required(at);
  else if (problems.length > 0) errors.invalid(at, name, problems.join(","));
  else if (name.split(".").length < 3) {
    errors.invalid(at, name, "should be a domain with at least three segments separated by dots");
  }
}
