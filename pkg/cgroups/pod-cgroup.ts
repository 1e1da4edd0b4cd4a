/**
 * What a pod's cgroup, the QoS tiers and the kubepods root are set to. Pure: values in, values out; `writes.ts` turns them
 * into files for either cgroup version.
 * Source: k8s.io/kubernetes pkg/kubelet/cm ResourceConfigForPod, qos_container_manager_linux.go (v1.36).
 */
import type { Container, Pod } from "#pkg/api/core/v1.ts";
import { memoryBytes, milliCpu, podLimits, podRequests, qosClass } from "#pkg/api/pod-resources.ts";
import { defaultPeriodUs, milliCpuToQuota, milliCpuToShares, minShares } from "./cpu.ts";

/** Absent: leave the kernel's default, which is no limit. */
export interface CgroupValues {
  readonly cpuShares?: number | undefined;
  /** With its period; -1 takes a quota away. */
  readonly cpuQuotaUs?: number | undefined;
  readonly cpuPeriodUs?: number | undefined;
  readonly memoryLimitBytes?: number | undefined;
  readonly pidsLimit?: number | undefined;
}

export interface PodCgroupOptions {
  /** False: requests still count, limits on CPU do not (cpuCFSQuota: false). */
  readonly enforceCpuQuota: boolean;
  readonly cpuPeriodUs?: number | undefined;
  /** Per pod; undefined or not positive: no limit. */
  readonly podPidsLimit?: number | undefined;
}

export function podCgroupValues(pod: Pod, options: PodCgroupOptions): CgroupValues {
  const pids =
    options.podPidsLimit !== undefined && options.podPidsLimit > 0 ? { pidsLimit: options.podPidsLimit } : {};
  const qos = qosClass(pod);
  if (qos === "BestEffort") return { cpuShares: minShares, ...pids };
  const limits = podLimits(pod);
  const periodUs = options.cpuPeriodUs ?? defaultPeriodUs;
  const quota = options.enforceCpuQuota && isLimited(pod, "cpu") ? milliCpuToQuota(milliCpu(limits), periodUs) : 0;
  const memory = isLimited(pod, "memory") ? memoryBytes(limits) : 0;
  // A container without a request but with a limit asks for the limit: the API has written that into the requests.
  return {
    cpuShares: milliCpuToShares(milliCpu(podRequests(pod))),
    ...(quota > 0 ? { cpuQuotaUs: quota, cpuPeriodUs: periodUs } : {}),
    ...(memory > 0 ? { memoryLimitBytes: memory } : {}),
    ...pids,
  };
}

/** Shares of the two tiers: burstable gets what its pods ask for, best effort the least there is. */
export function tierCgroupValues(pods: readonly Pod[]): {
  readonly burstable: CgroupValues;
  readonly besteffort: CgroupValues;
} {
  let milli = 0;
  for (const pod of pods) if (qosClass(pod) === "Burstable") milli += milliCpu(podRequests(pod));
  return { burstable: { cpuShares: milliCpuToShares(milli) }, besteffort: { cpuShares: minShares } };
}

export interface NodeBudget {
  readonly milliCpu: number;
  readonly memoryBytes: number;
  readonly pids?: number | undefined;
}

/** The root of all pods: what the node has, less what is reserved for it. CPU is weighed, never cut off. */
export function kubepodsCgroupValues(capacity: NodeBudget, reserved: NodeBudget): CgroupValues {
  return {
    cpuShares: milliCpuToShares(capacity.milliCpu - reserved.milliCpu),
    memoryLimitBytes: capacity.memoryBytes - reserved.memoryBytes,
    ...(capacity.pids === undefined ? {} : { pidsLimit: capacity.pids - (reserved.pids ?? 0) }),
  };
}

/** A limit on the pod makes sense only where every container has one, or the pod itself. */
function isLimited(pod: Pod, resource: "cpu" | "memory"): boolean {
  if (pod.spec?.resources?.limits?.[resource] !== undefined) return true;
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const has = (container: Container): boolean => container.resources?.limits?.[resource] !== undefined;
  return containers.length > 0 && containers.every(has);
}
