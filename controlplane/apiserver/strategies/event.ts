/** Events: kept for an hour. Those of events.k8s.io are stored in this form too. */
import type { Event } from "#pkg/api/core/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import { validateEvent } from "./validation/event.ts";

export const eventStrategy = defineStrategy<Event>("core/v1.Event", {
  ttlSeconds: 3600,
  validate: validateEvent,
  selectableFields(event) {
    const { involvedObject, reason = "", reportingComponent = "", source, type = "" } = event as Partial<Event>;
    const about = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"] as const;
    return {
      ...Object.fromEntries(about.map((field) => [`involvedObject.${field}`, involvedObject?.[field] ?? ""])),
      reason,
      reportingComponent,
      source: source?.component || reportingComponent,
      type,
    };
  },
});
