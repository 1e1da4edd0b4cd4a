/** What plugins ask about a request, and how they refuse it. */
import { type StatusCause, StatusError } from "#pkg/api/status.ts";
import type { AdmissionAttributes, AdmissionOperation } from "./admission.ts";

type About = Pick<AdmissionAttributes, "operation" | "resource" | "subresource">;

/** `what` is "pods", "pods/status" or, outside the core group, "ingresses.networking.k8s.io". */
export function isRequest(attributes: About, what: string, ...operations: readonly AdmissionOperation[]): boolean {
  const { resource, subresource, operation } = attributes;
  if (operations.length > 0 && !operations.includes(operation)) return false;
  const full = resource.group ? `${resource.resource}.${resource.group}` : resource.resource;
  return (subresource ? `${full}/${subresource}` : full) === what;
}

/** A 403 as admission gives it: `pods "x" is forbidden: why`. */
export function refuse(attributes: AdmissionAttributes, why: string, causes?: readonly StatusCause[]): StatusError {
  const { group, resource } = attributes.resource;
  return StatusError.forbidden({ group, resource }, nameOf(attributes), why, causes);
}

/** The name the client knows: of an object whose name is still to be made, what it will begin with. */
function nameOf({ name, object }: AdmissionAttributes): string {
  if (name !== "") return name;
  return object?.metadata.name || object?.metadata.generateName || "Unknown";
}

/** Several problems as one text, as upstream joins them. */
export function joinProblems(problems: readonly string[]): string {
  const texts = [...new Set(problems)];
  return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
}
