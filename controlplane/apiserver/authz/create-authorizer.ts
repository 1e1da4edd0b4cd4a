/** Authorization as a whole: system:masters may do everything, then nodes, then roles. */
import { groups, nodeNameOf } from "../authn/user-names.ts";
import type { UserInfo } from "../http/api-request.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type {
  AuthorizationAttributes,
  AuthorizationDecision,
  Authorizer,
  PolicyRule,
  RuleResolver,
} from "./authorizer.ts";
import { NodeAuthorizer } from "./node-authorizer.ts";
import { RbacAuthorizer } from "./rbac-authorizer.ts";
import { RoleEscalationCheck } from "./role-escalation.ts";

export interface Authorization extends Authorizer, RuleResolver, Disposable {
  /** For the admission of roles and bindings. */
  readonly escalation: RoleEscalationCheck;
}

export function createAuthorizer(ports: { readonly reader: ObjectReader }): Authorization {
  const node = new NodeAuthorizer(ports.reader);
  const rbac = new RbacAuthorizer(ports.reader);
  return new AuthorizerChain(node, rbac);
}

const everything: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

/** The first opinion counts; without one the reasons are joined, and the answer is no. */
class AuthorizerChain implements Authorization {
  readonly escalation: RoleEscalationCheck;
  readonly #node: NodeAuthorizer;
  readonly #rbac: RbacAuthorizer;

  constructor(node: NodeAuthorizer, rbac: RbacAuthorizer) {
    this.#node = node;
    this.#rbac = rbac;
    this.escalation = new RoleEscalationCheck(rbac, this);
  }

  async authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision> {
    if (attributes.user.groups.includes(groups.masters)) return { decision: "allow", reason: "" };
    const reasons: string[] = [];
    for (const authorizer of [this.#node, this.#rbac]) {
      const decision = await authorizer.authorize(attributes);
      if (decision.decision !== "noOpinion") return decision;
      if (decision.reason !== "") reasons.push(decision.reason);
    }
    return { decision: "noOpinion", reason: reasons.join("\n") };
  }

  async rulesFor(user: UserInfo, namespace: string) {
    const { rules, errors } = await this.#rbac.rulesFor(user, namespace);
    const isNode = nodeNameOf(user) !== undefined;
    return {
      rules: user.groups.includes(groups.masters) ? [...everything, ...rules] : rules,
      errors: isNode ? ["node authorizer does not support user rule resolution", ...errors] : errors,
      incomplete: isNode,
    };
  }

  [Symbol.dispose](): void {
    this.#node[Symbol.dispose]();
    this.#rbac[Symbol.dispose]();
  }
}
