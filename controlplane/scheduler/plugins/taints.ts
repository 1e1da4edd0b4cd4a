/** Taints and tolerations. Source: k8s.io/api/core/v1/toleration.go, plugins/tainttoleration (v1.36). */
import type { Taint, Toleration } from "#pkg/api/core/v1.ts";
import type { FilterPlugin, ScorePlugin } from "./plugin.ts";
import { normalize } from "./plugin.ts";

export const unschedulableTaint: Taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  switch (toleration.operator || "Equal") {
    case "Exists":
      return true;
    case "Equal":
      return (toleration.value ?? "") === (taint.value ?? "");
    default:
      return false;
  }
}

export function isTolerated(tolerations: readonly Toleration[] | undefined, taint: Taint): boolean {
  return (tolerations ?? []).some((toleration) => tolerates(toleration, taint));
}

export const taintToleration: FilterPlugin & ScorePlugin = {
  name: "TaintToleration",
  weight: 3,
  prepare:
    ({ pod }) =>
    (node) => {
      const taint = node.node.spec?.taints?.find(
        (one) =>
          (one.effect === "NoSchedule" || one.effect === "NoExecute") && !isTolerated(pod.spec?.tolerations, one),
      );
      if (!taint) return [];
      return [{ reason: `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`, isResolvable: false }];
    },
  score({ pod }, nodes) {
    // Tolerations that could match this effect: those for it, and those for every effect.
    const tolerations = (pod.spec?.tolerations ?? []).filter(({ effect }) => !effect || effect === "PreferNoSchedule");
    const counts = nodes.map(
      (node) =>
        (node.node.spec?.taints ?? []).filter(
          (one) => one.effect === "PreferNoSchedule" && !isTolerated(tolerations, one),
        ).length,
    );
    return counts.every((count) => count === 0) ? undefined : normalize(counts, true);
  },
};

export const nodeUnschedulable: FilterPlugin = {
  name: "NodeUnschedulable",
  prepare: ({ pod }) => {
    if (isTolerated(pod.spec?.tolerations, unschedulableTaint)) return undefined;
    return (node) =>
      node.node.spec?.unschedulable ? [{ reason: "node(s) were unschedulable", isResolvable: false }] : [];
  },
};
