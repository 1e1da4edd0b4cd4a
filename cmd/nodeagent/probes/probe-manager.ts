/**
 * The probes of all pods of this node: one worker for each probe of each container. Verdicts of a container that was ready
 * or started before the agent was restarted go on from there.
 * Source: kubelet prober (v1.36), KEP-4781.
 */
import type { Container, ContainerStatus, Pod, PodStatus, Probe } from "#pkg/api/core/v1.ts";
import { isSidecar } from "#pkg/api/pod-resources.ts";
import { initialVerdict, type ProbedContainer, type ProbeState } from "#pkg/probes/next-probe-state.ts";
import type { ProbeKind, ProbeResult } from "#pkg/probes/probe.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { Random } from "#pkg/system/random.ts";
import type { ContainerVerdicts, EventSink, ProbedPod, ProbeManager } from "../pods/ports.ts";
import { ProbeWorker } from "./probe-worker.ts";
import type { RunProbe } from "./run-probe.ts";

export interface ProbeRun {
  readonly pod: Pod;
  readonly container: string;
  readonly kind: ProbeKind;
  readonly result: ProbeResult;
  readonly durationMs: number;
}

export interface ProbeManagerOptions {
  readonly run: RunProbe;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventSink;
  /** For metrics. Must not throw. */
  readonly onRun?: ((run: ProbeRun) => void) | undefined;
}

const kinds = ["startup", "liveness", "readiness"] as const;
const probeFields = { startup: "startupProbe", liveness: "livenessProbe", readiness: "readinessProbe" } as const;
const shownKinds: Readonly<Record<ProbeKind, string>> = {
  startup: "Startup",
  liveness: "Liveness",
  readiness: "Readiness",
};

interface ContainerProbes {
  container: Container;
  readonly workers: Map<ProbeKind, ProbeWorker>;
  view: ProbedContainer;
}

interface PodProbes {
  pod: Pod;
  status: PodStatus;
  readonly containers: Map<string, ContainerProbes>;
}

export function createProbeManager(options: ProbeManagerOptions): ProbeManager & Disposable {
  return new AgentProbeManager(options);
}

class AgentProbeManager implements ProbeManager, Disposable {
  readonly #options: ProbeManagerOptions;
  readonly #pods = new Map<string, PodProbes>();
  readonly #listeners = new Set<(podUid: string) => void>();
  readonly #startedAt: number;

  constructor(options: ProbeManagerOptions) {
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
  }

  syncPod({ pod, status, isTerminating }: ProbedPod): void {
    const uid = pod.metadata.uid ?? "";
    const isFirst = !this.#pods.has(uid);
    const known = this.#pods.get(uid) ?? { pod, status, containers: new Map() };
    Object.assign(known, { pod, status });
    this.#pods.set(uid, known);
    const podIsFinished = status.phase === "Succeeded" || status.phase === "Failed";
    for (const container of probedContainers(pod)) {
      const found = statusOf(status, container.name);
      const probes =
        known.containers.get(container.name) ?? this.#open(known, container, isFirst ? pod.status : undefined);
      probes.container = container;
      probes.view = viewOf(found, hasStarted(probes, container, found));
      for (const [kind, worker] of probes.workers) {
        if (podIsFinished || (isTerminating && kind !== "readiness")) worker[Symbol.dispose]();
        else worker.look({ container: probes.view, podIsTerminating: isTerminating, podIsFinished });
      }
    }
  }

  removePod(podUid: string): void {
    for (const { workers } of this.#pods.get(podUid)?.containers.values() ?? []) {
      for (const worker of workers.values()) worker[Symbol.dispose]();
    }
    this.#pods.delete(podUid);
  }

  verdicts(podUid: string, containerName: string, containerId: string): ContainerVerdicts {
    const workers = this.#pods.get(podUid)?.containers.get(containerName)?.workers;
    const verdict = (kind: ProbeKind) => {
      const state = workers?.get(kind)?.state;
      if (!state) return undefined;
      return state.containerId === containerId ? state.verdict : initialVerdict[kind];
    };
    return { startup: verdict("startup"), liveness: verdict("liveness"), readiness: verdict("readiness") };
  }

  onChange(listener: (podUid: string) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  [Symbol.dispose](): void {
    for (const uid of [...this.#pods.keys()]) this.removePod(uid);
  }

  /** `before`: what the API knew of the pod when the agent started. */
  #open(pod: PodProbes, container: Container, before: PodStatus | undefined): ContainerProbes {
    const workers = new Map<ProbeKind, ProbeWorker>();
    const probes: ContainerProbes = { container, workers, view: viewOf(undefined, false) };
    for (const kind of kinds) {
      const probe = container[probeFields[kind]];
      if (!probe) continue;
      const former = before && formerState(kind, statusOf(before, container.name));
      workers.set(kind, this.#worker(pod, probes, kind, probe, former));
    }
    pod.containers.set(container.name, probes);
    return probes;
  }

  #worker(pod: PodProbes, probes: ContainerProbes, kind: ProbeKind, probe: Probe, former?: ProbeState): ProbeWorker {
    const { clock, run, onRun } = this.#options;
    const worker: ProbeWorker = new ProbeWorker(
      {
        kind,
        probe,
        clock,
        spreadMs: () => this.#spread(worker.periodMs),
        run: async () => {
          const startedAt = clock.monotonic();
          const podIp = pod.status.podIP ?? "";
          const result = await run(probe, { container: probes.container, containerId: probes.view.id, podIp });
          const container = probes.container.name;
          onRun?.({ pod: pod.pod, container, kind, result, durationMs: clock.monotonic() - startedAt });
          return result;
        },
        onResult: (result) => this.#tell(pod.pod, probes.container, kind, result),
        onVerdict: () => {
          if (kind === "startup") this.#refresh(probes, pod);
          for (const listener of this.#listeners) listener(pod.pod.metadata.uid ?? "");
        },
      },
      former,
    );
    return worker;
  }

  /** Started up: the other probes of the container begin without waiting to be told. */
  #refresh(probes: ContainerProbes, { status }: PodProbes): void {
    const started = probes.workers.get("startup")?.state.verdict === "success";
    probes.view = { ...probes.view, started };
    const podIsTerminating = false;
    const podIsFinished = status.phase === "Succeeded" || status.phase === "Failed";
    for (const worker of probes.workers.values())
      worker.look({ container: probes.view, podIsTerminating, podIsFinished });
  }

  /** An agent that has just started would probe everything at the same moment. */
  #spread(periodMs: number): number {
    const { clock, random } = this.#options;
    return clock.monotonic() - this.#startedAt < periodMs && this.#hasMany() ? random.float() * periodMs : 0;
  }

  /** Among few containers there is nothing to spread, and a new pod is ready the sooner. */
  #hasMany(): boolean {
    return this.#pods.size > 5;
  }

  #tell(pod: Pod, container: Container, kind: ProbeKind, { outcome, output }: ProbeResult): void {
    const fieldPath = fieldPathOf(pod, container.name);
    const record = (reason: string, message: string): void =>
      this.#options.events.record(pod, "Warning", reason, message, fieldPath);
    const shown = shownKinds[kind];
    if (outcome === "failure") record("Unhealthy", `${shown} probe failed: ${output}`);
    if (outcome === "unknown") record("Unhealthy", `${shown} probe errored: ${output}`);
    if (outcome === "warning") record("ProbeWarning", `${shown} probe warning: ${output}`);
  }
}

/** Of init containers only sidecars may have probes. */
function probedContainers(pod: Pod): readonly Container[] {
  const all = [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers];
  return all.filter((container) => kinds.some((kind) => container[probeFields[kind]]));
}

function statusOf(status: PodStatus, name: string): ContainerStatus | undefined {
  const all = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
  return all.find((one) => one.name === name);
}

/** Statuses name containers as `<runtime>://<id>`. */
function bareId(containerId: string | undefined): string {
  return containerId?.replace(/^[a-z0-9.+-]*:\/\//i, "") ?? "";
}

function viewOf(status: ContainerStatus | undefined, started: boolean): ProbedContainer {
  const running = status?.state?.running;
  const startedAt = Date.parse(running?.startedAt ?? "");
  return {
    id: bareId(status?.containerID),
    state: running ? "running" : status?.state?.terminated ? "terminated" : "waiting",
    startedAtMs: Number.isNaN(startedAt) ? 0 : startedAt,
    started,
    isFinal: false,
  };
}

/** Without a startup probe a container has started up once it runs. */
function hasStarted(probes: ContainerProbes, container: Container, status: ContainerStatus | undefined): boolean {
  if (!status?.state?.running) return false;
  if (!container.startupProbe) return true;
  const state = probes.workers.get("startup")?.state;
  return state?.containerId === bareId(status.containerID) && state.verdict === "success";
}

/** What the API says of a container that ran before this agent did. */
function formerState(kind: ProbeKind, status: ContainerStatus | undefined): ProbeState | undefined {
  if (!status?.state?.running || !status.containerID) return undefined;
  const containerId = bareId(status.containerID);
  if (kind === "readiness" && status.ready) return { containerId, verdict: "success", run: undefined, onHold: false };
  if (kind === "startup" && status.started) return { containerId, verdict: "success", run: undefined, onHold: true };
  return undefined;
}

function fieldPathOf(pod: Pod, name: string): string {
  const isInit = pod.spec.initContainers?.some((container) => container.name === name);
  return `spec.${isInit ? "initContainers" : "containers"}{${name}}`;
}
