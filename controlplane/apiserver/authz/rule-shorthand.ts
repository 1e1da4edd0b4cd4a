/** Policy rules in one line each: words separated by spaces, "core" for the group without a name. */
import type { PolicyRule } from "#pkg/api/rbac/v1.ts";

export const read = "get list watch";
export const write = "create delete deletecollection patch update";
export const readWrite = "create delete deletecollection get list patch update watch";

export function rule(verbs: string, groups: string, resources: string, names?: string): PolicyRule {
  return {
    verbs: words(verbs),
    apiGroups: words(groups).map((group) => (group === "core" ? "" : group)),
    resources: words(resources),
    ...(names ? { resourceNames: words(names) } : {}),
  };
}

export function urls(verbs: string, paths: string): PolicyRule {
  return { verbs: words(verbs), nonResourceURLs: words(paths) };
}

export const writeEvents: PolicyRule = rule("create patch update", "core events.k8s.io", "events");

function words(text: string): string[] {
  return text.split(" ");
}
