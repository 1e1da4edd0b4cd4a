/**
 * The built-in resources: what is served under which path, with which verbs and subresources, and where it is stored.
 * Custom resources are not here; they come and go while the server runs.
 */
import type { GroupVersionKind } from "../meta/object.ts";
import { groupVersionRows, type ResourceRow } from "./resource-table.ts";
import { typeOf } from "./schema.ts";

export interface Subresource {
  /** The last part of the path: "status", "scale". */
  readonly name: string;
  /** What is read and written there: the resource's own kind, or one of its own such as autoscaling/v1 Scale. */
  readonly kind: GroupVersionKind;
  readonly verbs: readonly string[];
}

export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  /** As it stands in paths. */
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  /** Sorted by name. */
  readonly subresources: readonly Subresource[];
  /** The type in the schema table: "core/v1.Pod". */
  readonly typeName: string;
  /** The keys of its objects start with "/registry/<prefix>/"; undefined when nothing is stored. */
  readonly storagePrefix: string | undefined;
  /** The form objects are stored in: core/v1 Event for events.k8s.io/v1 Event. Same as the resource's kind for most. */
  readonly storedAs: GroupVersionKind;
  /** PUT of a name that is not there creates it. */
  readonly createOnUpdate: boolean;
  /** PUT without a resourceVersion overwrites what is there. */
  readonly unconditionalUpdate: boolean;
}

export interface GroupVersions {
  /** "" for the core group. */
  readonly group: string;
  /** The preferred version first. */
  readonly versions: readonly string[];
}

const standardVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/** All built-in resources in the order of discovery. */
export const resources: readonly Resource[] = groupVersionRows.flatMap(({ group, version, resources: rows }) =>
  rows.map((row) => resourceOf(group, version, row)),
);

/** All groups in the order of discovery, the core group first. */
export const apiGroups: readonly GroupVersions[] = [
  ...Map.groupBy(groupVersionRows, (rows) => rows.group).entries(),
].map(([group, rows]) => ({ group, versions: rows.map((row) => row.version) }));

const byPath = new Map(resources.map((one) => [`${one.group}/${one.version}/${one.plural}`, one]));
const byKind = new Map(resources.map((one) => [`${one.group}/${one.version}/${one.kind}`, one]));

export function resourceFor(group: string, version: string, plural: string): Resource | undefined {
  return byPath.get(`${group}/${version}/${plural}`);
}

export function resourceForKind({ group, version, kind }: GroupVersionKind): Resource | undefined {
  return byKind.get(`${group}/${version}/${kind}`);
}

/** The resources of one group and version, in order. */
export function resourcesIn(group: string, version: string): readonly Resource[] {
  return resources.filter((one) => one.group === group && one.version === version);
}

export function subresourceOf(resource: Resource, name: string): Subresource | undefined {
  return resource.subresources.find((one) => one.name === name);
}

function resourceOf(group: string, version: string, row: ResourceRow): Resource {
  const gvk: GroupVersionKind = { group, version, kind: row.kind };
  const typeName = typeOf(gvk);
  if (!typeName) throw new Error(`the schema table has no type for ${group}/${version} ${row.kind}`);
  return {
    ...gvk,
    listKind: `${row.kind}List`,
    plural: row.plural,
    singular: row.singular ?? row.kind.toLowerCase(),
    namespaced: !row.clusterScoped,
    shortNames: row.shortNames ?? [],
    categories: row.categories ?? [],
    verbs: row.verbs ?? standardVerbs,
    subresources: Object.entries(row.subresources ?? {})
      .map(([name, one]) => ({ name, kind: one.kind ?? gvk, verbs: one.verbs }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    typeName,
    storagePrefix: row.virtual ? undefined : (row.storagePrefix ?? row.plural),
    storedAs: row.storedAs ?? gvk,
    createOnUpdate: row.createOnUpdate ?? false,
    unconditionalUpdate: !row.conditionalUpdate,
  };
}
