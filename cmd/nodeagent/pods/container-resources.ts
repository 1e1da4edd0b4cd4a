/**
 * What a container may use, in the runtime's terms. Pure.
 * Source: kubelet calculateLinuxResources (v1.36).
 */
import type { Container, Pod } from "#pkg/api/core/v1.ts";
import { memoryBytes, milliCpu, podRequests } from "#pkg/api/pod-resources.ts";
import { parseQuantity } from "#pkg/api/quantity.ts";
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import { defaultPeriodUs, milliCpuToQuota, milliCpuToShares } from "#pkg/cgroups/cpu.ts";
import { oomScoreAdj } from "#pkg/cgroups/oom-score.ts";
import type { CgroupVersion } from "#pkg/cgroups/writes.ts";
import type { LinuxContainerResources } from "#pkg/cri/generated/cri.ts";
import type { AnyContainer } from "./ports.ts";

export interface ResourceSettings {
  readonly memoryCapacityBytes: number;
  readonly cgroupVersion: CgroupVersion;
  readonly enforceCpuQuota: boolean;
  readonly cpuPeriodUs?: number | undefined;
  /** Lowest oom_score_adj this machine lets us ask for; undefined: any. */
  readonly lowestOomScoreAdj?: number | undefined;
}

export function buildContainerResources(
  pod: Pod,
  container: AnyContainer,
  settings: ResourceSettings,
): MessageInput<LinuxContainerResources> {
  const { limits = {}, requests = {} } = container.resources ?? {};
  const podLimits = pod.spec.resources?.limits ?? {};
  const cpuLimit = toMilli(limits["cpu"] ?? podLimits["cpu"]);
  // A container without a request asks for its limit.
  const cpuRequest = toMilli(requests["cpu"] ?? limits["cpu"]);
  const memoryLimit = toBytes(limits["memory"] ?? podLimits["memory"]);
  const periodUs = settings.cpuPeriodUs ?? defaultPeriodUs;
  const quota = settings.enforceCpuQuota && cpuLimit > 0 ? milliCpuToQuota(cpuLimit, periodUs) : 0;
  const isUnified = settings.cgroupVersion === "v2";
  return {
    cpuShares: milliCpuToShares(cpuRequest),
    ...(quota > 0 ? { cpuQuota: quota, cpuPeriod: periodUs } : {}),
    ...(memoryLimit > 0 ? { memoryLimitInBytes: memoryLimit } : {}),
    // The limit counts memory and swap together: equal limits leave no swap.
    ...(isUnified && memoryLimit > 0 ? { memorySwapLimitInBytes: memoryLimit } : {}),
    ...(isUnified ? { unified: { "memory.oom.group": "1" } } : {}),
    hugepageLimits: hugepageLimits(limits),
    oomScoreAdj: clampScore(oomScoreAdj(pod, container as Container, settings.memoryCapacityBytes), settings),
  };
}

export function clampScore(score: number, { lowestOomScoreAdj }: Pick<ResourceSettings, "lowestOomScoreAdj">): number {
  return lowestOomScoreAdj === undefined ? score : Math.max(score, lowestOomScoreAdj);
}

/** What the node has left for another pod is judged by these. */
export function requestedByPod(pod: Pod): { readonly milliCpu: number; readonly memoryBytes: number } {
  const requests = podRequests(pod);
  return { milliCpu: milliCpu(requests), memoryBytes: memoryBytes(requests) };
}

function hugepageLimits(limits: Readonly<Record<string, string>>): { pageSize: string; limit: number }[] {
  return Object.entries(limits).flatMap(([name, text]) => {
    const size = /^hugepages-(\d+)(Ki|Mi|Gi)$/.exec(name);
    return size ? [{ pageSize: `${size[1]}${size[2]?.replace("i", "B")}`, limit: parseQuantity(text).toBytes() }] : [];
  });
}

function toMilli(text: string | undefined): number {
  return text === undefined ? 0 : parseQuantity(text).toMilli();
}

function toBytes(text: string | undefined): number {
  return text === undefined ? 0 : parseQuantity(text).toBytes();
}
