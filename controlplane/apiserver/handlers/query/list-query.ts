/** The query of list, watch and deletecollection. Pure. */
import { FieldPath, fieldError } from "#pkg/api/field.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { ListOptions, WatchOptions } from "../../registry/resource-registry.ts";
import { readBoolean, readInteger, readText } from "./read-query.ts";

export interface ListQuery {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: ListOptions["resourceVersionMatch"];
  readonly limit: number;
  readonly continueToken: string;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  readonly timeoutSeconds: number | undefined;
}

/** Throws StatusError 400 for numbers that are none; which options may go together is the registry's to say. */
export function parseListQuery(query: URLSearchParams): ListQuery {
  return {
    labelSelector: readText(query, "labelSelector"),
    fieldSelector: readText(query, "fieldSelector"),
    resourceVersion: readText(query, "resourceVersion"),
    resourceVersionMatch: readText(query, "resourceVersionMatch") as ListOptions["resourceVersionMatch"],
    limit: Math.max(readInteger(query, "limit") ?? 0, 0),
    continueToken: readText(query, "continue"),
    allowWatchBookmarks: readBoolean(query, "allowWatchBookmarks") ?? false,
    sendInitialEvents: readBoolean(query, "sendInitialEvents"),
    timeoutSeconds: readInteger(query, "timeoutSeconds"),
  };
}

export function toListOptions(query: ListQuery, namespace: string): ListOptions {
  if (query.sendInitialEvents !== undefined) {
    const path = new FieldPath("sendInitialEvents");
    throw invalidListOptions([fieldError.forbidden(path, "sendInitialEvents is forbidden for list")]);
  }
  return {
    namespace,
    labelSelector: query.labelSelector,
    fieldSelector: query.fieldSelector,
    resourceVersion: query.resourceVersion,
    resourceVersionMatch: query.resourceVersionMatch,
    limit: query.limit,
    continueToken: query.continueToken,
  };
}

export function toWatchOptions(query: ListQuery, namespace: string, timeoutSeconds: number): WatchOptions {
  return {
    namespace,
    labelSelector: query.labelSelector,
    fieldSelector: query.fieldSelector,
    resourceVersion: query.resourceVersion,
    resourceVersionMatch: query.resourceVersionMatch,
    allowBookmarks: query.allowWatchBookmarks,
    sendInitialEvents: query.sendInitialEvents,
    timeoutSeconds,
  };
}

function invalidListOptions(errors: Parameters<typeof StatusError.invalid>[2]): StatusError {
  return StatusError.invalid({ group: "meta.k8s.io", resource: "ListOptions" }, "", errors);
}
