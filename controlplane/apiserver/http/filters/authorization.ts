/** Asks the authorizer. No opinion, and any failure of the authorizer, mean no. */
import type { AuthorizationAttributes, Authorizer } from "../../authz/authorizer.ts";
import type { ApiFilter, ApiRequest, UserInfo } from "../api-request.ts";
import { forbiddenError } from "../forbidden.ts";
import type { RequestInfo } from "../request-info.ts";

const selecting: ReadonlySet<string> = new Set(["list", "watch", "deletecollection"]);

export function authorizationFilter(
  authorizer: Authorizer,
  observe?: (decision: "allowed" | "denied" | "no-opinion" | "error") => void,
): ApiFilter {
  return (next) => async (request, context) => {
    const attributes = buildAttributes(request, context.info, context.user);
    let verdict: Awaited<ReturnType<Authorizer["authorize"]>>;
    try {
      verdict = await authorizer.authorize(attributes);
    } catch (error) {
      observe?.("error");
      throw error;
    }
    if (verdict.decision === "allow") {
      observe?.("allowed");
      return next(request, context);
    }
    observe?.(verdict.decision === "deny" ? "denied" : "no-opinion");
    throw forbiddenError(attributes, verdict.reason);
  };
}

export function buildAttributes(
  request: Pick<ApiRequest, "query">,
  info: RequestInfo,
  user: UserInfo,
): AuthorizationAttributes {
  const attributes: AuthorizationAttributes = {
    user,
    verb: info.verb,
    isResourceRequest: info.isResourceRequest,
    apiGroup: info.apiGroup,
    apiVersion: info.apiVersion,
    resource: info.resource,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
    path: info.path,
  };
  if (!selecting.has(info.verb)) return attributes;
  const fieldSelector = request.query.get("fieldSelector");
  const labelSelector = request.query.get("labelSelector");
  return fieldSelector || labelSelector
    ? { ...attributes, fieldSelector: fieldSelector ?? "", labelSelector: labelSelector ?? "" }
    : attributes;
}
