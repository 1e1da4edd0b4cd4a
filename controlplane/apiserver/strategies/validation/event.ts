/**
 * Events: an event lies in the namespace of what it is about. What has an eventTime comes from a newer recorder and must
 * say who reports, and what was done. Source: pkg/apis/core/validation/events.go (v1.36).
 */
import type { Event } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { byteLength, qualifiedNameProblems } from "#pkg/api/names.ts";
import { FieldErrors } from "./field-errors.ts";

const namespacePath = new FieldPath("involvedObject", "namespace");

export function validateEvent(event: Event): FieldErrors {
  const errors = new FieldErrors();
  const own = event.metadata.namespace ?? "";
  const about = event.involvedObject.namespace ?? "";
  const isNew = Boolean(event.eventTime);
  const homes = isNew ? ["default", "kube-system"] : ["", "default"];
  const isHome = about ? own === about || isNew : homes.includes(own);
  if (!isHome) errors.invalid(namespacePath, about, "does not match event.namespace");
  if (isNew) validateReport(event, errors);
  errors.dnsSubdomain(new FieldPath("namespace"), own);
  return errors;
}

function validateReport(event: Event, errors: FieldErrors): void {
  const { reportingComponent = "", reportingInstance, action, reason, message = "" } = event;
  const path = new FieldPath("reportingComponent");
  errors.filled(path, reportingComponent);
  errors.problems(path, reportingComponent, qualifiedNameProblems(reportingComponent));
  for (const [name, text] of Object.entries({ reportingInstance, action, reason })) {
    errors.filled(new FieldPath(name), text);
    validateLength(name, text ?? "", 128, errors);
  }
  validateLength("message", message, 1024, errors);
}

/** The text itself is not shown: it is too long. */
function validateLength(name: string, text: string, max: number, errors: FieldErrors): void {
  if (byteLength(text) > max) errors.invalid(new FieldPath(name), "", `can have at most ${max} characters`);
}
