/**
 * events.k8s.io/v1 Event over core/v1 Event: the same facts under other names. Pure.
 * Source: pkg/apis/events/v1/conversion.go.
 */
import type { Event as CoreEvent } from "#pkg/api/core/v1.ts";
import type { Event } from "#pkg/api/events/v1.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { Conversion } from "../registry/converted-registry.ts";
import { inForm } from "./in-form.ts";

/** Served name → stored name, of the fields that are named differently. */
const fieldNames: Readonly<Partial<Record<keyof Event, keyof CoreEvent>>> = {
  regarding: "involvedObject",
  note: "message",
  reportingController: "reportingComponent",
  deprecatedSource: "source",
  deprecatedFirstTimestamp: "firstTimestamp",
  deprecatedLastTimestamp: "lastTimestamp",
  deprecatedCount: "count",
};

const storedNames = new Map(Object.entries(fieldNames));
const servedNames = new Map([...storedNames].map(([served, stored]) => [stored, served]));

export const eventConversion: Conversion = {
  toServed: (stored) => inForm("events/v1.Event", renamed(stored, servedNames, "events.k8s.io/v1")),
  toStored: (served) => inForm("core/v1.Event", renamed(served, storedNames, "v1")),
};

/** Field selectors of events.k8s.io: served label → label of the stored kind. */
export const eventFieldLabels: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map((name) => [
      `regarding.${name}`,
      `involvedObject.${name}`,
    ]),
  ),
  reportingController: "reportingComponent",
};

function renamed(object: KubeObject, names: ReadonlyMap<string, string>, apiVersion: string): KubeObject {
  const result: KubeObject = { kind: "Event", apiVersion, metadata: object.metadata };
  for (const [name, value] of Object.entries(object)) {
    if (name !== "kind" && name !== "apiVersion" && name !== "metadata") result[names.get(name) ?? name] = value;
  }
  return result;
}
