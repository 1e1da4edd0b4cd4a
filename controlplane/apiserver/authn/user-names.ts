/** Names of users and groups that Kubernetes itself gives out. */
import type { UserInfo } from "../http/api-request.ts";

export const groups = {
  masters: "system:masters",
  authenticated: "system:authenticated",
  unauthenticated: "system:unauthenticated",
  serviceAccounts: "system:serviceaccounts",
  nodes: "system:nodes",
  bootstrappers: "system:bootstrappers",
} as const;

export const anonymousUser: UserInfo = { name: "system:anonymous", groups: [groups.unauthenticated] };

/** The server's own user for its writes and for the controllers that run in its process. */
export const loopbackUser: UserInfo = { name: "system:apiserver", groups: [groups.masters, groups.authenticated] };

const serviceAccountPrefix = "system:serviceaccount:";

export function serviceAccountUserName(namespace: string, name: string): string {
  return `${serviceAccountPrefix}${namespace}:${name}`;
}

export function serviceAccountGroups(namespace: string): readonly string[] {
  return [groups.serviceAccounts, `${groups.serviceAccounts}:${namespace}`];
}

/** The parts of `system:serviceaccount:<namespace>:<name>`; undefined for any other user name. */
export function splitServiceAccountUserName(
  userName: string,
): { readonly namespace: string; readonly name: string } | undefined {
  if (!userName.startsWith(serviceAccountPrefix)) return undefined;
  const [namespace, name, ...rest] = userName.slice(serviceAccountPrefix.length).split(":");
  if (!namespace || !name || rest.length > 0) return undefined;
  return isName(namespace, /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/) && isName(name, subdomain)
    ? { namespace, name }
    : undefined;
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

function isName(text: string, shape: RegExp): boolean {
  return text.length <= 253 && shape.test(text);
}

/** The node a kubelet's user stands for: `system:node:<name>` in the group system:nodes. */
export function nodeNameOf(user: UserInfo): string | undefined {
  const prefix = "system:node:";
  if (!user.name.startsWith(prefix) || !user.groups.includes(groups.nodes)) return undefined;
  return user.name.slice(prefix.length);
}

/** Adds system:authenticated, which every user has but the anonymous one. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  if (user.name === anonymousUser.name) return user;
  const has = user.groups.some((group) => group === groups.authenticated || group === groups.unauthenticated);
  return has ? user : { ...user, groups: [...user.groups, groups.authenticated] };
}
