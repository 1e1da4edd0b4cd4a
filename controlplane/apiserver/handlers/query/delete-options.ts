/** Options of delete and deletecollection, from the body or, without one, from the query. Pure. */
import { type FieldError, FieldPath, fieldError } from "#pkg/api/field.ts";
import type { DeleteOptions as DeleteOptionsObject } from "#pkg/api/meta/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { DeleteOptions } from "../../registry/resource-registry.ts";
import { readBoolean, readInteger } from "./read-query.ts";
import { validateDryRun } from "./write-query.ts";

export type DeleteRequest = Omit<DeleteOptions, "namespace" | "name" | "validateAdmission">;

const policies = ["Background", "Foreground", "Orphan"];

/** The options object a query stands for. */
export function deleteOptionsOfQuery(query: URLSearchParams): DeleteOptionsObject {
  const dryRun = query.getAll("dryRun");
  const grace = readInteger(query, "gracePeriodSeconds");
  const orphan = readBoolean(query, "orphanDependents");
  const policy = query.get("propagationPolicy");
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(orphan === undefined ? {} : { orphanDependents: orphan }),
    ...(policy === null || policy === "" ? {} : { propagationPolicy: policy }),
    ...(dryRun.length > 0 ? { dryRun } : {}),
  };
}

/** Throws StatusError 422 naming the option that is wrong. */
export function toDeleteRequest(options: DeleteOptionsObject): DeleteRequest {
  const errors = validateDeleteOptions(options);
  if (errors.length > 0) throw StatusError.invalid({ group: "meta.k8s.io", resource: "DeleteOptions" }, "", errors);
  const { gracePeriodSeconds, orphanDependents, preconditions } = options;
  const propagationPolicy = options.propagationPolicy as DeleteOptions["propagationPolicy"];
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(orphanDependents === undefined ? {} : { orphanDependents }),
    ...(preconditions === undefined ? {} : { preconditions }),
    dryRun: (options.dryRun?.length ?? 0) > 0,
  };
}

function validateDeleteOptions(options: DeleteOptionsObject): readonly FieldError[] {
  const errors: FieldError[] = [...validateDryRun(options.dryRun ?? [])];
  const policy = options.propagationPolicy;
  const policyPath = new FieldPath("propagationPolicy");
  if (policy !== undefined && options.orphanDependents !== undefined) {
    errors.push(fieldError.invalid(policyPath, policy, "orphanDependents and deletionPropagation cannot be both set"));
  }
  if (policy !== undefined && !policies.includes(policy)) {
    errors.push(fieldError.notSupported(policyPath, policy, [...policies, "nil"]));
  }
  return errors;
}
