/** What a claim asks of devices; classes hold parts of it. Source: pkg/apis/resource/validation/validation.go (v1.36). */
import type { FieldPath } from "#pkg/api/field.ts";
import { byteLength, dns1123LabelProblems } from "#pkg/api/names.ts";
import type {
  DeviceClaim,
  DeviceClassSpec,
  DeviceConfiguration,
  DeviceConstraint,
  DeviceRequest,
  DeviceSelector,
  DeviceSubRequest,
  ExactDeviceRequest,
} from "#pkg/api/resource/v1.ts";
import { validateDeviceToleration, validateFullAttributeName } from "./device-names.ts";
import type { FieldErrors } from "./field-errors.ts";
import { isExtendedResource } from "./resource-names.ts";
import { validateItems, validateSet } from "./sized-lists.ts";
import { validateCsiDriverName } from "./volume-sources.ts";

export const mostRequests = 32;
export const mostConfigs = 32;
const mostConstraints = 32;
const mostSelectors = 32;
const mostAlternatives = 8;
const mostTolerations = 16;
const longestExpression = 10 * 1024;
const longestParameters = 10 * 1024;

/** Names of requests, "name" and "name/alternative". */
export type RequestNames = ReadonlySet<string>;

export function requestNamesOf(claim: DeviceClaim | undefined): RequestNames {
  const names = (claim?.requests ?? []).flatMap(({ name, firstAvailable }) => [
    name,
    ...(firstAvailable ?? []).map((alternative) => `${name}/${alternative.name}`),
  ]);
  return new Set(names);
}

export function validateDeviceClaim(claim: DeviceClaim, at: FieldPath, errors: FieldErrors): void {
  const names = requestNamesOf(claim);
  const nameOf = ({ name }: { readonly name: string }): string => name ?? "";
  validateSet(claim.requests, mostRequests, at.child("requests"), errors, nameOf, (request, path) =>
    validateRequest(request, path, errors),
  );
  validateItems(claim.constraints, mostConstraints, at.child("constraints"), errors, (constraint, path) =>
    validateConstraint(constraint, names, path, errors),
  );
  validateItems(claim.config, mostConfigs, at.child("config"), errors, (config, path) => {
    validateRequestRefs(config.requests, names, path.child("requests"), errors);
    validateConfiguration(config, path, errors);
  });
}

export function validateDeviceClass(spec: DeviceClassSpec, at: FieldPath, errors: FieldErrors): void {
  validateSelectors(spec.selectors, at.child("selectors"), errors);
  validateItems(spec.config, mostConfigs, at.child("config"), errors, (config, path) =>
    validateConfiguration(config, path, errors),
  );
  const { extendedResourceName: name } = spec;
  if (name != null && !isExtendedResource(name)) {
    errors.invalid(at.child("extendedResourceName"), name, "must be a valid extended resource name");
  }
}

function validateRequest(request: DeviceRequest, at: FieldPath, errors: FieldErrors): void {
  const { name = "", exactly, firstAvailable } = request;
  errors.problems(at.child("name"), name, dns1123LabelProblems(name));
  const hasAlternatives = (firstAvailable?.length ?? 0) > 0;
  const one = "exactly one of `exactly` or `firstAvailable` is required";
  if (!exactly && !hasAlternatives) errors.required(at, one);
  else if (exactly && hasAlternatives) errors.invalid(at, null, `${one}, but multiple fields are set`);
  else if (exactly) validateDevices(exactly, at.child("exactly"), errors);
  else {
    const path = at.child("firstAvailable");
    const nameOf = (alternative: DeviceSubRequest): string => alternative.name ?? "";
    validateSet(firstAvailable, mostAlternatives, path, errors, nameOf, (alternative, onePath) => {
      const { name: own = "" } = alternative;
      errors.problems(onePath.child("name"), own, dns1123LabelProblems(own));
      validateDevices(alternative, onePath, errors);
    });
  }
}

function validateDevices(request: ExactDeviceRequest | DeviceSubRequest, at: FieldPath, errors: FieldErrors): void {
  const { deviceClassName, allocationMode: mode, count = 0 } = request;
  if (deviceClassName) errors.dnsSubdomain(at.child("deviceClassName"), deviceClassName);
  else errors.required(at.child("deviceClassName"));
  validateSelectors(request.selectors, at.child("selectors"), errors);
  if (mode === "All") {
    if (count !== 0) {
      errors.invalid(at.child("count"), count, "must not be specified when allocationMode is 'All'");
    }
  } else if (mode === "ExactCount") errors.positive(at.child("count"), count);
  else errors.notSupported(at.child("allocationMode"), mode ?? "", ["All", "ExactCount"]);
  validateItems(request.tolerations, mostTolerations, at.child("tolerations"), errors, (toleration, path) =>
    validateDeviceToleration(toleration, path, errors),
  );
}

/** The expressions are compiled by whoever evaluates them. */
function validateSelectors(selectors: readonly DeviceSelector[] | undefined, at: FieldPath, errors: FieldErrors): void {
  validateItems(selectors, mostSelectors, at, errors, ({ cel }, path) => {
    const expressionPath = path.child("cel", "expression");
    if (!cel) errors.required(path.child("cel"));
    else if (!cel.expression) errors.required(expressionPath);
    else if (byteLength(cel.expression) > longestExpression) errors.tooLong(expressionPath, longestExpression);
  });
}

function validateConstraint(
  constraint: DeviceConstraint,
  names: RequestNames,
  at: FieldPath,
  errors: FieldErrors,
): void {
  validateRequestRefs(constraint.requests, names, at.child("requests"), errors);
  const { matchAttribute, distinctAttribute } = constraint;
  if (matchAttribute != null) validateFullAttributeName(matchAttribute, at.child("matchAttribute"), errors);
  else if (distinctAttribute != null) {
    validateFullAttributeName(distinctAttribute, at.child("distinctAttribute"), errors);
  } else {
    const which = 'exactly one of "matchAttribute" or "distinctAttribute" is required';
    errors.required(at, `${which}, but multiple fields are set`);
  }
}

export function validateRequestRefs(
  references: readonly string[] | undefined,
  names: RequestNames,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const self = (name: string): string => name;
  validateSet(references, mostRequests, at, errors, self, (name, path) =>
    validateRequestRef(name, names, path, errors),
  );
}

export function validateRequestRef(name: string, names: RequestNames, at: FieldPath, errors: FieldErrors): void {
  const parts = name.split("/");
  for (const part of parts.length > 2 ? [] : parts) errors.problems(at, part, dns1123LabelProblems(part));
  if (parts.length > 2 || !names.has(name)) {
    const what =
      "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
    errors.invalid(at, name, what);
  }
}

export function validateConfiguration({ opaque }: DeviceConfiguration, at: FieldPath, errors: FieldErrors): void {
  const path = at.child("opaque");
  if (!opaque) {
    errors.required(path);
    return;
  }
  validateCsiDriverName(opaque.driver, path.child("driver"), errors);
  validateFreeForm(opaque.parameters, longestParameters, path.child("parameters"), errors);
}

/** An object of the driver's own. */
export function validateFreeForm(value: unknown, longest: number, at: FieldPath, errors: FieldErrors): void {
  if (value === undefined || value === null) errors.required(at);
  else if (byteLength(JSON.stringify(value)) > longest) errors.tooLong(at, longest);
  else if (typeof value !== "object" || Array.isArray(value)) {
    errors.invalid(at, "<value omitted>", "must be a valid JSON object");
  }
}
