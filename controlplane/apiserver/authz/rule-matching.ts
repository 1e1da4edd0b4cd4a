/** What a policy rule allows, and whether a set of rules covers another. Pure; the algebra of RBAC. */
import type { AuthorizationAttributes, PolicyRule } from "./authorizer.ts";

export function ruleAllows(rule: PolicyRule, attributes: AuthorizationAttributes): boolean {
  if (!matches(rule.verbs, attributes.verb)) return false;
  if (!attributes.isResourceRequest)
    return (rule.nonResourceURLs ?? []).some((url) => urlMatches(url, attributes.path));
  return (
    matches(rule.apiGroups, attributes.apiGroup) &&
    (rule.resources ?? []).some((one) => resourceMatches(one, attributes.resource, attributes.subresource)) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(attributes.name))
  );
}

/** What `wanted` allows and `held` do not, split into rules of one group, resource, name and verb. */
export function uncoveredRules(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): readonly PolicyRule[] {
  return wanted.flatMap(splitRule).filter((single) => !held.some((rule) => coversSingle(rule, single)));
}

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`, one a line, as upstream shows missing permissions. */
export function describeRules(singles: readonly PolicyRule[]): string {
  const merged = new Map<string, { readonly rule: PolicyRule; readonly verbs: string[] }>();
  for (const rule of singles) {
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames, rule.nonResourceURLs]);
    const known = merged.get(key);
    // Permissions on URLs are shown one by one.
    if (known && !rule.nonResourceURLs) known.verbs.push(...rule.verbs);
    else merged.set(known ? `${key}${merged.size}` : key, { rule, verbs: [...rule.verbs] });
  }
  const texts = [...merged.values()].map(({ rule, verbs }) => describeRule({ ...rule, verbs }));
  return [...new Set(texts)].sort().join("\n");
}

function matches(allowed: readonly string[] | undefined, asked: string): boolean {
  return allowed !== undefined && (allowed.includes("*") || allowed.includes(asked));
}

/** `*` is everything, `pods/log` itself, `*` + `/scale` that subresource of all. `pods` is not `pods/log`. */
function resourceMatches(allowed: string, resource: string, subresource: string): boolean {
  if (allowed === "*") return true;
  if (subresource === "") return allowed === resource;
  return allowed === `${resource}/${subresource}` || allowed === `*/${subresource}`;
}

function urlMatches(allowed: string, path: string): boolean {
  if (allowed === "*" || allowed === path) return true;
  return allowed.endsWith("*") && path.startsWith(allowed.replace(/\*+$/, ""));
}

function splitRule(rule: PolicyRule): readonly PolicyRule[] {
  const names: readonly (readonly string[] | undefined)[] = rule.resourceNames?.length
    ? rule.resourceNames.map((name) => [name])
    : [undefined];
  const ofResources = (rule.apiGroups ?? []).flatMap((group) =>
    (rule.resources ?? []).flatMap((resource) =>
      rule.verbs.flatMap((verb) =>
        names.map((resourceNames) => ({ apiGroups: [group], resources: [resource], verbs: [verb], resourceNames })),
      ),
    ),
  );
  const ofUrls = (rule.nonResourceURLs ?? []).flatMap((url) =>
    rule.verbs.map((verb) => ({ nonResourceURLs: [url], verbs: [verb] })),
  );
  return [...ofResources, ...ofUrls];
}

function coversSingle(rule: PolicyRule, single: PolicyRule): boolean {
  if (!single.verbs.every((verb) => matches(rule.verbs, verb))) return false;
  if (single.nonResourceURLs) {
    return single.nonResourceURLs.every((path) => (rule.nonResourceURLs ?? []).some((url) => urlMatches(url, path)));
  }
  if (!single.apiGroups?.every((group) => matches(rule.apiGroups, group))) return false;
  if (!single.resources?.every((resource) => (rule.resources ?? []).some((held) => resourceCovers(held, resource)))) {
    return false;
  }
  // A rule for named objects never covers one for all of them.
  if (!rule.resourceNames?.length) return true;
  return single.resourceNames?.every((name) => rule.resourceNames?.includes(name)) ?? false;
}

function resourceCovers(held: string, wanted: string): boolean {
  if (held === "*" || held === wanted) return true;
  const slash = wanted.indexOf("/");
  return slash >= 0 && held === `*${wanted.slice(slash)}`;
}

function describeRule(rule: PolicyRule): string {
  const list = (name: string, values: readonly string[] | undefined): readonly string[] =>
    values?.length ? [`${name}:[${values.map((value) => JSON.stringify(value)).join(" ")}]`] : [];
  const parts = [
    ...list("APIGroups", rule.apiGroups),
    ...list("Resources", rule.resources),
    ...list("NonResourceURLs", rule.nonResourceURLs),
    ...list("ResourceNames", rule.resourceNames),
    ...list("Verbs", rule.verbs),
  ];
  return `{${parts.join(", ")}}`;
}
