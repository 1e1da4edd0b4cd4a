/** What kinds of resource names there are: which may stand in containers, quotas, limit ranges. */
import type { FieldPath } from "#pkg/api/field.ts";
import { qualifiedNameProblems } from "#pkg/api/names.ts";
import { parseQuantity, Quantity, QuantityError } from "#pkg/api/quantity.ts";
import { type FieldErrors, negativeText } from "./field-errors.ts";

const hugePages = "hugepages-";
const counted = [
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
];
const compute = ["cpu", "memory", "ephemeral-storage"];
const quotaNames: ReadonlySet<string> = new Set([
  ...compute,
  ...compute.map((name) => `requests.${name}`),
  ...compute.map((name) => `limits.${name}`),
  "requests.storage",
  ...counted,
]);
const integerNames: ReadonlySet<string> = new Set(counted);

export function isHugePages(name: string): boolean {
  return name.startsWith(hugePages);
}

/** Kubernetes' own: without a domain, or of kubernetes.io. */
export function isNativeResource(name: string): boolean {
  return !name.includes("/") || name.includes("kubernetes.io/");
}

/** Requests may be lower than limits. */
export function allowsOvercommit(name: string): boolean {
  return isNativeResource(name) && !isHugePages(name);
}

export function isExtendedResource(name: string): boolean {
  if (isNativeResource(name) || name.startsWith("requests.")) return false;
  return qualifiedNameProblems(`requests.${name}`).length === 0;
}

export function isQuotaResource(name: string): boolean {
  return quotaNames.has(name) || isHugePages(name) || name.startsWith(`requests.${hugePages}`);
}

export function isStandardResource(name: string): boolean {
  return isQuotaResource(name) || name === "storage";
}

export function isContainerResource(name: string): boolean {
  return compute.includes(name) || isHugePages(name);
}

export function isPodLevelResource(name: string): boolean {
  return name === "cpu" || name === "memory" || isHugePages(name);
}

/** Amounts of text that is no quantity count as zero: decoding has refused it already. */
export function amountOf(text: string | number | undefined): Quantity {
  if (text === undefined || text === null) return Quantity.zero;
  try {
    return parseQuantity(text);
  } catch (thrown) {
    if (thrown instanceof QuantityError) return Quantity.zero;
    throw thrown;
  }
}

/** Huge pages come whole. */
export function isWholeHugePages(name: string, amount: Quantity): boolean {
  let page: Quantity;
  try {
    page = parseQuantity(name.slice(hugePages.length));
  } catch (thrown) {
    if (thrown instanceof QuantityError) return false;
    throw thrown;
  }
  if (page.sign <= 0 || page.milliValue() % 1000n !== 0n) return false;
  return amount.value() % page.value() === 0n;
}

export function validateResourceName(name: string, at: FieldPath, errors: FieldErrors): void {
  const problems = qualifiedNameProblems(name);
  errors.problems(at, name, problems);
  if (problems.length === 0 && !name.includes("/") && !isStandardResource(name)) {
    errors.invalid(at, name, "must be a standard resource type or fully qualified");
  }
}

export function validateContainerResourceName(name: string, at: FieldPath, errors: FieldErrors): void {
  validateResourceName(name, at, errors);
  if (!name.includes("/")) {
    if (!isContainerResource(name)) errors.invalid(at, name, "must be a standard resource for containers");
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    errors.invalid(at, name, "doesn't follow extended resource name standard");
  }
}

/** Not negative, and whole where the resource is counted. */
export function validateAmount(name: string, amount: Quantity, at: FieldPath, errors: FieldErrors): void {
  if (amount.sign < 0) errors.invalid(at, amount.toString(), negativeText);
  if ((integerNames.has(name) || isExtendedResource(name)) && amount.milliValue() % 1000n !== 0n) {
    errors.invalid(at, amount.toString(), "must be an integer");
  }
}
