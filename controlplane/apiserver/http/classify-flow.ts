/**
 * Which FlowSchema a request falls under. Pure. Schemas are tried by rising precedence; the first whose rules match the user
 * and the request counts. Source: k8s.io/apiserver/pkg/util/flowcontrol/rule.go.
 */
import type {
  FlowSchema,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from "#pkg/api/flowcontrol/v1.ts";
import type { UserInfo } from "./api-request.ts";
import type { RequestInfo } from "./request-info.ts";

const defaultPrecedence = 1000;

/** In the order they are to be tried. */
export function rankFlowSchemas(schemas: readonly FlowSchema[]): readonly FlowSchema[] {
  return schemas.toSorted((a, b) => {
    const byPrecedence =
      (a.spec.matchingPrecedence ?? defaultPrecedence) - (b.spec.matchingPrecedence ?? defaultPrecedence);
    return byPrecedence || ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1);
  });
}

/** `ranked` comes from rankFlowSchemas. */
export function classifyFlow(ranked: readonly FlowSchema[], user: UserInfo, info: RequestInfo): FlowSchema | undefined {
  return ranked.find((schema) => schema.spec.rules?.some((rules) => matchesRules(rules, user, info)));
}

function matchesRules(rules: PolicyRulesWithSubjects, user: UserInfo, info: RequestInfo): boolean {
  if (!rules.subjects.some((subject) => matchesSubject(subject, user))) return false;
  return info.isResourceRequest
    ? (rules.resourceRules?.some((rule) => matchesResource(rule, info)) ?? false)
    : (rules.nonResourceRules?.some((rule) => matchesPath(rule, info)) ?? false);
}

function matchesSubject(subject: Subject, user: UserInfo): boolean {
  switch (subject.kind) {
    case "User":
      return subject.user?.name === "*" || subject.user?.name === user.name;
    case "Group":
      return subject.group?.name === "*" || user.groups.includes(subject.group?.name ?? "");
    case "ServiceAccount": {
      const { namespace = "", name = "" } = subject.serviceAccount ?? {};
      const prefix = `system:serviceaccount:${namespace}:`;
      return name === "*" ? user.name.startsWith(prefix) : user.name === prefix + name;
    }
    default:
      return false;
  }
}

function matchesResource(rule: ResourcePolicyRule, info: RequestInfo): boolean {
  const resource = info.subresource ? `${info.resource}/${info.subresource}` : info.resource;
  const inScope = info.namespace === "" ? rule.clusterScope === true : holds(rule.namespaces ?? [], info.namespace);
  return (
    inScope && holds(rule.verbs, info.verb) && holds(rule.apiGroups, info.apiGroup) && holds(rule.resources, resource)
  );
}

function matchesPath(rule: NonResourcePolicyRule, info: RequestInfo): boolean {
  if (!holds(rule.verbs, info.verb)) return false;
  return rule.nonResourceURLs.some((pattern) => {
    if (pattern === "*" || pattern === info.path) return true;
    return pattern.endsWith("*") && info.path.startsWith(pattern.slice(0, -1));
  });
}

function holds(list: readonly string[], wanted: string): boolean {
  return list.includes("*") || list.includes(wanted);
}
