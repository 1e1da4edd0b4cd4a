/**
 * One sync of a pod: observe, report, prepare what it needs, compute, apply, report again.
 * Source of the order: kubelet SyncPod (v1.36).
 */
import type { Pod, PodStatus } from "#pkg/api/core/v1.ts";
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import type { PodSandboxConfig } from "#pkg/cri/generated/cri.ts";
import type { ContainerRuntime, SandboxRuntime } from "#pkg/cri/runtime-service.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError, isAborted, messageOf } from "#pkg/system/errors.ts";
import type { Files } from "#pkg/system/files.ts";
import { buildSandboxConfig } from "./build-sandbox-config.ts";
import { computePodActions } from "./compute-pod-actions.ts";
import type { ContainerStarter } from "./container-starter.ts";
import { afterRestart, type CrashBackoffPolicy } from "./crash-backoff.ts";
import { hasRunningContainers, type ObservedContainer, type ObservedPod } from "./observed-pod.ts";
import type { PodAction } from "./pod-action.ts";
import type { PodCgroups } from "./pod-cgroups.ts";
import { type AgentFolders, podFolder, podIdentity, podLogFolder } from "./pod-folders.ts";
import type { PodKiller } from "./pod-killer.ts";
import type { PodReporter } from "./pod-reporter.ts";
import type { PodVerdict } from "./pod-worker.ts";
import type { EventSink, PodAddresses, PodEnvironment, PodVolumes } from "./ports.ts";
import type { RuntimeReader } from "./runtime-reader.ts";
import { StartFailure } from "./start-failure.ts";

export type SyncResult =
  /** The pod is as it should be. */
  | { readonly kind: "settled" }
  /** Something was done whose outcome is to be looked at now. */
  | { readonly kind: "again" }
  /** Nothing to do before that time. */
  | { readonly kind: "waiting"; readonly untilMs: number }
  | { readonly kind: "networkNotReady" }
  | { readonly kind: "failed"; readonly message: string; readonly retryAtMs: number | undefined }
  /** The pod is over and is to be ended. */
  | { readonly kind: "finished"; readonly verdict: PodVerdict | undefined };

export interface PodSyncerOptions {
  readonly runtime: Pick<SandboxRuntime, "runPodSandbox" | "stopPodSandbox" | "removePodSandbox"> &
    Pick<ContainerRuntime, "removeContainer">;
  readonly reader: RuntimeReader;
  readonly reporter: PodReporter;
  readonly starter: ContainerStarter;
  readonly killer: PodKiller;
  readonly cgroups: PodCgroups;
  readonly volumes: PodVolumes;
  readonly environment: PodEnvironment;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly files: Files;
  readonly folders: AgentFolders;
  readonly crashBackoff: CrashBackoffPolicy;
  /** undefined: pods can have a network; else why not. */
  readonly networkProblem: () => string | undefined;
  /** The runtime's handler for a runtime class; "" is the default. Throws "NotFound". */
  readonly runtimeHandler: (pod: Pod) => Promise<string>;
  readonly hostIps: () => readonly string[];
}

export class PodSyncer {
  readonly #options: PodSyncerOptions;

  constructor(options: PodSyncerOptions) {
    this.#options = options;
  }

  /** Throws only what has no place in the pod's status. "Aborted" when the signal fired. */
  async sync(pod: Pod, signal: AbortSignal): Promise<SyncResult> {
    const { reader, reporter, cgroups } = this.#options;
    const observed = await reader.observe(podIdentity(pod));
    const status = reporter.report(pod, observed);
    const over = this.#judge(pod, status);
    if (over) return over;
    const problem = this.#options.networkProblem();
    if (problem !== undefined && !pod.spec.hostNetwork) {
      this.#options.events.record(pod, "Warning", "NetworkNotReady", `network is not ready: ${problem}`);
      return { kind: "networkNotReady" };
    }
    const isLost = hasRunningContainers(observed) && !(await cgroups.exists(pod));
    const actions = computePodActions({
      pod,
      observed,
      nowMs: this.#options.clock.now(),
      backoffs: reporter.memory(pod).backoffs,
      verdictsOf: reporter.verdictsOf(pod),
    });
    // Containers outside the pod's cgroup escape its limits: they are started anew inside it.
    const all = isLost ? [killAll("the pod's cgroup is missing"), ...actions] : actions;
    if (all.some(({ kind }) => kind === "createSandbox" || kind === "startContainer")) {
      const failure = await this.#prepare(pod, signal);
      if (failure) return failure;
    }
    return await this.#apply(pod, observed, all, signal);
  }

  #judge(pod: Pod, status: PodStatus): SyncResult | undefined {
    if (status.phase === "Succeeded" || status.phase === "Failed") return { kind: "finished", verdict: undefined };
    const { activeDeadlineSeconds } = pod.spec;
    if (activeDeadlineSeconds === undefined || status.startTime === undefined) return undefined;
    const endsAt = Date.parse(status.startTime) + activeDeadlineSeconds * 1000;
    if (this.#options.clock.now() < endsAt) return undefined;
    const message = "Pod was active on the node longer than the specified deadline";
    return { kind: "finished", verdict: { phase: "Failed", reason: "DeadlineExceeded", message } };
  }

  async #prepare(pod: Pod, signal: AbortSignal): Promise<SyncResult | undefined> {
    const { cgroups, files, folders, volumes, events } = this.#options;
    const { uid = "" } = pod.metadata;
    try {
      await Promise.all([
        cgroups.ensure(pod),
        files.makeFolder(podFolder(folders, uid), 0o750),
        files.makeFolder(podLogFolder(folders, podIdentity(pod)), 0o755),
      ]);
    } catch (error) {
      events.record(
        pod,
        "Warning",
        "FailedCreatePodContainer",
        `unable to ensure pod container exists: ${messageOf(error)}`,
      );
      return { kind: "failed", message: messageOf(error), retryAtMs: undefined };
    }
    try {
      await volumes.prepare(pod, signal);
      return undefined;
    } catch (error) {
      if (isAborted(error)) throw error;
      events.record(pod, "Warning", "FailedMount", messageOf(error));
      // A volume's source is often made a moment after the pod.
      return { kind: "failed", message: messageOf(error), retryAtMs: this.#options.clock.now() + 1000 };
    }
  }

  async #apply(
    pod: Pod,
    observed: ObservedPod,
    actions: readonly PodAction[],
    signal: AbortSignal,
  ): Promise<SyncResult> {
    const run = new ActionRun(this.#options, pod, observed, signal);
    for (const action of actions) {
      if (signal.aborted) throw new BerthError("Aborted", "the pod is to end");
      await run.apply(action);
    }
    const after = run.hasChanged ? await this.#options.reader.observe(podIdentity(pod)) : observed;
    this.#options.reporter.setProblems(pod, run.problems);
    const status = this.#options.reporter.report(pod, after);
    await this.#collect(after);
    const over = this.#judge(pod, status);
    if (over) return over;
    // What was done makes room for the next step; what failed waits.
    if (run.failure) return run.failure;
    const next = run.hasChanged ? this.#nextActions(pod, after) : [];
    if (next.some((action) => !actions.some((done) => isSame(done, action)))) return { kind: "again" };
    // What was just done and is asked for again did not help: events will tell, or a second look in a while.
    if (next.length > 0 && run.waitUntilMs === undefined) run.wait(this.#options.clock.now() + 1000);
    if (run.waitUntilMs !== undefined) return { kind: "waiting", untilMs: this.#sooner(pod, status, run.waitUntilMs) };
    const deadline = this.#sooner(pod, status, Infinity);
    return deadline === Infinity ? { kind: "settled" } : { kind: "waiting", untilMs: deadline };
  }

  /** What there is to do right now, waiting aside. */
  #nextActions(pod: Pod, observed: ObservedPod): readonly PodAction[] {
    const { reporter, clock } = this.#options;
    const next = computePodActions({
      pod,
      observed,
      nowMs: clock.now(),
      backoffs: reporter.memory(pod).backoffs,
      verdictsOf: reporter.verdictsOf(pod),
    });
    return next.filter(({ kind }) => kind !== "backOff");
  }

  #sooner(pod: Pod, status: PodStatus, untilMs: number): number {
    const { activeDeadlineSeconds } = pod.spec;
    if (activeDeadlineSeconds === undefined || status.startTime === undefined) return untilMs;
    return Math.min(untilMs, Date.parse(status.startTime) + activeDeadlineSeconds * 1000);
  }

  /** Of each container one run that ended is kept, for its logs; older ones and sandboxes that are empty go. */
  async #collect(observed: ObservedPod): Promise<void> {
    const { runtime, files } = this.#options;
    for (const container of oldRuns(observed)) {
      await runtime.removeContainer(container.id);
      if (container.logFile) await files.remove(container.logFile);
    }
    const [, ...older] = observed.sandboxes;
    for (const { id, isReady } of older)
      if (!isReady && !observed.containers.some(({ sandboxId }) => sandboxId === id))
        await runtime.removePodSandbox(id);
  }
}

/** Ended runs except the newest of each container. */
export function oldRuns(observed: ObservedPod): readonly ObservedContainer[] {
  const seen = new Set<string>();
  return observed.containers.filter(({ name, state }) => {
    if (state !== "exited" && state !== "created") return false;
    if (seen.has(name)) return true;
    seen.add(name);
    return false;
  });
}

/** The same thing to the same container. */
function isSame(a: PodAction, b: PodAction): boolean {
  const about = (action: PodAction): string | undefined => ("name" in action ? action.name : undefined);
  return a.kind === b.kind && about(a) === about(b);
}

function killAll(why: string): PodAction {
  return { kind: "killPod", why };
}

/** The actions of one sync, carried out in order. A container that fails to start does not keep the others from starting. */
class ActionRun {
  readonly problems = new Map<string, { readonly reason: string; readonly message: string } | undefined>();
  hasChanged = false;
  failure: SyncResult | undefined;
  waitUntilMs: number | undefined;
  readonly #options: PodSyncerOptions;
  readonly #pod: Pod;
  readonly #signal: AbortSignal;
  #observed: ObservedPod;
  #sandbox: { readonly id: string; readonly config: MessageInput<PodSandboxConfig> } | undefined;
  #hasNoSandbox = false;

  constructor(options: PodSyncerOptions, pod: Pod, observed: ObservedPod, signal: AbortSignal) {
    this.#options = options;
    this.#pod = pod;
    this.#observed = observed;
    this.#signal = signal;
  }

  async apply(action: PodAction): Promise<void> {
    if (action.kind !== "backOff") this.hasChanged = true;
    switch (action.kind) {
      case "killPod":
        return await this.#killPod(action.why);
      case "killContainer":
        return await this.#killContainer(action);
      case "removeContainer":
        return await this.#options.runtime.removeContainer(action.containerId);
      case "createSandbox":
        return await this.#createSandbox(action.attempt);
      case "startContainer":
        return await this.#startContainer(action);
      case "backOff":
        return this.#backOff(action);
    }
  }

  async #killPod(why: string): Promise<void> {
    const { killer, runtime, events, reader } = this.#options;
    if (this.#observed.sandboxes.length > 0 && this.#observed.containers.length > 0)
      events.record(
        this.#pod,
        "Normal",
        "SandboxChanged",
        `Pod sandbox changed, it will be killed and re-created: ${why}`,
      );
    await killer.killPod(this.#pod, this.#observed, "");
    for (const { id } of this.#observed.sandboxes) await runtime.stopPodSandbox(id);
    this.#observed = await reader.observe(podIdentity(this.#pod));
  }

  async #killContainer(action: Extract<PodAction, { kind: "killContainer" }>): Promise<void> {
    const container = this.#observed.containers.find(({ id }) => id === action.containerId);
    if (!container) return;
    const { reason, message } = action;
    const podIp = this.#addresses().podIps[0] ?? "";
    await this.#options.killer.killContainer({ pod: this.#pod, container, reason, message, podIp });
  }

  async #createSandbox(attempt: number): Promise<void> {
    const { runtime, events, reader, reporter, runtimeHandler } = this.#options;
    try {
      const config = await this.#sandboxConfig(attempt);
      const id = await runtime.runPodSandbox(config, await runtimeHandler(this.#pod));
      reader.noteOwner(id, this.#pod.metadata.uid ?? "");
      this.#sandbox = { id, config };
      this.#observed = await reader.observe(podIdentity(this.#pod));
      reporter.report(this.#pod, this.#observed);
    } catch (error) {
      this.#hasNoSandbox = true;
      const message = `Failed to create pod sandbox: ${messageOf(error)}`;
      events.record(this.#pod, "Warning", "FailedCreatePodSandBox", message);
      this.failure = { kind: "failed", message, retryAtMs: this.#options.clock.now() + 1000 };
    }
  }

  async #sandboxConfig(attempt: number): Promise<MessageInput<PodSandboxConfig>> {
    const { environment, cgroups, folders } = this.#options;
    return buildSandboxConfig({
      pod: this.#pod,
      attempt,
      hostname: environment.hostname(this.#pod),
      dns: await environment.dnsConfig(this.#pod),
      logFolder: podLogFolder(folders, podIdentity(this.#pod)),
      cgroupParent: cgroups.pathOf(this.#pod),
    });
  }

  async #startContainer(action: Extract<PodAction, { kind: "startContainer" }>): Promise<void> {
    if (this.#hasNoSandbox) return;
    const { name, container, lastFinishedAtMs } = action;
    const { reporter, clock, crashBackoff } = this.#options;
    const { backoffs } = reporter.memory(this.#pod);
    const [latest] = this.#observed.sandboxes;
    this.#sandbox ??= latest && { id: latest.id, config: await this.#sandboxConfig(latest.attempt) };
    if (!this.#sandbox) return;
    if (lastFinishedAtMs !== undefined)
      backoffs.set(name, afterRestart(backoffs.get(name), lastFinishedAtMs, clock.now(), crashBackoff));
    const request = {
      pod: this.#pod,
      container,
      observed: this.#observed,
      sandboxId: this.#sandbox.id,
      sandboxConfig: this.#sandbox.config,
      addresses: this.#addresses(),
      knownRestarts: reporter.knownRestarts(this.#pod, name),
    };
    try {
      await this.#options.starter.start(request, this.#signal);
      this.problems.set(name, undefined);
    } catch (error) {
      if (!(error instanceof StartFailure)) throw error;
      this.problems.set(name, { reason: error.reason, message: error.message });
      this.wait(error.retryAtMs ?? clock.now() + 10_000);
    }
  }

  #backOff({ name, untilMs, delayMs }: Extract<PodAction, { kind: "backOff" }>): void {
    const { uid, name: podName, namespace } = podIdentity(this.#pod);
    const about = `container=${name} pod=${podName}_${namespace}(${uid})`;
    const message = `back-off ${formatSeconds(delayMs)} restarting failed ${about}`;
    const memory = this.#options.reporter.memory(this.#pod);
    if (memory.problems.get(name)?.reason !== "CrashLoopBackOff")
      this.#options.events.record(
        this.#pod,
        "Warning",
        "BackOff",
        `Back-off restarting failed container ${name} in pod ${podName}_${namespace}(${uid})`,
      );
    this.problems.set(name, { reason: "CrashLoopBackOff", message });
    this.wait(untilMs);
  }

  wait(untilMs: number): void {
    this.waitUntilMs = Math.min(this.waitUntilMs ?? untilMs, untilMs);
  }

  #addresses(): PodAddresses {
    const hostIps = this.#options.hostIps();
    const [latest] = this.#observed.sandboxes;
    return { hostIps, podIps: this.#pod.spec.hostNetwork ? hostIps : (latest?.ips ?? []) };
  }
}

/** "10s", "2m40s": as Go prints durations. */
function formatSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}
