/**
 * Acting as another user (`kubectl --as`): each part of the wanted identity is authorized by itself, then the request goes
 * on as that user alone. Headers and rules are upstream's.
 */
import { StatusError } from "#pkg/api/status.ts";
import type { AuthorizationAttributes, Authorizer } from "../authz/authorizer.ts";
import { forbidden } from "../authz/forbidden.ts";
import type { ApiRequest, UserInfo } from "../http/api-request.ts";
import { extraFromHeaders, headerValues } from "./request-headers.ts";
import { anonymousUser, groups, serviceAccountGroups, splitServiceAccountUserName } from "./user-names.ts";

const extraPrefix = "impersonate-extra-";

/** The user to go on as; undefined when none is asked for. Throws StatusError 400 or 403. */
export async function impersonate(
  request: Pick<ApiRequest, "headers" | "repeatedHeaders">,
  user: UserInfo,
  authorizer: Authorizer,
): Promise<UserInfo | undefined> {
  const wanted = readWanted(request);
  if (!wanted) return undefined;
  for (const attributes of attributesFor(wanted, user)) {
    const { decision, reason } = await authorizer.authorize(attributes);
    if (decision !== "allow") throw forbidden(attributes, reason);
  }
  return resolve(wanted);
}

interface Wanted {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

function readWanted(request: Pick<ApiRequest, "headers" | "repeatedHeaders">): Wanted | undefined {
  const wanted = {
    name: request.headers["impersonate-user"] ?? "",
    uid: request.headers["impersonate-uid"] ?? "",
    groups: headerValues(request, "impersonate-group"),
    extra: extraFromHeaders(request, extraPrefix),
  };
  const hasMore = wanted.uid !== "" || wanted.groups.length > 0 || Object.keys(wanted.extra).length > 0;
  if (wanted.name !== "") return wanted;
  if (hasMore) throw StatusError.badRequest("requested groups, uid or extra fields without impersonating a user");
  return undefined;
}

function attributesFor(wanted: Wanted, user: UserInfo): readonly AuthorizationAttributes[] {
  const one = (what: Partial<AuthorizationAttributes>): AuthorizationAttributes => ({
    user,
    verb: "impersonate",
    isResourceRequest: true,
    apiGroup: "",
    apiVersion: "v1",
    resource: "",
    subresource: "",
    namespace: "",
    name: "",
    path: "",
    ...what,
  });
  const account = splitServiceAccountUserName(wanted.name);
  const apiGroup = "authentication.k8s.io";
  return [
    account ? one({ resource: "serviceaccounts", ...account }) : one({ resource: "users", name: wanted.name }),
    ...wanted.groups.map((name) => one({ resource: "groups", name })),
    ...Object.entries(wanted.extra).flatMap(([subresource, values]) =>
      values.map((name) => one({ apiGroup, resource: "userextras", subresource, name })),
    ),
    ...(wanted.uid ? [one({ apiGroup, resource: "uids", name: wanted.uid })] : []),
  ];
}

function resolve(wanted: Wanted): UserInfo {
  const account = splitServiceAccountUserName(wanted.name);
  const named = wanted.groups.length > 0 || !account ? wanted.groups : serviceAccountGroups(account.namespace);
  return {
    name: wanted.name,
    ...(wanted.uid ? { uid: wanted.uid } : {}),
    groups: withDefaultGroup(wanted.name, named),
    extra: wanted.extra,
  };
}

function withDefaultGroup(name: string, named: readonly string[]): readonly string[] {
  if (named.includes(groups.unauthenticated)) return named;
  if (name === anonymousUser.name) return [...named, groups.unauthenticated];
  return named.includes(groups.authenticated) ? named : [...named, groups.authenticated];
}
