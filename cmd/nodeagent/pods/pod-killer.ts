/**
 * Ends containers: preStop, then the stop signal, then SIGKILL when the grace period is over.
 *
 * All containers of a pod end side by side, sidecars after those they serve and in reverse order; their preStop hooks run at
 * once. When the grace period is over nobody waits for anybody.
 * Source: kubelet killContainer, kuberuntime_termination_order.go (v1.36).
 */
import type { Container, LifecycleHandler, Pod } from "#pkg/api/core/v1.ts";
import { isSidecar } from "#pkg/api/pod-resources.ts";
import type { ContainerRuntime } from "#pkg/cri/runtime-service.ts";
import { messageOf } from "#pkg/system/errors.ts";
import { fieldPathOf } from "../images/image-puller.ts";
import { containerGraceSeconds, leastStopSeconds } from "./grace-period.ts";
import { preStopAnnotation } from "./identity-labels.ts";
import { type HookPorts, runHook } from "./lifecycle-hooks.ts";
import type { ObservedContainer, ObservedPod } from "./observed-pod.ts";
import type { KillReason } from "./pod-action.ts";
import type { AnyContainer, EventSink } from "./ports.ts";

export interface PodKillerOptions extends HookPorts {
  readonly runtime: HookPorts["runtime"] & Pick<ContainerRuntime, "stopContainer">;
  readonly events: EventSink;
}

export interface KillRequest {
  /** undefined: nothing but the runtime's marks is known of the pod. */
  readonly pod: Pod | undefined;
  readonly container: ObservedContainer;
  readonly reason: KillReason;
  readonly message: string;
  readonly podIp: string;
  /** Takes the place of all other grace periods. */
  readonly graceSeconds?: number | undefined;
  /** Its turn: resolves when those that must end before it have ended. */
  readonly turn?: Promise<void> | undefined;
}

export class PodKiller {
  readonly #options: PodKillerOptions;

  constructor(options: PodKillerOptions) {
    this.#options = options;
  }

  /** Resolves when the container has ended. Throws the runtime's errors. */
  async killContainer(request: KillRequest): Promise<void> {
    const { pod, container, reason, turn } = request;
    const { clock, runtime, events } = this.#options;
    const spec = pod && findSpec(pod, container.name);
    const grace = request.graceSeconds ?? containerGraceSeconds(pod, spec as Container | undefined, container, reason);
    if (pod && spec) {
      const message = request.message || `Stopping container ${container.name}`;
      events.record(pod, "Normal", "Killing", message, fieldPathOf(pod, spec));
    }
    const startedAt = clock.monotonic();
    const leftSeconds = (): number => grace - Math.floor((clock.monotonic() - startedAt) / 1000);
    const preStop = preStopOf(spec, container);
    if (preStop && grace > 0 && container.state === "running") await this.#runPreStop(request, preStop, spec, grace);
    if (turn && leftSeconds() > 0) await this.#waitForTurn(turn, leftSeconds());
    await runtime.stopContainer(container.id, Math.max(leftSeconds(), leastStopSeconds));
  }

  /** Ends all that run. Resolves when all have ended; throws the first failure after all were tried. */
  async killPod(pod: Pod | undefined, observed: ObservedPod, message: string, graceSeconds?: number): Promise<void> {
    const running = observed.containers.filter(({ state }) => state === "running" || state === "unknown");
    const [latest] = observed.sandboxes;
    const podIp = latest?.ips[0] ?? pod?.status?.podIP ?? "";
    const sidecarNames = (pod?.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name);
    const endings = new Map<string, Promise<void>>();
    const request = { pod, reason: "podEnding" as const, message, podIp, graceSeconds };
    for (const container of running.filter(({ name }) => !sidecarNames.includes(name)))
      endings.set(container.id, this.killContainer({ ...request, container }));
    for (const name of sidecarNames.reverse()) {
      const before = Promise.allSettled([...endings.values()]).then(() => undefined);
      for (const container of running.filter((one) => one.name === name))
        endings.set(container.id, this.killContainer({ ...request, container, turn: before }));
    }
    const results = await Promise.allSettled(endings.values());
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  async #runPreStop(
    request: KillRequest,
    handler: LifecycleHandler,
    spec: AnyContainer | undefined,
    graceSeconds: number,
  ): Promise<void> {
    const { pod, container, podIp } = request;
    const abort = new AbortController();
    using _timer = this.#options.clock.setTimer(graceSeconds * 1000, () => abort.abort());
    const call = {
      handler,
      container: spec ?? { name: container.name },
      containerId: container.id,
      podIp,
      timeoutSeconds: graceSeconds,
    };
    try {
      await runHook(this.#options, call, abort.signal);
    } catch (error) {
      if (!pod || !spec || abort.signal.aborted) return;
      const message = `PreStopHook failed: ${messageOf(error)}`;
      this.#options.events.record(pod, "Warning", "FailedPreStopHook", message, fieldPathOf(pod, spec));
    }
  }

  async #waitForTurn(turn: Promise<void>, seconds: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    using _timer = this.#options.clock.setTimer(seconds * 1000, late.resolve);
    await Promise.race([turn, late.promise]);
  }
}

export function findSpec(pod: Pod, name: string): AnyContainer | undefined {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  return [...containers, ...initContainers, ...ephemeralContainers].find((container) => container.name === name);
}

/** From the spec, or for a pod that is no longer known from the container's marks. */
function preStopOf(spec: AnyContainer | undefined, container: ObservedContainer): LifecycleHandler | undefined {
  if (spec) return spec.lifecycle?.preStop;
  const text = container.annotations[preStopAnnotation];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as LifecycleHandler;
  } catch {
    return undefined;
  }
}
