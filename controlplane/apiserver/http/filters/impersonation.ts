/**
 * Acting as somebody else: `Impersonate-User`, `-Group`, `-Uid`, `-Extra-*`. Each part asked for is authorized on its own
 * with verb "impersonate"; then the rest of the chain sees only the impersonated user.
 * Source: k8s.io/apiserver/pkg/endpoints/filters/impersonation.
 */
import { StatusError } from "#pkg/api/status.ts";
import type { AuthorizationAttributes, Authorizer } from "../../authz/authorizer.ts";
import type { ApiFilter, ApiRequest, UserInfo } from "../api-request.ts";
import { forbiddenError } from "../forbidden.ts";

const extraPrefix = "impersonate-extra-";
const serviceAccountPrefix = "system:serviceaccount:";
const authenticated = "system:authenticated";
const unauthenticated = "system:unauthenticated";

export interface Impersonation {
  readonly user: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

export function impersonationFilter(authorizer: Authorizer): ApiFilter {
  return (next) => async (request, context) => {
    const wanted = parseImpersonation(request);
    if (!wanted) return next(request, context);
    for (const attributes of buildImpersonationChecks(wanted, context.user)) {
      const { decision, reason } = await authorizer.authorize(attributes);
      if (decision !== "allow") throw forbiddenError(attributes, reason);
    }
    context.user = computeImpersonatedUser(wanted);
    return next(request, context);
  };
}

/** What the headers ask for; undefined when nothing. Throws when groups or extras come without a user. */
export function parseImpersonation(
  request: Pick<ApiRequest, "headers" | "repeatedHeaders">,
): Impersonation | undefined {
  const { headers } = request;
  const user = headers["impersonate-user"] ?? "";
  const uid = headers["impersonate-uid"] ?? "";
  const groups = valuesOf(request, "impersonate-group");
  const extra: Record<string, readonly string[]> = {};
  for (const name in headers) {
    if (name.startsWith(extraPrefix)) extra[decodeKey(name.slice(extraPrefix.length))] = valuesOf(request, name);
  }
  const others = uid !== "" || groups.length > 0 || Object.keys(extra).length > 0;
  if (user === "" && others) throw StatusError.internal("requested groups, uid or extra without impersonating a user");
  return user === "" ? undefined : { user, uid, groups, extra };
}

/** One check per user, group, uid and extra value. */
export function buildImpersonationChecks(wanted: Impersonation, actor: UserInfo): readonly AuthorizationAttributes[] {
  const check = (apiGroup: string, resource: string, name: string, namespace = "", subresource = "") => ({
    user: actor,
    verb: "impersonate",
    isResourceRequest: true,
    apiGroup,
    apiVersion: "v1",
    resource,
    subresource,
    namespace,
    name,
    path: "",
  });
  const account = serviceAccountOf(wanted.user);
  const checks = [
    account ? check("", "serviceaccounts", account.name, account.namespace) : check("", "users", wanted.user),
  ];
  for (const group of wanted.groups) checks.push(check("", "groups", group));
  if (wanted.uid) checks.push(check("authentication.k8s.io", "uids", wanted.uid));
  for (const [key, values] of Object.entries(wanted.extra)) {
    for (const value of values) checks.push(check("authentication.k8s.io", "userextras", value, "", key));
  }
  return checks;
}

/** Fills in the groups that follow from the name: a service account's own, and whether the user counts as authenticated. */
export function computeImpersonatedUser(wanted: Impersonation): UserInfo {
  const groups = [...wanted.groups];
  const account = serviceAccountOf(wanted.user);
  if (account && groups.length === 0) {
    groups.push("system:serviceaccounts", `system:serviceaccounts:${account.namespace}`);
  }
  if (wanted.user === "system:anonymous") {
    if (!groups.includes(unauthenticated)) groups.push(unauthenticated);
  } else if (!groups.includes(authenticated) && !groups.includes(unauthenticated)) {
    groups.push(authenticated);
  }
  return {
    name: wanted.user,
    groups,
    ...(wanted.uid ? { uid: wanted.uid } : {}),
    ...(Object.keys(wanted.extra).length > 0 ? { extra: wanted.extra } : {}),
  };
}

function serviceAccountOf(user: string): { readonly namespace: string; readonly name: string } | undefined {
  if (!user.startsWith(serviceAccountPrefix)) return undefined;
  const [namespace = "", name = "", more] = user.slice(serviceAccountPrefix.length).split(":");
  return namespace !== "" && name !== "" && more === undefined ? { namespace, name } : undefined;
}

function valuesOf(request: Pick<ApiRequest, "headers" | "repeatedHeaders">, name: string): readonly string[] {
  const single = request.headers[name];
  if (single === undefined) return [];
  return request.repeatedHeaders?.[name] ?? [single];
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
