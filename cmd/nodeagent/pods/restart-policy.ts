/**
 * Whether a container that ended is to run again: the rules of the container, then its own policy, then the pod's. Pure.
 * Source: kubelet container/helpers.go ShouldContainerBeRestarted (v1.36), KEP-5307.
 */
import type { Container, ContainerRestartRule, Pod } from "#pkg/api/core/v1.ts";

export type RestartDecision = "restart" | "stay" | "restartAll";

export function restartDecision(pod: Pick<Pod, "spec">, container: Container, exitCode: number): RestartDecision {
  const rule = (container.restartPolicyRules ?? []).find((candidate) => matches(candidate, exitCode));
  if (rule?.action === "Restart") return "restart";
  if (rule?.action === "RestartAllContainers") return "restartAll";
  return restartsByPolicy(policyOf(pod, container), exitCode) ? "restart" : "stay";
}

/** After its liveness or startup probe failed: rules do not count here. */
export function restartsAfterProbeFailure(pod: Pick<Pod, "spec">, container: Container): boolean {
  return policyOf(pod, container) !== "Never";
}

/** The container's own policy, else the pod's. For an init container "Always" of the pod means: until it succeeds. */
export function policyOf(pod: Pick<Pod, "spec">, container: Container): string {
  return container.restartPolicy ?? pod.spec.restartPolicy ?? "Always";
}

function restartsByPolicy(policy: string, exitCode: number): boolean {
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

function matches(rule: ContainerRestartRule, exitCode: number): boolean {
  const values = rule.exitCodes?.values ?? [];
  switch (rule.exitCodes?.operator) {
    case "In":
      return values.includes(exitCode);
    case "NotIn":
      return !values.includes(exitCode);
    default:
      return false;
  }
}
