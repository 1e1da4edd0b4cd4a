/** The 403 of authorization, word for word as clients and people search for it. Pure. */
import { StatusError } from "#pkg/api/status.ts";
import type { AuthorizationAttributes } from "../authz/authorizer.ts";

/** `reason` comes from the authorizer and may be empty. */
export function forbiddenError(attributes: AuthorizationAttributes, reason: string): StatusError {
  const message = sanitize(forbiddenMessage(attributes));
  return StatusError.forbidden(
    { group: attributes.apiGroup, resource: attributes.resource },
    attributes.name,
    reason ? `${message}: ${reason}` : message,
  );
}

function forbiddenMessage(attributes: AuthorizationAttributes): string {
  const { user, verb } = attributes;
  if (!attributes.isResourceRequest) return `User ${quote(user.name)} cannot ${verb} path ${quote(attributes.path)}`;
  const resource = attributes.subresource ? `${attributes.resource}/${attributes.subresource}` : attributes.resource;
  const where = attributes.namespace ? `in the namespace ${quote(attributes.namespace)}` : "at the cluster scope";
  return `User ${quote(user.name)} cannot ${verb} resource ${quote(resource)} in API group ${quote(attributes.apiGroup)} ${where}`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}

/** These texts end up in browsers. */
function sanitize(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
