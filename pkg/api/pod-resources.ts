/**
 * What a pod asks for and may use: sums over its containers, QoS class, criticality. The scheduler, quota, the agent's
 * cgroups and eviction must all agree on these, so there is one copy.
 * Source: k8s.io/component-helpers/resource, pkg/apis/core/v1/helper/qos (v1.36), KEP-753 (sidecars), KEP-2837 (pod-level
 * resources).
 */
import type { Container, Pod, PodSpec } from "./core/v1.ts";
import { parseQuantity, type Quantity } from "./quantity.ts";

/** Resource name ("cpu", "memory", "nvidia.com/gpu") to amount. */
export type ResourceAmounts = ReadonlyMap<string, Quantity>;

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

export interface PodResourceOptions {
  /** Leaves spec.overhead out. */
  readonly excludeOverhead?: boolean;
  /** Amounts counted for a container that has none of that resource, e.g. the scheduler's 100m and 200Mi for scoring. */
  readonly missingRequests?: ResourceAmounts;
}

type ResourceList = Readonly<Record<string, string>>;

/** Resources that may be set for the pod as a whole. */
const podLevelResources = /^(cpu|memory|hugepages-.*)$/;

/** The requests the pod needs at its peak, sidecars, init containers and overhead included. */
export function podRequests(pod: Pick<Pod, "spec">, options: PodResourceOptions = {}): ResourceAmounts {
  const sum = peakOf(pod.spec, (container) =>
    withMissing(amounts(container.resources?.requests), options.missingRequests),
  );
  return withPodLevel(sum, pod.spec, pod.spec?.resources?.requests, options);
}

/** The limits of the pod; a resource that some container leaves unlimited counts only what the others set. */
export function podLimits(
  pod: Pick<Pod, "spec">,
  options: Pick<PodResourceOptions, "excludeOverhead"> = {},
): ResourceAmounts {
  const sum = peakOf(pod.spec, (container) => amounts(container.resources?.limits));
  return withPodLevel(sum, pod.spec, pod.spec?.resources?.limits, options);
}

/**
 * Guaranteed: every container has cpu and memory limits, and requests equal to them. BestEffort: nothing is set anywhere.
 * Everything else is Burstable. Pod-level resources, where set, decide alone.
 */
export function qosClass(pod: Pick<Pod, "spec">): QosClass {
  const podLevel = pod.spec?.resources;
  if (hasAny(podLevel?.requests) || hasAny(podLevel?.limits)) {
    return isGuaranteed(podLevel?.requests, podLevel?.limits) ? "Guaranteed" : "Burstable";
  }
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const isUnset = ({ resources }: Container): boolean => !hasAny(resources?.requests) && !hasAny(resources?.limits);
  if (containers.every(isUnset)) return "BestEffort";
  const allGuaranteed = containers.every(({ resources }) => isGuaranteed(resources?.requests, resources?.limits));
  return allGuaranteed ? "Guaranteed" : "Burstable";
}

/** An init container that keeps running beside the others (restartPolicy Always). */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === "Always";
}

/** Pods the node must not lose: static and mirror pods, and those with a system priority. */
export function isCriticalPod(pod: Pick<Pod, "metadata" | "spec">): boolean {
  const annotations = pod.metadata.annotations ?? {};
  if (annotations["kubernetes.io/config.mirror"] !== undefined) return true;
  const source = annotations["kubernetes.io/config.source"];
  if (source !== undefined && source !== "api") return true;
  return (pod.spec?.priority ?? 0) >= 2_000_000_000;
}

/** Per resource, the larger of: all that run side by side, and the hungriest step of the init phase. */
function peakOf(spec: PodSpec | undefined, of: (container: Container) => ResourceAmounts): ResourceAmounts {
  const running = new Map<string, Quantity>();
  for (const container of spec?.containers ?? []) addInto(running, of(container));
  const sidecars = new Map<string, Quantity>();
  const initPeak = new Map<string, Quantity>();
  for (const container of spec?.initContainers ?? []) {
    const own = of(container);
    if (isSidecar(container)) {
      addInto(running, own);
      addInto(sidecars, own);
      maxInto(initPeak, sidecars);
      continue;
    }
    const step = new Map(sidecars);
    addInto(step, own);
    maxInto(initPeak, step);
  }
  maxInto(running, initPeak);
  return running;
}

function withPodLevel(
  sum: ResourceAmounts,
  spec: PodSpec | undefined,
  podLevel: ResourceList | undefined,
  options: Pick<PodResourceOptions, "excludeOverhead">,
): ResourceAmounts {
  const total = new Map(sum);
  for (const [name, amount] of amounts(podLevel)) if (podLevelResources.test(name)) total.set(name, amount);
  if (!options.excludeOverhead) addInto(total, amounts(spec?.overhead));
  return total;
}

function withMissing(own: ResourceAmounts, missing: ResourceAmounts | undefined): ResourceAmounts {
  if (!missing) return own;
  const all = new Map(own);
  for (const [name, amount] of missing) if (!all.has(name)) all.set(name, amount);
  return all;
}

function isGuaranteed(requests: ResourceList | undefined, limits: ResourceList | undefined): boolean {
  return ["cpu", "memory"].every((name) => {
    const limit = limits?.[name];
    if (limit === undefined || parseQuantity(limit).isZero) return false;
    // A request that is not given equals the limit.
    return parseQuantity(requests?.[name] ?? limit).equals(parseQuantity(limit));
  });
}

function hasAny(list: ResourceList | undefined): boolean {
  return ["cpu", "memory"].some((name) => list?.[name] !== undefined && !parseQuantity(list[name]).isZero);
}

function amounts(list: ResourceList | undefined): ResourceAmounts {
  return new Map(Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text)]));
}

function addInto(total: Map<string, Quantity>, more: ResourceAmounts): void {
  for (const [name, amount] of more) total.set(name, total.get(name)?.add(amount) ?? amount);
}

function maxInto(total: Map<string, Quantity>, other: ResourceAmounts): void {
  for (const [name, amount] of other) {
    const known = total.get(name);
    if (known === undefined || known.compare(amount) < 0) total.set(name, amount);
  }
}

/** Millicores of "cpu", 0 when absent. */
export function milliCpu(list: ResourceAmounts): number {
  return list.get("cpu")?.toMilli() ?? 0;
}

/** Bytes of "memory", 0 when absent. */
export function memoryBytes(list: ResourceAmounts): number {
  return list.get("memory")?.toBytes() ?? 0;
}

/** The texts of all amounts, e.g. for a status. */
export function formatAmounts(list: ResourceAmounts): Record<string, string> {
  return Object.fromEntries([...list].map(([name, amount]) => [name, amount.toString()]));
}

/** No resources. */
export const noAmounts: ResourceAmounts = new Map<string, Quantity>([]);
