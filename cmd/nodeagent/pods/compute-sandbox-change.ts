/**
 * Whether the pod needs a new sandbox. Pure.
 * Source: kubelet kuberuntime/util PodSandboxChanged (v1.36).
 */
import type { Pod } from "#pkg/api/core/v1.ts";
import type { ObservedPod, ObservedSandbox } from "./observed-pod.ts";

export type SandboxChange =
  | { readonly isNeeded: false; readonly sandbox: ObservedSandbox }
  | { readonly isNeeded: true; readonly attempt: number; readonly why: string };

export function computeSandboxChange(pod: Pod, observed: ObservedPod): SandboxChange {
  const [latest] = observed.sandboxes;
  if (!latest) return { isNeeded: true, attempt: 0, why: "the pod has no sandbox" };
  const attempt = latest.attempt + 1;
  const ready = observed.sandboxes.filter(({ isReady }) => isReady);
  if (ready.length > 1) return { isNeeded: true, attempt, why: "more than one sandbox is ready" };
  if (!latest.isReady) return { isNeeded: true, attempt, why: "the sandbox is not ready" };
  if (latest.isHostNetwork !== (pod.spec.hostNetwork ?? false))
    return { isNeeded: true, attempt, why: "the sandbox has another network" };
  if (!latest.isHostNetwork && latest.ips.length === 0)
    return { isNeeded: true, attempt, why: "the sandbox has no IP address" };
  return { isNeeded: false, sandbox: latest };
}
