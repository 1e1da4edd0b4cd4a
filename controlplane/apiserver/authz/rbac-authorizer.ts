/**
 * Role-based access control over the cached roles and bindings. Rules only add: the first that allows decides, and nothing
 * that is missing, dangling or unreadable ever allows.
 */
import { labelSelectorMatcher } from "#pkg/api/labels.ts";
import type { ClusterRole, RoleRef } from "#pkg/api/rbac/v1.ts";
import type { UserInfo } from "../http/api-request.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type {
  AuthorizationAttributes,
  AuthorizationDecision,
  Authorizer,
  PolicyRule,
  RuleResolver,
} from "./authorizer.ts";
import { ruleAllows } from "./rule-matching.ts";
import { type Binding, matchingSubject, SubjectIndex } from "./subject-index.ts";

const group = "rbac.authorization.k8s.io";

export class RbacAuthorizer implements Authorizer, RuleResolver, Disposable {
  readonly #reader: ObjectReader;
  readonly #subjects: SubjectIndex;
  readonly #roleWatch: Disposable;
  /** Rules of aggregated ClusterRoles by name, dropped whenever a ClusterRole changes. */
  readonly #aggregated = new Map<string, readonly PolicyRule[]>();

  constructor(reader: ObjectReader) {
    this.#reader = reader;
    this.#subjects = new SubjectIndex(reader);
    this.#roleWatch = reader.onChange(group, "clusterroles", () => this.#aggregated.clear());
  }

  async authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision> {
    const problems: string[] = [];
    const binding = this.#allowingBinding(attributes, problems);
    if (binding) return { decision: "allow", reason: `RBAC: allowed by ${describe(binding, attributes.user)}` };
    return { decision: "noOpinion", reason: problems.length > 0 ? `RBAC: ${joinProblems(problems)}` : "" };
  }

  async rulesFor(user: UserInfo, namespace: string) {
    const errors: string[] = [];
    const rules: PolicyRule[] = [];
    for (const binding of this.#bindingsOf(user, namespace)) rules.push(...this.#rulesOfBinding(binding, errors));
    return { rules, errors, incomplete: false };
  }

  /** The rules a binding in `namespace` to this role gives; undefined when there is no such role. */
  rulesOfRole(roleRef: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    if (roleRef.kind === "ClusterRole") return this.#rulesOfClusterRole(roleRef.name, new Set());
    if (roleRef.kind !== "Role") return undefined;
    const role = this.#reader.get(group, "roles", namespace, roleRef.name);
    return role && ((role["rules"] as readonly PolicyRule[] | undefined) ?? []);
  }

  [Symbol.dispose](): void {
    this.#subjects[Symbol.dispose]();
    this.#roleWatch[Symbol.dispose]();
  }

  #allowingBinding(attributes: AuthorizationAttributes, problems: string[]): Binding | undefined {
    for (const binding of this.#bindingsOf(attributes.user, attributes.namespace)) {
      const rules = this.#rulesOfBinding(binding, problems);
      if (rules.some((rule) => ruleAllows(rule, attributes))) return binding;
    }
    return undefined;
  }

  *#bindingsOf(user: UserInfo, namespace: string): Iterable<Binding> {
    yield* this.#subjects.bindingsOf(user, "");
    if (namespace !== "") yield* this.#subjects.bindingsOf(user, namespace);
  }

  #rulesOfBinding(binding: Binding, problems: string[]): readonly PolicyRule[] {
    const { roleRef } = binding;
    const rules = this.rulesOfRole(roleRef, binding.metadata.namespace ?? "");
    if (!rules) problems.push(`${roleRef.kind.toLowerCase()}.${group} ${JSON.stringify(roleRef.name)} not found`);
    return rules ?? [];
  }

  /**
   * Of an aggregated role the rules are those of the roles it selects, worked out here so that they hold at once and not
   * only when the aggregation controller has come by. `seen` ends circles.
   */
  #rulesOfClusterRole(name: string, seen: Set<string>): readonly PolicyRule[] | undefined {
    const role = this.#reader.get(group, "clusterroles", "", name) as ClusterRole | undefined;
    if (!role) return undefined;
    if (!role.aggregationRule) return role.rules ?? [];
    const known = this.#aggregated.get(name);
    if (known) return known;
    const isOutermost = seen.size === 0;
    seen.add(name);
    const rules = this.#selectedBy(role)
      .filter((selected) => !seen.has(selected))
      .flatMap((selected) => this.#rulesOfClusterRole(selected, seen) ?? []);
    // Inside a circle the answer depends on where it was entered.
    if (isOutermost) this.#aggregated.set(name, rules);
    return rules;
  }

  #selectedBy(role: ClusterRole): readonly string[] {
    const matchers = (role.aggregationRule?.clusterRoleSelectors ?? []).flatMap((selector) => {
      try {
        return [labelSelectorMatcher(selector)];
      } catch {
        return [];
      }
    });
    const selected = this.#reader
      .list(group, "clusterroles", "")
      .filter(({ metadata }) => matchers.some((matcher) => matcher.matches(metadata.labels)));
    return selected.map(({ metadata }) => metadata.name ?? "").sort();
  }
}

/** `ClusterRoleBinding "x" of ClusterRole "y" to User "z"`, the form upstream's reasons have. */
function describe(binding: Binding, user: UserInfo): string {
  const { namespace, name = "" } = binding.metadata;
  const own = namespace
    ? `RoleBinding ${JSON.stringify(`${name}/${namespace}`)}`
    : `ClusterRoleBinding ${JSON.stringify(name)}`;
  const subject = matchingSubject(binding, user);
  const isAccount = subject?.kind === "ServiceAccount";
  const subjectName = isAccount ? `${subject.name}/${subject.namespace || namespace || ""}` : (subject?.name ?? "");
  const role = `${binding.roleRef.kind} ${JSON.stringify(binding.roleRef.name)}`;
  return `${own} of ${role} to ${subject?.kind ?? ""} ${JSON.stringify(subjectName)}`;
}

function joinProblems(problems: readonly string[]): string {
  const texts = [...new Set(problems)];
  return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
}
