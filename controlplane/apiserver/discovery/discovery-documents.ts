/**
 * The discovery documents, built from the list of what is served. Pure. The older form is one document per group and
 * version; the newer one (apidiscovery.k8s.io) tells everything at once.
 */
import { createHash } from "node:crypto";
import { formatApiVersion } from "#pkg/api/meta/object.ts";
import type { Resource, Subresource } from "#pkg/api/schema/resources.ts";

/** What discovery tells about a resource; built-in ones and custom ones alike. */
export type DiscoverableResource = Pick<
  Resource,
  | "group"
  | "version"
  | "kind"
  | "plural"
  | "singular"
  | "namespaced"
  | "shortNames"
  | "categories"
  | "verbs"
  | "subresources"
  | "storagePrefix"
  | "storedAs"
>;

export interface ServedVersion {
  readonly version: string;
  /** "Stale": a server behind this one did not answer; its resources may be out of date or missing. */
  readonly freshness: "Current" | "Stale";
  readonly resources: readonly DiscoverableResource[];
}

export interface ServedGroup {
  /** "" for the core group. */
  readonly group: string;
  /** The preferred one first. */
  readonly versions: readonly ServedVersion[];
}

/** Groups and versions in the order of their first resource. */
export function groupServed(resources: readonly DiscoverableResource[]): readonly ServedGroup[] {
  const groups = Map.groupBy(resources, (one) => one.group);
  return [...groups].map(([group, members]) => ({
    group,
    versions: [...Map.groupBy(members, (one) => one.version)].map(([version, own]) => ({
      version,
      freshness: "Current" as const,
      resources: own,
    })),
  }));
}

/** `/api`. `serverAddress` is where clients outside reach this server, "host:port". */
export function buildApiVersions(groups: readonly ServedGroup[], serverAddress: string): object {
  const core = groups.find((one) => one.group === "");
  return {
    kind: "APIVersions",
    apiVersion: "v1",
    versions: core?.versions.map((one) => one.version) ?? [],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  };
}

/** `/apis` */
export function buildApiGroupList(groups: readonly ServedGroup[]): object {
  return {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: groups.filter((one) => one.group !== "").map(describeGroup),
  };
}

/** `/apis/<group>` */
export function buildApiGroup(group: ServedGroup): object {
  return { kind: "APIGroup", apiVersion: "v1", ...describeGroup(group) };
}

/** `/api/v1`, `/apis/<group>/<version>` */
export function buildApiResourceList(group: string, served: ServedVersion): object {
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: formatApiVersion({ group, version: served.version }),
    resources: served.resources.toSorted(byPlural).flatMap(describeResource),
  };
}

/** `/api` (core only) or `/apis` (all but core) in the newer form. */
export function buildGroupDiscoveryList(groups: readonly ServedGroup[], version: "v2" | "v2beta1"): object {
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(({ group, versions }) => ({
      metadata: group === "" ? {} : { name: group },
      versions: versions.map((one) => ({
        version: one.version,
        resources: one.resources.toSorted(byPlural).map(discoverResource),
        freshness: one.freshness,
      })),
    })),
  };
}

/** Tells clients whether the stored form changed: a hash over the stored kind. */
export function storageVersionHash({ group, version, kind }: DiscoverableResource["storedAs"]): string {
  return createHash("sha256").update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString("base64");
}

function describeGroup({ group, versions }: ServedGroup): object {
  const described = versions.map(({ version }) => ({ groupVersion: formatApiVersion({ group, version }), version }));
  return { name: group, versions: described, preferredVersion: described[0] };
}

function describeResource(resource: DiscoverableResource): readonly object[] {
  const { plural, singular, namespaced, kind, verbs, shortNames, categories } = resource;
  const main = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(resource.storagePrefix === undefined ? {} : { storageVersionHash: storageVersionHash(resource.storedAs) }),
  };
  return [main, ...resource.subresources.map((sub) => describeSubresource(resource, sub))];
}

function describeSubresource(resource: DiscoverableResource, sub: Subresource): object {
  const foreign = sub.kind.group !== resource.group || sub.kind.version !== resource.version;
  return {
    name: `${resource.plural}/${sub.name}`,
    singularName: "",
    namespaced: resource.namespaced,
    ...(foreign ? { group: sub.kind.group, version: sub.kind.version } : {}),
    kind: sub.kind.kind,
    verbs: sub.verbs,
  };
}

function discoverResource(resource: DiscoverableResource): object {
  const { group, version, kind, shortNames, categories, subresources } = resource;
  return {
    resource: resource.plural,
    responseKind: { group, version, kind },
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(subresources.length > 0
      ? {
          subresources: subresources.map((sub) => ({
            subresource: sub.name,
            responseKind: sub.kind,
            verbs: sub.verbs,
          })),
        }
      : {}),
  };
}

function byPlural(a: DiscoverableResource, b: DiscoverableResource): number {
  return a.plural < b.plural ? -1 : a.plural > b.plural ? 1 : 0;
}
