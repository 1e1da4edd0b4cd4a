/** Pods in quotas: their number, what they request and what they are limited to. */
import type { Container, Pod, PodAffinityTerm } from "../core/v1.ts";
import { podLimits, podRequests, qosClass } from "../pod-resources.ts";
import { Quantity } from "../quantity.ts";
import { addAmounts, parseAmounts, type QuotaAmounts } from "./amounts.ts";
import type { QuotaEvaluator } from "./evaluator.ts";
import { matchesNames } from "./scope-values.ts";

const computeNames = ["cpu", "memory", "ephemeral-storage"];
const fixedNames: ReadonlySet<string> = new Set([
  "pods",
  "count/pods",
  ...computeNames.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);

/** Where these are limited every container must say what it takes: a rule older than QoS classes, kept for what relies on it. */
const mandatory: ReadonlySet<string> = new Set(
  ["cpu", "memory"].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
);

export const podEvaluator: QuotaEvaluator = {
  handles({ operation, subresource, object, oldObject }) {
    if (subresource === "resize") return operation === "UPDATE";
    if (subresource !== "") return false;
    if (operation === "CREATE") return true;
    return oldObject !== undefined && isTerminating(object as Pod) !== isTerminating(oldObject as Pod);
  },
  counts: (name) => fixedNames.has(name) || /^(requests\.)?hugepages-/.test(name) || isExtendedRequest(name),
  usage(object, nowMs) {
    const pod = object as Pod;
    const stored: QuotaAmounts = new Map([["count/pods", Quantity.of(1)]]);
    if (hasEnded(pod, nowMs)) return stored;
    return addAmounts(stored, computeUsage(podRequests(pod), podLimits(pod)));
  },
  matchesScope(selector, object) {
    const pod = object as Pod;
    switch (selector.scopeName) {
      case "Terminating":
        return isTerminating(pod);
      case "NotTerminating":
        return !isTerminating(pod);
      case "BestEffort":
        return qosClass(pod) === "BestEffort";
      case "NotBestEffort":
        return qosClass(pod) !== "BestEffort";
      case "PriorityClass":
        return matchesNames(selector, pod.spec.priorityClassName ? [pod.spec.priorityClassName] : []);
      case "CrossNamespacePodAffinity":
        return reachesOtherNamespaces(pod);
      default:
        return false;
    }
  },
  missing(names, object) {
    const { spec } = object as Pod;
    if (
      Object.keys(spec.resources?.requests ?? {}).length > 0 ||
      Object.keys(spec.resources?.limits ?? {}).length > 0
    ) {
      return undefined;
    }
    const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
    const problems = names
      .filter((name) => mandatory.has(name))
      .sort()
      .flatMap((name) => {
        const silent = containers.filter((container) => !containerUsage(container).has(name)).map((one) => one.name);
        return silent.length > 0 ? [`${name} for: ${[...new Set(silent)].sort().join(",")}`] : [];
      });
    return problems.length > 0 ? problems.join("; ") : undefined;
  },
};

function containerUsage({ resources }: Container): QuotaAmounts {
  return computeUsage(parseAmounts(resources?.requests), parseAmounts(resources?.limits));
}

function computeUsage(requests: QuotaAmounts, limits: QuotaAmounts): QuotaAmounts {
  const usage = new Map([["pods", Quantity.of(1)]]);
  for (const [name, amount] of requests) {
    if (computeNames.includes(name) || name.startsWith("hugepages-")) usage.set(name, amount);
    if (usage.has(name) || isExtended(name)) usage.set(`requests.${name}`, amount);
  }
  for (const name of computeNames) {
    const limit = limits.get(name);
    if (limit) usage.set(`limits.${name}`, limit);
  }
  return usage;
}

/** Ended, or deleted on a node that does not answer: it must not keep its successor from starting. */
function hasEnded({ metadata, status }: Pod, nowMs: number): boolean {
  if (status?.phase === "Failed" || status?.phase === "Succeeded") return true;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return false;
  return nowMs > Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

function isTerminating({ spec }: Pod): boolean {
  return (spec.activeDeadlineSeconds ?? -1) >= 0;
}

/** A name with a domain that is not Kubernetes' own. */
function isExtended(name: string): boolean {
  if (name.startsWith("requests.")) return false;
  if (name.startsWith("deviceclass.resource.kubernetes.io/")) return true;
  return name.includes("/") && !name.includes("kubernetes.io/");
}

function isExtendedRequest(name: string): boolean {
  return name.startsWith("requests.") && isExtended(name.slice("requests.".length));
}

function reachesOtherNamespaces({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const terms: readonly PodAffinityTerm[] = [podAffinity, podAntiAffinity].flatMap((one) => [
    ...(one?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(one?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
  ]);
  return terms.some((term) => term.namespaces?.length || term.namespaceSelector !== undefined);
}
