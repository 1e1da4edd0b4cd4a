/** The downward API: fields of the pod and resources of its containers as environment variables and files. */
import type { ObjectFieldSelector, ResourceFieldSelector } from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { qualifiedNameProblems } from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";
import { amountOf } from "./resource-names.ts";

const podFields = new Set([
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.restartPolicy",
  "spec.serviceAccountName",
  "spec.schedulerName",
  "status.phase",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
  "spec.host",
]);

/** `supported` is sorted. */
export function validateFieldRef(
  ref: ObjectFieldSelector,
  supported: readonly string[],
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (!ref.apiVersion) {
    errors.required(at.child("apiVersion"));
    return;
  }
  if (!ref.fieldPath) {
    errors.required(at.child("fieldPath"));
    return;
  }
  const { path, key } = splitKey(ref.fieldPath);
  const fault = conversionFault(ref.apiVersion, ref.fieldPath, path, key);
  if (fault) {
    errors.invalid(at.child("fieldPath"), ref.fieldPath, `error converting fieldPath: ${fault}`);
  } else if (key !== undefined) {
    const name = path === "metadata.annotations" ? key.toLowerCase() : key;
    errors.problems(at, name, qualifiedNameProblems(name));
  } else {
    const known = path === "spec.host" ? "spec.nodeName" : path;
    if (!supported.includes(known)) errors.notSupported(at.child("fieldPath"), known, supported);
  }
}

/** `metadata.labels['a']` is the field metadata.labels with the key a. */
function splitKey(fieldPath: string): { path: string; key: string | undefined } {
  const open = fieldPath.indexOf("['");
  if (!fieldPath.endsWith("']") || open <= 0) return { path: fieldPath, key: undefined };
  return { path: fieldPath.slice(0, open), key: fieldPath.slice(open + 2, -2) };
}

function conversionFault(version: string, label: string, path: string, key: string | undefined): string | undefined {
  if (version !== "v1") return `unsupported pod version: ${version}`;
  if (key !== undefined) {
    const hasKeys = path === "metadata.annotations" || path === "metadata.labels";
    return hasKeys ? undefined : `field label does not support subscript: ${label}`;
  }
  return podFields.has(label) ? undefined : `field label not supported: ${label}`;
}

const resourceFields = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];
const byteDivisors = ["", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].map((unit) => `1${unit}`);
const isHugePages = /^(requests|limits)\.hugepages-/;

/** In a volume the container must be named; in a container it is the container itself. */
export function validateResourceFieldRef(
  ref: ResourceFieldSelector,
  at: FieldPath,
  errors: FieldErrors,
  isOfVolume: boolean,
): void {
  const resource = ref.resource ?? "";
  if (isOfVolume && !ref.containerName) errors.required(at.child("containerName"));
  else if (!resource) errors.required(at.child("resource"));
  else if (!resourceFields.includes(resource) && !isHugePages.test(resource)) {
    errors.notSupported(at.child("resource"), resource, resourceFields);
  }
  validateDivisor(resource, ref.divisor, at.child("divisor"), errors);
}

function validateDivisor(resource: string, divisor: string | undefined, at: FieldPath, errors: FieldErrors): void {
  const amount = amountOf(divisor);
  if (amount.isZero) return;
  const text = amount.toString();
  if (resource.endsWith(".cpu")) {
    if (text !== "1m" && text !== "1") {
      errors.invalid(at, resource, "only divisor's values 1m and 1 are supported with the cpu resource");
    }
    return;
  }
  const name = resource.endsWith(".memory")
    ? "memory"
    : resource.endsWith(".ephemeral-storage")
      ? "local ephemeral storage"
      : isHugePages.test(resource)
        ? "hugepages"
        : undefined;
  if (name && !byteDivisors.includes(text)) {
    errors.invalid(
      at,
      resource,
      `only divisor's values ${byteDivisors.join(", ")} are supported with the ${name} resource`,
    );
  }
}
