import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AuthorizationAttributes, PolicyRule } from "./authorizer.ts";
import { describeRules, ruleAllows, uncoveredRules } from "./rule-matching.ts";

function ask(verb: string, what: string, more: Partial<AuthorizationAttributes> = {}): AuthorizationAttributes {
  const [resource = "", subresource = ""] = what.split("/");
  const user = { name: "u", groups: [] };
  const base = {
    user,
    verb,
    isResourceRequest: true,
    apiGroup: "",
    apiVersion: "v1",
    namespace: "",
    name: "",
    path: "",
  };
  return { ...base, resource, subresource, ...more };
}

const askPath = (verb: string, path: string): AuthorizationAttributes =>
  ask(verb, "", { isResourceRequest: false, path });
const pods = (resources: string[], more: Partial<PolicyRule> = {}): PolicyRule => ({
  verbs: ["get"],
  apiGroups: [""],
  resources,
  ...more,
});

describe("ruleAllows", () => {
  test.each<[string, PolicyRule, AuthorizationAttributes, boolean]>([
    ["the very resource", pods(["pods"]), ask("get", "pods"), true],
    ["another verb", pods(["pods"]), ask("list", "pods"), false],
    ["every verb", pods(["pods"], { verbs: ["*"] }), ask("anything", "pods"), true],
    ["another group", pods(["pods"]), ask("get", "pods", { apiGroup: "metrics.k8s.io" }), false],
    ["every group", pods(["pods"], { apiGroups: ["*"] }), ask("get", "pods", { apiGroup: "x" }), true],
    ["no group at all", pods(["pods"], { apiGroups: undefined }), ask("get", "pods"), false],
    ["a subresource through its resource", pods(["pods"]), ask("get", "pods/log"), false],
    ["a subresource by name", pods(["pods/log"]), ask("get", "pods/log"), true],
    ["the resource through its subresource", pods(["pods/log"]), ask("get", "pods"), false],
    ["a subresource of everything", pods(["*/scale"]), ask("get", "deployments/scale"), true],
    ["another one of everything", pods(["*/scale"]), ask("get", "deployments/status"), false],
    ["a longer subresource's end", pods(["*/scale"]), ask("get", "x/autoscale"), false],
    ["everything", pods(["*"]), ask("get", "pods/log"), true],
    ["a half star", pods(["pod*"]), ask("get", "pods"), false],
    ["a star before the slash with the resource", pods(["pods/*"]), ask("get", "pods/log"), false],
    ["the named object", pods(["pods"], { resourceNames: ["a"] }), ask("get", "pods", { name: "a" }), true],
    ["another object", pods(["pods"], { resourceNames: ["a"] }), ask("get", "pods", { name: "b" }), false],
    ["no object in particular", pods(["pods"], { resourceNames: ["a"] }), ask("get", "pods"), false],
    ["an empty list of names", pods(["pods"], { resourceNames: [] }), ask("get", "pods", { name: "b" }), true],
    ["a path through a resource rule", pods(["*"]), askPath("get", "/metrics"), false],
    ["a path", { verbs: ["get"], nonResourceURLs: ["/metrics"] }, askPath("get", "/metrics"), true],
    ["a longer path", { verbs: ["get"], nonResourceURLs: ["/metrics"] }, askPath("get", "/metrics/slis"), false],
    ["below a path", { verbs: ["get"], nonResourceURLs: ["/apis/*"] }, askPath("get", "/apis/apps/v1"), true],
    ["a path without its last slash", { verbs: ["get"], nonResourceURLs: ["/apis/*"] }, askPath("get", "/apis"), false],
    ["every path", { verbs: ["get"], nonResourceURLs: ["*"] }, askPath("get", "/x"), true],
    ["a resource through a path rule", { verbs: ["*"], nonResourceURLs: ["*"] }, ask("get", "pods"), false],
  ])("decides on %s", (_what, rule, attributes, allowed) => {
    expect(ruleAllows(rule, attributes)).toBe(allowed);
  });
});

const word = fc.constantFrom("a", "b", "c");
const verb = fc.constantFrom("get", "list", "create");
const list = (of: fc.Arbitrary<string>) => fc.uniqueArray(of, { maxLength: 3 });
const resource = fc.constantFrom("a", "b", "a/log", "b/log", "*/log", "*", "b/scale");
const rules: fc.Arbitrary<PolicyRule> = fc.oneof(
  fc.record({
    verbs: list(fc.oneof(verb, fc.constant("*"))),
    apiGroups: list(fc.oneof(word, fc.constant("*"))),
    resources: list(resource),
    resourceNames: list(word),
  }),
  fc.record({
    verbs: list(fc.oneof(verb, fc.constant("*"))),
    nonResourceURLs: list(fc.constantFrom("*", "/a", "/a/*", "/a/b", "/b")),
  }),
);
const requests: fc.Arbitrary<AuthorizationAttributes> = fc.oneof(
  fc
    .tuple(
      verb,
      fc.constantFrom("a", "b", "c"),
      fc.constantFrom("", "/log", "/scale"),
      word,
      fc.constantFrom("", "a", "b"),
    )
    .map(([one, resourceName, sub, apiGroup, name]) => ask(one, resourceName + sub, { apiGroup, name })),
  fc.tuple(verb, fc.constantFrom("/", "/a", "/a/b", "/a/b/c", "/b", "/c")).map(([one, path]) => askPath(one, path)),
);

describe("uncoveredRules", () => {
  test("finds nothing missing only when all that the wanted rules allow is held", () => {
    fc.assert(
      fc.property(fc.array(rules, { maxLength: 4 }), rules, requests, (held, wanted, request) => {
        if (uncoveredRules(held, [wanted]).length > 0 || !ruleAllows(wanted, request)) return;
        expect(held.some((rule) => ruleAllows(rule, request))).toBe(true);
      }),
      { numRuns: 20_000 },
    );
  });

  test("finds rules covered by themselves and by everything", () => {
    const all: PolicyRule[] = [
      { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
      { verbs: ["*"], nonResourceURLs: ["*"] },
    ];
    fc.assert(
      fc.property(rules, (rule) => {
        expect(uncoveredRules([rule], [rule])).toEqual([]);
        expect(uncoveredRules(all, [rule])).toEqual([]);
      }),
    );
  });

  test("does not let a rule for named objects cover one for all", () => {
    const named = pods(["pods"], { resourceNames: ["a"] });
    expect(uncoveredRules([named], [pods(["pods"])])).toHaveLength(1);
    expect(uncoveredRules([pods(["pods"])], [named])).toEqual([]);
  });
});

describe("describeRules", () => {
  test("joins the verbs of one resource and shows paths one by one", () => {
    const missing = uncoveredRules(
      [],
      [
        { verbs: ["get", "list"], apiGroups: [""], resources: ["pods", "secrets"], resourceNames: ["x"] },
        { verbs: ["get"], nonResourceURLs: ["/a"] },
      ],
    );
    expect(describeRules(missing)).toBe(
      '{APIGroups:[""], Resources:["pods"], ResourceNames:["x"], Verbs:["get" "list"]}\n' +
        '{APIGroups:[""], Resources:["secrets"], ResourceNames:["x"], Verbs:["get" "list"]}\n' +
        '{NonResourceURLs:["/a"], Verbs:["get"]}',
    );
  });
});
