/**
 * The node as the API shows it: labels, capacity, allocatable, conditions, images. Pure.
 * Source: kubelet nodestatus/setters.go (v1.36).
 */
import type { Node, NodeCondition, NodeStatus, Taint } from "#pkg/api/core/v1.ts";
import type { Image } from "#pkg/cri/generated/cri.ts";
import { formatTime } from "#pkg/system/clock.ts";
import type { MachineInfo } from "./machine-info.ts";
import type { RuntimeState } from "./runtime-health.ts";

export interface Reserved {
  readonly milliCpu: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly pids: number;
}

/** Hard eviction begins when less than this is left; what it holds back is not for pods. */
export interface EvictionReserve {
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

export interface NodeFacts {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly machine: MachineInfo;
  readonly runtime: RuntimeState;
  /** undefined: all of the agent works. */
  readonly agentProblem: string | undefined;
  readonly images: readonly Image[];
  readonly reserved: Reserved;
  readonly evictionReserve: EvictionReserve;
  readonly maxPods: number;
  readonly port: number;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
}

const maxImages = 50;
const maxImageNames = 5;

/** The object to register with; its status is buildNodeStatus. */
export function buildNode(facts: NodeFacts, status: NodeStatus): Node {
  return {
    metadata: {
      name: facts.name,
      labels: { ...facts.labels, ...standardLabels(facts) },
      annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" },
    },
    spec: facts.taints.length > 0 ? { taints: [...facts.taints] } : {},
    status,
  };
}

export function standardLabels({ name, machine }: Pick<NodeFacts, "name" | "machine">): Record<string, string> {
  return {
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": machine.architecture,
    "beta.kubernetes.io/os": "linux",
    "beta.kubernetes.io/arch": machine.architecture,
  };
}

/** `previous`: the conditions as they were, for the times of their changes. */
export function buildNodeStatus(facts: NodeFacts, previous: readonly NodeCondition[], nowMs: number): NodeStatus {
  const { machine, runtime, version } = facts;
  return {
    capacity: buildCapacity(facts),
    allocatable: buildAllocatable(facts),
    conditions: buildConditions(facts, previous, nowMs),
    addresses: [
      ...facts.addresses.map((address) => ({ type: "InternalIP", address })),
      { type: "Hostname", address: facts.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: facts.port } },
    nodeInfo: {
      machineID: machine.machineId,
      systemUUID: machine.systemUuid,
      bootID: machine.bootId,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion: `${runtime.name}://${runtime.version}`,
      kubeletVersion: version,
      kubeProxyVersion: "",
      operatingSystem: "linux",
      architecture: machine.architecture,
    },
    images: buildImages(facts.images),
  };
}

function buildCapacity({ machine, maxPods }: NodeFacts): Record<string, string> {
  return {
    cpu: String(machine.cpus),
    memory: `${Math.floor(machine.memoryBytes / 1024)}Ki`,
    "ephemeral-storage": `${Math.floor(machine.diskBytes / 1024)}Ki`,
    pods: String(maxPods),
    ...mapValues(machine.hugepages, String),
  };
}

function buildAllocatable(facts: NodeFacts): Record<string, string> {
  const { machine, reserved, evictionReserve, maxPods } = facts;
  const hugepages = Object.values(machine.hugepages).reduce((sum, bytes) => sum + bytes, 0);
  const memory = machine.memoryBytes - reserved.memoryBytes - evictionReserve.memoryBytes - hugepages;
  const disk = machine.diskBytes - reserved.diskBytes - evictionReserve.diskBytes;
  const milliCpu = machine.cpus * 1000 - reserved.milliCpu;
  return {
    cpu: milliCpu % 1000 === 0 ? String(milliCpu / 1000) : `${milliCpu}m`,
    memory: `${Math.max(Math.floor(memory / 1024), 0)}Ki`,
    "ephemeral-storage": String(Math.max(Math.floor(disk), 0)),
    pods: String(maxPods),
    ...mapValues(machine.hugepages, String),
  };
}

function buildConditions(facts: NodeFacts, previous: readonly NodeCondition[], nowMs: number): NodeCondition[] {
  const problems = [facts.runtime.runtimeProblem, facts.runtime.networkProblem, facts.agentProblem];
  const message = problems.flatMap((problem) => problem ?? []).join(", ");
  const found: readonly Omit<NodeCondition, "lastHeartbeatTime" | "lastTransitionTime">[] = [
    healthy("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    healthy("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    healthy("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    message === ""
      ? { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" }
      : { type: "Ready", status: "False", reason: "KubeletNotReady", message },
  ];
  return found.map((condition) => {
    const before = previous.find(({ type }) => type === condition.type);
    const now = formatTime(nowMs);
    const changedAt = before?.status === condition.status ? (before.lastTransitionTime ?? now) : now;
    return { ...condition, lastHeartbeatTime: now, lastTransitionTime: changedAt };
  });
}

function healthy(type: string, reason: string, message: string) {
  return { type, status: "False", reason, message };
}

/** The largest ones, each with a few of its names. */
function buildImages(images: readonly Image[]): NonNullable<NodeStatus["images"]> {
  return [...images]
    .sort((a, b) => b.size - a.size)
    .slice(0, maxImages)
    .map(({ repoDigests, repoTags, size }) => ({
      names: [...repoDigests, ...repoTags].slice(0, maxImageNames),
      sizeBytes: size,
    }));
}

function mapValues<T, R>(map: Readonly<Record<string, T>>, change: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}
