/**
 * Which resources the server has, custom ones included: what the garbage collector follows and what emptying a namespace must
 * go through. Read from aggregated discovery in two requests.
 */
import type { APIGroupDiscoveryList } from "#pkg/api/apidiscovery/v2.ts";
import type { KubeClient } from "#pkg/kube/client.ts";
import type { ResourceRef } from "#pkg/kube/resources.ts";

export interface DiscoveredResource extends ResourceRef {
  readonly verbs: readonly string[];
}

/** Rejects when the server cannot be asked; one group that does not answer is left out and named in `failedGroups`. */
export type DiscoverResources = (signal: AbortSignal) => Promise<Discovery>;

export interface Discovery {
  /** Each resource once, in the version its group prefers. */
  readonly resources: readonly DiscoveredResource[];
  /** `group/version` of extension servers that do not answer. */
  readonly failedGroups: readonly string[];
}

const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

export function discoverWith(client: KubeClient): DiscoverResources {
  return async (signal) => {
    const lists = await Promise.all(
      ["/api", "/apis"].map((path) => client.raw<APIGroupDiscoveryList>(path, { accept: aggregated, signal })),
    );
    return computeDiscovery(lists);
  };
}

export function computeDiscovery(lists: readonly APIGroupDiscoveryList[]): Discovery {
  const found = new Map<string, DiscoveredResource>();
  const failedGroups: string[] = [];
  for (const group of lists.flatMap(({ items }) => items)) {
    const groupName = group.metadata.name ?? "";
    for (const { version, freshness, resources = [] } of group.versions ?? []) {
      if (freshness === "Stale") failedGroups.push(`${groupName}/${version}`);
      for (const { resource, responseKind, scope, verbs } of resources) {
        const key = `${groupName}/${resource}`;
        if (found.has(key)) continue;
        const kind = responseKind?.kind ?? "";
        found.set(key, {
          group: groupName,
          version,
          plural: resource,
          kind,
          namespaced: scope === "Namespaced",
          verbs,
        });
      }
    }
  }
  return { resources: [...found.values()], failedGroups };
}
