/**
 * What a pod can be told about itself by fieldRef and resourceFieldRef, in variables and in downward API files. Pure.
 * Source: k8s.io/kubernetes pkg/fieldpath, pkg/api/v1/resource (v1.36).
 */
import type { Container, Pod, ResourceFieldSelector } from "#pkg/api/core/v1.ts";
import { parseQuantity, Quantity } from "#pkg/api/quantity.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { AnyContainer, PodAddresses } from "../pods/ports.ts";

/** Throws "Invalid" for a path that is none of those fieldRef knows. */
export function readPodField(pod: Pod, fieldPath: string, addresses: PodAddresses): string {
  const { metadata, spec } = pod;
  const key = /^metadata\.(labels|annotations)\['(.*)'\]$/s.exec(fieldPath);
  if (key) return metadata[key[1] as "labels" | "annotations"]?.[key[2] ?? ""] ?? "";
  switch (fieldPath) {
    case "metadata.name":
      return metadata.name ?? "";
    case "metadata.namespace":
      return metadata.namespace ?? "";
    case "metadata.uid":
      return metadata.uid ?? "";
    case "metadata.labels":
      return formatMap(metadata.labels ?? {});
    case "metadata.annotations":
      return formatMap(metadata.annotations ?? {});
    case "spec.nodeName":
      return spec.nodeName ?? "";
    case "spec.serviceAccountName":
      return spec.serviceAccountName ?? "";
    case "status.hostIP":
      return addresses.hostIps[0] ?? "";
    case "status.hostIPs":
      return addresses.hostIps.join(",");
    case "status.podIP":
      return addresses.podIps[0] ?? "";
    case "status.podIPs":
      return addresses.podIps.join(",");
    default:
      throw new BerthError("Invalid", `unsupported fieldPath: ${fieldPath}`);
  }
}

/** One `key="value"` per line, sorted by key; values quoted as Go quotes them. */
function formatMap(map: Readonly<Record<string, string>>): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${quote(map[key] ?? "")}`)
    .join("\n");
}

function quote(text: string): string {
  return JSON.stringify(text)
    .replace(/\\u00([01][0-9a-f])/g, "\\x$1")
    .replaceAll("\u007f", "\\x7f");
}

/** The node's allocatable amounts: what a container without a limit may use. */
export type AllocatableAmounts = Readonly<Record<string, string>>;

/** A whole number of divisors, rounded up. Throws "Invalid". */
export function readContainerResource(
  pod: Pod,
  container: AnyContainer,
  selector: ResourceFieldSelector,
  allocatable: AllocatableAmounts,
): string {
  const [kind, resource] = splitResource(selector.resource);
  const amount = findAmount(pod, container, kind, resource, allocatable);
  const divisor = parseQuantity(selector.divisor ?? "1");
  return divideUp(amount, divisor.isZero ? Quantity.of(1) : divisor, resource === "cpu").toString();
}

/** The container that a downward API file names. Throws "NotFound". */
export function findContainerOf(pod: Pod, name: string): Container {
  const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const found = all.find((container) => container.name === name);
  if (!found) throw new BerthError("NotFound", `container ${name} not found`);
  return found;
}

function splitResource(text: string): readonly ["limits" | "requests", string] {
  const match = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(text);
  if (!match) throw new BerthError("Invalid", `unsupported container resource : ${text}`);
  return [match[1] as "limits" | "requests", match[2] ?? ""];
}

function findAmount(
  pod: Pod,
  container: AnyContainer,
  kind: "limits" | "requests",
  resource: string,
  allocatable: AllocatableAmounts,
): Quantity {
  const own = container.resources?.[kind]?.[resource];
  if (own !== undefined && !parseQuantity(own).isZero) return parseQuantity(own);
  if (kind === "requests") return Quantity.zero;
  const fallback = pod.spec.resources?.limits?.[resource] ?? allocatable[resource] ?? "0";
  return parseQuantity(fallback);
}

function divideUp(amount: Quantity, divisor: Quantity, isCpu: boolean): bigint {
  const scale = isCpu ? -3 : 0;
  const [total, part] = [amount.scaledValue(scale), divisor.scaledValue(scale)];
  return (total + part - 1n) / part;
}
