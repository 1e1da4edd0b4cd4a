/** ResourceQuota: a namespace holds no more than its quotas say. The last plugin: it charges only what all others let pass. */
import { type QuotaWrite, quotaEvaluatorFor } from "#pkg/api/quota/evaluator.ts";
import type { ObjectReader, ObjectWriter } from "../../registry/resource-registry.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { refuse } from "../attributes.ts";
import { computeQuotaUse } from "./compute-quota-use.ts";
import { QuotaAccountant } from "./quota-accountant.ts";

export function resourceQuota(reader: ObjectReader, writer: ObjectWriter): AdmissionPlugin {
  const accountant = new QuotaAccountant(reader, writer);
  return {
    name: "ResourceQuota",
    handles: ({ operation, namespace, resource, object }) =>
      (operation === "CREATE" || operation === "UPDATE") &&
      namespace !== "" &&
      object !== undefined &&
      !(resource.group === "" && resource.resource === "namespaces"),
    async validate(attributes) {
      const write = writeOf(attributes);
      const { group, resource } = attributes.resource;
      const evaluator = quotaEvaluatorFor(group, resource);
      if (!write || !evaluator?.handles(write)) return;
      if (!reader.hasSynced("", "resourcequotas")) throw refuse(attributes, "not yet ready to handle request");
      const { namespace, nowMs, dryRun } = attributes;
      if (reader.list("", "resourcequotas", namespace).length === 0) return;
      const judge = (quotas: Parameters<typeof computeQuotaUse>[0]) => computeQuotaUse(quotas, write, evaluator, nowMs);
      const refusal = await accountant.charge(namespace, judge, dryRun);
      if (refusal !== undefined) throw refuse(attributes, refusal);
    },
  };
}

function writeOf({ operation, subresource, object, oldObject }: AdmissionAttributes): QuotaWrite | undefined {
  if (!object || (operation !== "CREATE" && operation !== "UPDATE")) return undefined;
  return { operation, subresource, object, oldObject };
}
