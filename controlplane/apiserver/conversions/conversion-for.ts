/** Which built-in resources are served in another form than they are stored in, and how. */
import type { Resource } from "#pkg/api/schema/resources.ts";
import type { Conversion } from "../registry/converted-registry.ts";
import { autoscalerConversion } from "./autoscaler-conversion.ts";
import { eventConversion, eventFieldLabels } from "./event-conversion.ts";

export function conversionFor({ group, version, plural }: Resource): Conversion | undefined {
  if (group === "events.k8s.io" && plural === "events") return eventConversion;
  if (group === "autoscaling" && version === "v1" && plural === "horizontalpodautoscalers") return autoscalerConversion;
  return undefined;
}

export function fieldLabelsFor({ group }: Resource): Readonly<Record<string, string>> | undefined {
  return group === "events.k8s.io" ? eventFieldLabels : undefined;
}
