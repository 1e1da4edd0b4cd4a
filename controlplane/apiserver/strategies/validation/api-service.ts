/** Registered servers. Source: k8s.io/kube-aggregator/pkg/apis/apiregistration/validation (v1.36). */
import type { APIService } from "#pkg/api/apiregistration/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { dns1035LabelProblems, dns1123SubdomainProblems, portNumberProblems } from "#pkg/api/names.ts";
import { FieldErrors } from "./field-errors.ts";

const at = new FieldPath("spec");
const statuses = ["True", "False", "Unknown"];

export function validateAPIService({ metadata, spec }: APIService): FieldErrors {
  const errors = new FieldErrors();
  const { group = "", version = "", groupPriorityMinimum = 0, versionPriority = 0 } = spec;
  const name = `${version}.${group}`;
  if (metadata.name !== name) {
    const why = `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(name)}`;
    errors.invalid(new FieldPath("metadata", "name"), metadata.name ?? "", why);
  }
  if (!group && version !== "v1") {
    errors.required(at.child("group"), "only v1 may have an empty group and it better be legacy kube");
  }
  if (group) errors.problems(at.child("group"), group, dns1123SubdomainProblems(group));
  errors.problems(at.child("version"), version, dns1035LabelProblems(version));
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > 20_000) {
    errors.invalid(at.child("groupPriorityMinimum"), groupPriorityMinimum, "must be positive and less than 20000");
  }
  if (versionPriority <= 0 || versionPriority > 1000) {
    errors.invalid(at.child("versionPriority"), versionPriority, "must be positive and less than 1000");
  }
  validateConnection(spec, errors);
  return errors;
}

function validateConnection(spec: APIService["spec"], errors: FieldErrors): void {
  const { service, caBundle = "", insecureSkipTLSVerify: insecure = false } = spec;
  const insecurePath = at.child("insecureSkipTLSVerify");
  if (!service) {
    const shown = `${Buffer.from(caBundle, "base64").length} bytes`;
    if (caBundle) errors.invalid(at.child("caBundle"), shown, "local APIServices may not have a caBundle");
    if (insecure) errors.invalid(insecurePath, true, "local APIServices may not have insecureSkipTLSVerify");
    return;
  }
  errors.filled(at.child("service", "namespace"), service.namespace);
  errors.filled(at.child("service", "name"), service.name);
  const { port = 0 } = service;
  const problems = portNumberProblems(port);
  if (problems.length > 0) {
    errors.invalid(at.child("service", "port"), port, `port is not valid: ${problems.join(", ")}`);
  }
  if (insecure && caBundle) errors.invalid(insecurePath, true, "may not be true if caBundle is present");
}

export function validateAPIServiceStatus({ status }: APIService): FieldErrors {
  const errors = new FieldErrors();
  for (const [index, condition] of (status?.conditions ?? []).entries()) {
    const path = new FieldPath("status", "conditions").index(index).child("status");
    if (!statuses.includes(condition.status)) errors.notSupported(path, condition.status, statuses);
  }
  return errors;
}
