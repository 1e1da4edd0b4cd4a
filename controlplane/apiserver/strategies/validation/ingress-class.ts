/** Ingress classes. Source: pkg/apis/networking/validation (v1.36). */
import { FieldPath } from "#pkg/api/field.ts";
import { byteLength, httpPathProblems, nameIsLabel } from "#pkg/api/names.ts";
import type { IngressClass, IngressClassParametersReference } from "#pkg/api/networking/v1.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateTypedReference } from "./references.ts";

const spec = new FieldPath("spec");
const controllerPath = spec.child("controller");
const longestController = 250;
const scopes = ["Cluster", "Namespace"];

export function validateIngressClass({ spec: { controller = "", parameters } }: IngressClass): FieldErrors {
  const errors = new FieldErrors();
  if (byteLength(controller) > longestController) errors.tooLong(controllerPath, longestController);
  validateDomainPath(controller, controllerPath, errors);
  if (parameters) validateParameters(parameters, spec.child("parameters"), errors);
  return errors;
}

export function validateIngressClassUpdate(next: IngressClass, current: IngressClass): FieldErrors {
  const errors = new FieldErrors();
  errors.immutable(controllerPath, next.spec.controller ?? "", current.spec.controller ?? "");
  errors.add(...validateIngressClass(next).list);
  return errors;
}

/** `acme.io/any/path` */
function validateDomainPath(text: string, at: FieldPath, errors: FieldErrors): void {
  if (!text) {
    errors.required(at);
    return;
  }
  const slash = text.indexOf("/");
  const [host, path] = [text.slice(0, Math.max(slash, 0)), text.slice(slash + 1)];
  if (!host || !path) {
    errors.invalid(at, text, 'must be a domain-prefixed path (such as "acme.io/foo")');
    return;
  }
  errors.dnsSubdomain(at, host);
  errors.problems(at, path, httpPathProblems(path));
}

function validateParameters(reference: IngressClassParametersReference, at: FieldPath, errors: FieldErrors): void {
  validateTypedReference(reference, at, errors);
  const { scope, namespace } = reference;
  const path = at.child("namespace");
  if (scope == null) errors.required(at.child("scope"));
  else if (!scopes.includes(scope)) errors.notSupported(at.child("scope"), scope, scopes);
  else if (scope === "Cluster") {
    if (namespace != null) errors.forbidden(path, "`parameters.scope` is set to 'Cluster'");
  } else if (namespace == null) errors.required(path, "`parameters.scope` is set to 'Namespace'");
  else errors.problems(path, namespace, nameIsLabel(namespace, false));
}
