/** How much of the server a level of priority may take. Source: pkg/apis/flowcontrol/validation (v1.36). */

import { FieldPath } from "#pkg/api/field.ts";
import type * as flowcontrol from "#pkg/api/flowcontrol/v1.ts";
import { bootstrapPriorityLevels, mandatoryFlowControl } from "../../bootstrap/flow-control.ts";
import { typeEqual } from "../type-equal.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateStatus } from "./flow-schema.ts";

const spec = new FieldPath("spec");
const exemptName = "exempt";
const specType = "flowcontrol/v1.PriorityLevelConfigurationSpec";
/** Every server has these, and nobody changes them. */
const mandatorySpecs = new Map(
  bootstrapPriorityLevels()
    .filter(({ metadata }) => mandatoryFlowControl.has(metadata.name ?? ""))
    .map(({ metadata, spec: fixed }) => [metadata.name ?? "", fixed]),
);
const mostQueues = 10_000_000;
/** A request's place among the queues is drawn from this many bits. */
const hashBits = 60;
const nonNegative = "must be a non-negative integer";
const zeroSharesAnnotation = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares";

export function validatePriorityLevel(level: flowcontrol.PriorityLevelConfiguration): FieldErrors {
  const errors = new FieldErrors();
  const name = level.metadata.name ?? "";
  if (level.metadata.annotations?.[zeroSharesAnnotation] !== undefined) {
    errors.forbidden(new FieldPath("metadata", "annotations"), `annotation '${zeroSharesAnnotation}' is forbidden`);
  }
  validateSpec(level.spec, name, errors);
  validateMandatory(level.spec, name, errors);
  errors.add(...validateStatus(level).list);
  return errors;
}

function validateSpec(given: flowcontrol.PriorityLevelConfigurationSpec, name: string, errors: FieldErrors): void {
  const { type = "", limited, exempt } = given;
  if ((name === exemptName) !== (type === "Exempt")) {
    errors.invalid(spec.child("type"), type, "must be 'Exempt' if and only if `name` is 'exempt'");
  }
  if (type === "Exempt") {
    if (limited) errors.forbidden(spec.child("limited"), "must be nil if the type is not Limited");
    if (exempt) validateShares(exempt, spec.child("exempt"), errors);
  } else if (type === "Limited") {
    if (exempt) errors.forbidden(spec.child("exempt"), "must be nil if the type is Limited");
    if (limited) validateLimited(limited, spec.child("limited"), errors);
    else errors.required(spec.child("limited"), "must not be empty when type is Limited");
  } else errors.notSupported(spec.child("type"), type, ["Exempt", "Limited"]);
}

function validateMandatory(given: flowcontrol.PriorityLevelConfigurationSpec, name: string, errors: FieldErrors): void {
  const mandatory = mandatorySpecs.get(name);
  if (!mandatory) return;
  const isExempt = name === exemptName;
  const wanted = isExempt ? { ...mandatory, exempt: given.exempt } : mandatory;
  if (typeEqual(specType, given, wanted)) return;
  const except = isExempt ? " except the 'spec.exempt' field" : "";
  errors.invalid(spec, given, `spec of '${name}'${except} must equal the fixed value`);
}

function validateShares(
  { nominalConcurrencyShares: shares, lendablePercent: percent }: flowcontrol.ExemptPriorityLevelConfiguration,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (shares != null && shares < 0) errors.invalid(at.child("nominalConcurrencyShares"), shares, nonNegative);
  if (percent != null && (percent < 0 || percent > 100)) {
    errors.invalid(at.child("lendablePercent"), percent, "must be between 0 and 100, inclusive");
  }
}

function validateLimited(
  limited: flowcontrol.LimitedPriorityLevelConfiguration,
  at: FieldPath,
  errors: FieldErrors,
): void {
  validateShares(limited, at, errors);
  validateResponse(limited.limitResponse, at.child("limitResponse"), errors);
  const { borrowingLimitPercent: borrowing } = limited;
  if (borrowing != null && borrowing < 0) {
    errors.invalid(at.child("borrowingLimitPercent"), borrowing, `if specified, ${nonNegative}`);
  }
}

function validateResponse(response: flowcontrol.LimitResponse | undefined, at: FieldPath, errors: FieldErrors): void {
  const { type = "", queuing } = response ?? {};
  const path = at.child("queuing");
  if (type === "Reject") {
    if (queuing) errors.forbidden(path, "must be nil if limited.limitResponse.type is not Limited");
  } else if (type === "Queue") {
    if (queuing) validateQueuing(queuing, path, errors);
    else errors.required(path, "must not be empty if limited.limitResponse.type is Limited");
  } else errors.notSupported(at.child("type"), type, ["Queue", "Reject"]);
}

function validateQueuing(queuing: flowcontrol.QueuingConfiguration, at: FieldPath, errors: FieldErrors): void {
  const { queueLengthLimit = 0, queues = 0, handSize = 0 } = queuing;
  const positive = "must be positive";
  if (queueLengthLimit <= 0) errors.invalid(at.child("queueLengthLimit"), queueLengthLimit, positive);
  if (queues <= 0) errors.invalid(at.child("queues"), queues, positive);
  else if (queues > mostQueues) errors.invalid(at.child("queues"), queues, `must not be greater than ${mostQueues}`);
  const path = at.child("handSize");
  const bits = Math.ceil(Math.log2(queues) * handSize);
  if (handSize <= 0) errors.invalid(path, handSize, positive);
  else if (handSize > queues) errors.invalid(path, handSize, `should not be greater than queues (${queues})`);
  else if (bits > hashBits) {
    const why = `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${hashBits}`;
    errors.invalid(path, handSize, why);
  }
}
