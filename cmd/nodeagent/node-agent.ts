/**
 * The node agent as a whole, without process, flags or signals: pods from the API onto the runtime, statuses back, and the
 * Node object with its lease. Disposing it leaves all containers running.
 */
import os from "node:os";
import type { Node, Pod } from "#pkg/api/core/v1.ts";
import { isStatus } from "#pkg/api/status.ts";
import type { CgroupManager } from "#pkg/cgroups/cgroup-manager.ts";
import type { CriConnection } from "#pkg/cri/grpc-runtime-service.ts";
import type { KubeClient } from "#pkg/kube/client.ts";
import { clientEventSink, QueuedEventRecorder, referenceTo } from "#pkg/kube/events.ts";
import type { Informer } from "#pkg/kube/informer.ts";
import { Informers } from "#pkg/kube/informers.ts";
import { type PeriodicSync, type PeriodicSyncOptions, startPeriodicSync } from "#pkg/kube/periodic-sync.ts";
import { resources } from "#pkg/kube/resources.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError, isNotFound } from "#pkg/system/errors.ts";
import type { Files } from "#pkg/system/files.ts";
import type { KernelFiles } from "#pkg/system/kernel-files.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import type { ScratchFiles } from "#pkg/system/scratch-files.ts";
import type { NodeFacts } from "./node/build-node-status.ts";
import { type MachineInfo, readMachineInfo } from "./node/machine-info.ts";
import { NodeLease } from "./node/node-lease.ts";
import { NodeRegistrar } from "./node/node-registrar.ts";
import type { NodeNetwork } from "./node/ports.ts";
import { RuntimeHealth } from "./node/runtime-health.ts";
import { type AgentOptions, evictionReserve } from "./options.ts";
import { type Pods, startPods } from "./pods/compose-pods.ts";
import { PodCgroups } from "./pods/pod-cgroups.ts";
import type { AgentFolders } from "./pods/pod-folders.ts";
import type { EventSink, PodDirectory, PodEnvironment, PodVolumes, ProbeManager } from "./pods/ports.ts";
import { StatusManager } from "./status/status-manager.ts";
import { agentVersion } from "./version.ts";

/** The parts that other folders make; they may need the informers and events, so they are made by functions. */
export interface AgentParts extends AsyncDisposable {
  readonly volumes: PodVolumes;
  readonly environment: PodEnvironment;
  readonly probes: ProbeManager;
}

export interface PartsContext {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly kernelFiles: KernelFiles;
  readonly log: Logger;
  /** Started by the agent after the parts were made. */
  readonly informers: Informers;
  readonly events: EventSink;
  readonly machine: MachineInfo;
  readonly cri: CriConnection;
  readonly folders: AgentFolders;
  readonly nodeName: string;
  readonly hostIps: () => readonly string[];
  readonly allocatable: () => Readonly<Record<string, string>>;
}

export interface NodeAgentPorts {
  readonly client: KubeClient;
  readonly cri: CriConnection;
  readonly cgroups: CgroupManager;
  readonly network: NodeNetwork;
  readonly makeParts: (context: PartsContext) => AgentParts | Promise<AgentParts>;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly kernelFiles: KernelFiles;
  readonly scratch: ScratchFiles;
  readonly log: Logger;
  /** Addresses of this node when the options name none. */
  readonly findAddresses: () => Promise<readonly string[]>;
}

export interface NodeAgent extends AsyncDisposable {
  readonly nodeName: string;
  readonly addresses: readonly string[];
  readonly directory: PodDirectory;
  readonly events: EventSink;
  readonly folders: AgentFolders;
  readonly parts: AgentParts;
  /** undefined: healthy; else what is wrong. */
  health(): string | undefined;
}

const userEvents = { perSecond: 50, burst: 100 };
/** A runtime that starts together with the agent is given this long. */
const runtimeWaitMs = 30_000;
const runtimeStuckMs = 180_000;
const tierSyncMs = 60_000;

/** Resolves when the agent is at work; the Node may not be registered yet. Throws when the runtime cannot be reached. */
export async function startNodeAgent(options: AgentOptions, ports: NodeAgentPorts): Promise<NodeAgent> {
  const stack = new AsyncDisposableStack();
  try {
    const agent = await start(options, ports, stack);
    return { ...agent, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function start(
  options: AgentOptions,
  ports: NodeAgentPorts,
  stack: AsyncDisposableStack,
): Promise<Omit<NodeAgent, keyof AsyncDisposable>> {
  const { client, cri, clock, random, log } = ports;
  const nodeName = options.nodeName ?? os.hostname().toLowerCase();
  const folders: AgentFolders = { root: options.rootDir, podLogs: options.podLogsDir };
  await ports.files.makeFolder(`${folders.root}/pods`, 0o750);
  const machine = await readMachineInfo(ports.kernelFiles, folders.root);
  warnOfScores(machine, log);
  const addresses = options.nodeIps.length > 0 ? options.nodeIps : await ports.findAddresses();
  const loops: Loops = {};
  const health = stack.use(
    new RuntimeHealth({
      runtime: cri.runtime,
      clock,
      onChange: () => {
        loops.node?.trigger();
        loops.pods?.workers.wakeAll();
      },
    }),
  );
  await startHealth(health, clock, log);
  const cgroups = await prepareCgroups(options, ports, machine);
  const events = openEvents(nodeName, ports, stack);
  const informers = stack.use(new Informers({ client, clock, random, log }));
  const podInformer = informers.for(resources.pods, { fieldSelector: `spec.nodeName=${nodeName}` });
  const nodeInformer = informers.for(resources.nodes, { fieldSelector: `metadata.name=${nodeName}` });
  const statuses = stack.use(new StatusManager({ pods: client.pods, clock, log }));
  const facts = async (): Promise<NodeFacts> => ({
    name: nodeName,
    addresses,
    machine,
    runtime: health.state,
    agentProblem: loops.pods?.watch.problem(runtimeStuckMs),
    images: await cri.images.listImages().catch(() => []),
    reserved: options.reserved,
    evictionReserve: evictionReserve(options.evictionHard, machine),
    maxPods: options.maxPods,
    port: options.port,
    version: agentVersion,
    labels: options.labels,
    taints: options.taints,
  });
  const registrar = new NodeRegistrar({
    nodes: client.nodes,
    clock,
    facts,
    network: ports.network,
    registers: options.registersNode,
    reportIntervalMs: options.statusReportMs,
  });
  const parts = await ports.makeParts({
    ...ports,
    informers,
    events,
    machine,
    cri,
    folders,
    nodeName,
    hostIps: () => addresses,
    allocatable: () => registrar.node?.status?.allocatable ?? {},
  });
  stack.use(parts);
  const pods = stack.use(
    startPods({
      ...ports,
      ...parts,
      runtime: cri.runtime,
      images: cri.images,
      statuses,
      cgroups,
      events,
      folders,
      crashBackoff: { baseMs: 10_000, maxMs: options.maxCrashBackoffMs },
      maxParallelPulls: options.maxParallelPulls,
      resources: () => ({
        memoryCapacityBytes: machine.memoryBytes,
        cgroupVersion: ports.cgroups.version,
        enforceCpuQuota: options.enforceCpuQuota,
        cpuPeriodUs: options.cpuPeriodUs,
        lowestOomScoreAdj: machine.lowestOomScoreAdj,
      }),
      hostIps: () => addresses,
      runtimeName: () => health.state.name,
      networkProblem: () => health.state.networkProblem,
      runtimeHandler: (pod) => findRuntimeHandler(client, pod),
      readSecret: (namespace, name) => readSecret(client, namespace, name),
      hasSynced: () => podInformer.hasSynced,
    }),
  );
  loops.pods = pods;
  followPods(podInformer, pods, statuses, loops);
  followNode(nodeInformer, registrar, loops, log);
  startLoops(options, ports, { stack, loops, registrar, cgroups, pods, nodeName });
  informers.start();
  return {
    nodeName,
    addresses,
    directory: pods.directory,
    events,
    folders,
    parts,
    health: () => health.state.runtimeProblem ?? pods.watch.problem(runtimeStuckMs),
  };
}

/** Loops that are told of things that happen elsewhere; each is there from its start on. */
interface Loops {
  node?: PeriodicSync;
  tiers?: PeriodicSync;
  pods?: Pods;
}

function followPods(informer: Informer<Pod>, pods: Pods, statuses: StatusManager, loops: Loops): void {
  informer.addHandler({
    onAdd: (pod) => {
      pods.workers.update(pod);
      loops.tiers?.trigger();
    },
    onUpdate: (pod) => {
      statuses.noteApiState(pod);
      pods.workers.update(pod);
    },
    onDelete: (pod) => pods.workers.remove(pod.metadata.uid),
  });
}

function followNode(informer: Informer<Node>, registrar: NodeRegistrar, loops: Loops, log: Logger): void {
  const note = (node: Parameters<NodeRegistrar["noteApiState"]>[0]): void => {
    registrar.noteApiState(node).catch((error: unknown) => log.warn("the pod network could not be set up", { error }));
  };
  informer.addHandler({
    onAdd: note,
    onUpdate: note,
    onDelete: () => {
      note(undefined);
      loops.node?.trigger();
    },
  });
}

interface LoopParts {
  readonly stack: AsyncDisposableStack;
  readonly loops: Loops;
  readonly registrar: NodeRegistrar;
  readonly cgroups: PodCgroups;
  readonly pods: Pods;
  readonly nodeName: string;
}

function startLoops(options: AgentOptions, ports: NodeAgentPorts, parts: LoopParts): void {
  const { stack, loops, registrar, cgroups, pods, nodeName } = parts;
  const { clock, log, client } = ports;
  const durationSeconds = options.leaseDurationSeconds;
  const nodeUid = (): string | undefined => registrar.node?.metadata.uid;
  const lease = new NodeLease({ leases: client.leases, clock, nodeName, durationSeconds, nodeUid });
  const loop = (
    name: string,
    sync: (signal: AbortSignal) => Promise<void>,
    intervals: Pick<PeriodicSyncOptions, "minMs" | "retryMs" | "maxMs">,
  ): PeriodicSync => stack.use(startPeriodicSync({ name, sync, ...intervals, clock, log }));
  const updateTiers = (): Promise<void> => cgroups.updateTiers(pods.workers.pods());
  loops.node = loop("node-status", (signal) => registrar.sync(signal), {
    minMs: 200,
    retryMs: 1000,
    maxMs: options.statusUpdateMs,
  });
  loops.tiers = loop("qos-cgroups", updateTiers, { minMs: 1000, retryMs: 5000, maxMs: tierSyncMs });
  // Four renewals fit into the time after which the node counts as silent.
  const renewMs = durationSeconds * 250;
  loop("node-lease", (signal) => lease.renew(signal), { minMs: 1000, retryMs: 1000, maxMs: renewMs });
}

function openEvents(host: string, ports: NodeAgentPorts, stack: AsyncDisposableStack): EventSink {
  const { client, clock, random, log } = ports;
  const sink = clientEventSink(client);
  const recorder = stack.use(
    new QueuedEventRecorder({ sink, component: "kubelet", host, clock, random, log, limit: userEvents }),
  );
  return {
    record: (pod, type, reason, message, fieldPath) =>
      recorder.event(referenceTo({ apiVersion: "v1", kind: "Pod", ...pod }, fieldPath), type, reason, message),
  };
}

function warnOfScores({ lowestOomScoreAdj }: MachineInfo, log: Logger): void {
  if (lowestOomScoreAdj === undefined) return;
  const fields = { lowest: lowestOomScoreAdj };
  log.warn(
    "without CAP_SYS_RESOURCE no process gets a lower oom_score_adj: pods are less protected than asked",
    fields,
  );
}

async function startHealth(health: RuntimeHealth, clock: Clock, log: Logger): Promise<void> {
  const startedAt = clock.monotonic();
  for (;;) {
    try {
      return await health.start();
    } catch (error) {
      if (clock.monotonic() - startedAt > runtimeWaitMs) throw error;
      log.warn("the runtime does not answer yet", { error });
      await clock.sleep(500);
    }
  }
}

async function prepareCgroups(options: AgentOptions, ports: NodeAgentPorts, machine: MachineInfo): Promise<PodCgroups> {
  const cgroups = new PodCgroups({
    manager: ports.cgroups,
    parent: options.cgroupParent,
    enforceCpuQuota: options.enforceCpuQuota,
    cpuPeriodUs: options.cpuPeriodUs,
    podPidsLimit: options.podPidsLimit,
  });
  const { milliCpu, memoryBytes, pids } = options.reserved;
  await cgroups.ensureRoot(
    { milliCpu: machine.cpus * 1000, memoryBytes: machine.memoryBytes },
    { milliCpu, memoryBytes, pids },
    options.enforcesAllocatable,
  );
  return cgroups;
}

async function findRuntimeHandler(client: KubeClient, pod: Pod): Promise<string> {
  const { runtimeClassName } = pod.spec;
  if (!runtimeClassName) return "";
  try {
    return (await client.runtimeClasses.get(runtimeClassName)).handler;
  } catch (error) {
    if (!isStatus(error, "NotFound") && !isNotFound(error)) throw error;
    throw new BerthError("NotFound", `RuntimeClass "${runtimeClassName}" not found`, { cause: error });
  }
}

async function readSecret(client: KubeClient, namespace: string, name: string) {
  try {
    return await client.secrets.in(namespace).get(name);
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}
