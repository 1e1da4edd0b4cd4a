/**
 * Turns what was observed of a pod into its status and hands it on: to the status manager and to the probes. Remembers, per
 * pod, what no observation shows: why containers do not start, and how long they have to wait.
 */
import type { Pod, PodStatus } from "#pkg/api/core/v1.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { ContainerProblem } from "./compute-container-statuses.ts";
import { agentConditions } from "./compute-pod-conditions.ts";
import type { CrashBackoff } from "./crash-backoff.ts";
import { generatePodStatus } from "./generate-pod-status.ts";
import type { ObservedPod } from "./observed-pod.ts";
import type { VerdictsOf } from "./pod-action.ts";
import type { PodVerdict } from "./pod-worker.ts";
import type { ProbeManager } from "./ports.ts";

export interface PodMemory {
  readonly backoffs: Map<string, CrashBackoff>;
  readonly problems: Map<string, ContainerProblem>;
}

export interface PodReporterOptions {
  readonly statuses: { get(podUid: string): PodStatus | undefined; set(pod: Pod, status: PodStatus): void };
  readonly probes: Pick<ProbeManager, "syncPod" | "verdicts">;
  readonly clock: Clock;
  readonly hostIps: () => readonly string[];
  readonly runtimeName: () => string;
}

export class PodReporter {
  readonly #options: PodReporterOptions;
  readonly #memories = new Map<string, PodMemory>();

  constructor(options: PodReporterOptions) {
    this.#options = options;
  }

  memory(pod: Pod): PodMemory {
    const uid = pod.metadata.uid ?? "";
    const known = this.#memories.get(uid);
    if (known) return known;
    const memory = { backoffs: new Map<string, CrashBackoff>(), problems: new Map<string, ContainerProblem>() };
    this.#memories.set(uid, memory);
    return memory;
  }

  /** undefined: the container's problem is over. */
  setProblems(pod: Pod, problems: ReadonlyMap<string, ContainerProblem | undefined>): void {
    const memory = this.memory(pod);
    for (const [name, problem] of problems) {
      if (problem) memory.problems.set(name, problem);
      else memory.problems.delete(name);
    }
  }

  verdictsOf(pod: Pod): VerdictsOf {
    const uid = pod.metadata.uid ?? "";
    return (name, containerId) => this.#options.probes.verdicts(uid, name, containerId);
  }

  /** Restarts as the last status has them. */
  knownRestarts(pod: Pod, name: string): number | undefined {
    const status = this.#options.statuses.get(pod.metadata.uid ?? "") ?? pod.status;
    const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
    const known = all.find((one) => one.name === name);
    return known?.containerID || known?.lastState?.terminated ? known.restartCount : undefined;
  }

  report(
    pod: Pod,
    observed: ObservedPod,
    ending: { readonly isEnding: boolean; readonly verdict?: PodVerdict | undefined } = { isEnding: false },
  ): PodStatus {
    const { statuses, probes, clock, hostIps, runtimeName } = this.#options;
    const uid = pod.metadata.uid ?? "";
    const known = statuses.get(uid);
    const input = {
      pod,
      observed,
      // Conditions of others are in the API's copy alone.
      previous: known ? { ...known, conditions: mergeConditions(known, pod.status) } : (pod.status ?? {}),
      problems: this.memory(pod).problems,
      verdictsOf: this.verdictsOf(pod),
      isEnding: ending.isEnding,
      verdict: ending.verdict,
      hostIps: hostIps(),
      runtimeName: runtimeName(),
      nowMs: clock.now(),
    };
    const first = generatePodStatus(input);
    // The probes learn of new containers first, so that their verdicts are those of containers they know.
    probes.syncPod({ pod, status: first, isTerminating: ending.isEnding });
    const status = generatePodStatus(input);
    statuses.set(pod, status);
    return status;
  }

  forget(podUid: string): void {
    this.#memories.delete(podUid);
  }
}

function mergeConditions(known: PodStatus, api: PodStatus | undefined): NonNullable<PodStatus["conditions"]> {
  const own = (known.conditions ?? []).filter(({ type }) => agentConditions.has(type));
  const others = (api?.conditions ?? []).filter(({ type }) => !agentConditions.has(type));
  return [...own, ...others];
}
