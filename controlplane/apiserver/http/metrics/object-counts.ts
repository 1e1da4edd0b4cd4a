/** How many objects of each resource there are, counted when somebody looks. */
import { resources } from "#pkg/api/schema/resources.ts";
import type { ObjectReader } from "../../registry/resource-registry.ts";
import { computedFamily, type MetricFamily, type Sample } from "./metric-families.ts";

export function objectCountMetrics(reader: ObjectReader): readonly MetricFamily[] {
  return [
    computedFamily("gauge", "apiserver_storage_objects", "Stored objects by resource.", () =>
      count(reader, ({ group, plural }) => ({ resource: group ? `${plural}.${group}` : plural })),
    ),
    computedFamily("gauge", "apiserver_resource_objects", "Stored objects by group and resource.", () =>
      count(reader, ({ group, plural }) => ({ group, resource: plural })),
    ),
  ];
}

function count(
  reader: ObjectReader,
  labelsOf: (resource: { readonly group: string; readonly plural: string }) => Sample["labels"],
): Sample[] {
  const seen = new Set<string>();
  return resources.flatMap((resource) => {
    const { group, plural } = resource;
    const key = `${plural}.${group}`;
    if (resource.storagePrefix === undefined || seen.has(key) || !reader.hasSynced(group, plural)) return [];
    seen.add(key);
    return [{ labels: labelsOf(resource), value: reader.list(group, plural, "").length }];
  });
}
