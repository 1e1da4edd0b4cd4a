/**
 * Nobody grants what they do not hold: writing a role takes all its permissions or the verb "escalate", binding one takes
 * all of the role's permissions or the verb "bind".
 */
import type { RoleRef } from "#pkg/api/rbac/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import { groups } from "../authn/user-names.ts";
import type { UserInfo } from "../http/api-request.ts";
import type { AuthorizationAttributes, Authorizer, PolicyRule } from "./authorizer.ts";
import type { RbacAuthorizer } from "./rbac-authorizer.ts";
import { describeRules, uncoveredRules } from "./rule-matching.ts";

const group = "rbac.authorization.k8s.io";

export type RoleResource = "roles" | "clusterroles";
export type BindingResource = "rolebindings" | "clusterrolebindings";

export class RoleEscalationCheck {
  readonly #rbac: RbacAuthorizer;
  readonly #authorizer: Authorizer;

  /** `authorizer` is asked for "escalate" and "bind". */
  constructor(rbac: RbacAuthorizer, authorizer: Authorizer) {
    this.#rbac = rbac;
    this.#authorizer = authorizer;
  }

  /** Throws StatusError 403 when the user may not write a role with these rules. */
  async checkRole(
    user: UserInfo,
    resource: RoleResource,
    namespace: string,
    name: string,
    rules: readonly PolicyRule[],
  ): Promise<void> {
    if (user.groups.includes(groups.masters)) return;
    if (await this.#mayDo("escalate", user, resource, namespace, name)) return;
    await this.#checkRules(user, resource, namespace, name, rules);
  }

  /** Throws StatusError 403 when the user may not bind this role there, 404 when it must be looked into and is not there. */
  async checkBinding(
    user: UserInfo,
    resource: BindingResource,
    namespace: string,
    name: string,
    roleRef: RoleRef,
  ): Promise<void> {
    if (user.groups.includes(groups.masters)) return;
    const roleResource = roleRef.kind === "Role" ? "roles" : "clusterroles";
    if (await this.#mayDo("bind", user, roleResource, namespace, roleRef.name)) return;
    const rules = this.#rbac.rulesOfRole(roleRef, namespace);
    if (!rules) throw StatusError.notFound({ group, resource: roleResource }, roleRef.name);
    await this.#checkRules(user, resource, namespace, name, rules);
  }

  async #mayDo(
    verb: string,
    user: UserInfo,
    resource: RoleResource,
    namespace: string,
    name: string,
  ): Promise<boolean> {
    const attributes: AuthorizationAttributes = {
      user,
      verb,
      isResourceRequest: true,
      apiGroup: group,
      apiVersion: "*",
      resource,
      subresource: "",
      namespace,
      name,
      path: "",
    };
    return (await this.#authorizer.authorize(attributes)).decision === "allow";
  }

  async #checkRules(
    user: UserInfo,
    resource: RoleResource | BindingResource,
    namespace: string,
    name: string,
    wanted: readonly PolicyRule[],
  ): Promise<void> {
    const { rules: held, errors } = await this.#rbac.rulesFor(user, namespace);
    const missing = uncoveredRules(held, wanted);
    if (missing.length === 0) return;
    const who = `user ${JSON.stringify(user.name)} (groups=[${user.groups.map((one) => JSON.stringify(one)).join(" ")}])`;
    const problems = errors.length > 0 ? `; resolution errors: [${errors.join(", ")}]` : "";
    const why = `${who} is attempting to grant RBAC permissions not currently held:\n${describeRules(missing)}${problems}`;
    throw StatusError.forbidden({ group, resource }, name, why);
  }
}
