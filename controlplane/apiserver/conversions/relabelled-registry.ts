/** A registry whose field selectors go by other labels: what a served kind calls differently from the stored one. */
import { parseFieldSelector } from "#pkg/api/fields.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { ResourceRegistry } from "../registry/resource-registry.ts";

/** `labels` maps served labels to stored ones; labels that are not in it stay as they are. */
export function relabelFields(inner: ResourceRegistry, labels: Readonly<Record<string, string>>): ResourceRegistry {
  const relabel = <T extends { readonly fieldSelector: string }>(options: T): T =>
    options.fieldSelector === "" ? options : { ...options, fieldSelector: rewrite(options.fieldSelector, labels) };
  return {
    create: (object, options, context) => inner.create(object, options, context),
    get: (namespace, name, options) => inner.get(namespace, name, options),
    list: (options, signal) => inner.list(relabel(options), signal),
    watch: (options, signal) => inner.watch(relabel(options), signal),
    update: (options, transform, context) => inner.update(options, transform, context),
    delete: (options, context) => inner.delete(options, context),
    deleteCollection: (list, options, context) => inner.deleteCollection(relabel(list), options, context),
  };
}

function rewrite(selector: string, labels: Readonly<Record<string, string>>): string {
  try {
    return parseFieldSelector(selector)
      .transform((one) => ({ ...one, field: labels[one.field] ?? one.field }))
      .toString();
  } catch (error) {
    throw StatusError.badRequest(error instanceof Error ? error.message : String(error));
  }
}
