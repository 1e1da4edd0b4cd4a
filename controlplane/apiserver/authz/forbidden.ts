/** The 403 for a request that authorization did not allow, in the words clients look for. */
import { StatusError } from "#pkg/api/status.ts";
import type { AuthorizationAttributes } from "./authorizer.ts";

export function forbidden(attributes: AuthorizationAttributes, reason: string): StatusError {
  const text = reason === "" ? describeRefusal(attributes) : `${describeRefusal(attributes)}: ${reason}`;
  const { isResourceRequest, apiGroup, resource, name } = attributes;
  return StatusError.forbidden({ group: apiGroup, resource: isResourceRequest ? resource : "" }, name, text);
}

/** `User "x" cannot list resource "pods" in API group "" in the namespace "d"`. */
export function describeRefusal(attributes: AuthorizationAttributes): string {
  const user = `User ${JSON.stringify(attributes.user.name)}`;
  if (!attributes.isResourceRequest) return `${user} cannot ${attributes.verb} path ${JSON.stringify(attributes.path)}`;
  const { verb, apiGroup, resource, subresource, namespace } = attributes;
  const full = subresource === "" ? resource : `${resource}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  return `${user} cannot ${verb} resource ${JSON.stringify(full)} in API group ${JSON.stringify(apiGroup)} ${where}`;
}
