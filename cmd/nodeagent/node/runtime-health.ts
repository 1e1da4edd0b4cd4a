/** How the runtime is, asked every few seconds; what pods and the node's Ready condition go by. */
import type { RuntimeInfo } from "#pkg/cri/runtime-service.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { messageOf } from "#pkg/system/errors.ts";

export interface RuntimeHealthOptions {
  readonly runtime: Pick<RuntimeInfo, "status" | "version">;
  readonly clock: Clock;
  /** Called when something about it changed. */
  readonly onChange: () => void;
}

export interface RuntimeState {
  /** "containerd" */
  readonly name: string;
  /** "1.6.20" */
  readonly version: string;
  /** undefined: ready. */
  readonly runtimeProblem: string | undefined;
  readonly networkProblem: string | undefined;
  readonly handlers: readonly string[];
}

/** While something is missing, and while all is well: pods wait for a network that is only just being set up. */
const intervalMs = { waiting: 250, steady: 5_000 };
/** A runtime that is silent this long is down; shorter pauses are restarts. */
const downAfterMs = 30_000;

export class RuntimeHealth implements AsyncDisposable {
  readonly #options: RuntimeHealthOptions;
  readonly #stop = new AbortController();
  #state: RuntimeState = {
    name: "containerd",
    version: "",
    runtimeProblem: "container runtime status check may not have completed yet",
    networkProblem: "container runtime network not ready: not asked yet",
    handlers: [],
  };
  #answeredAtMs: number;
  #running: Promise<void> | undefined;

  constructor(options: RuntimeHealthOptions) {
    this.#options = options;
    this.#answeredAtMs = options.clock.monotonic();
  }

  get state(): RuntimeState {
    return this.#state;
  }

  /** Asks once, then every few seconds. Resolves after the first answer; throws when there was none. */
  async start(): Promise<void> {
    await this.#ask();
    this.#running = this.#askForever();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #askForever(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stop.signal.aborted) {
      const { runtimeProblem, networkProblem } = this.#state;
      const isWaiting = runtimeProblem !== undefined || networkProblem !== undefined;
      const delay = isWaiting ? intervalMs.waiting : intervalMs.steady;
      await clock.sleep(delay, this.#stop.signal).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
      await this.#ask().catch((error: unknown) => this.#noteFailure(messageOf(error)));
    }
  }

  async #ask(): Promise<void> {
    const { runtime, clock } = this.#options;
    const [{ status, runtimeHandlers }, version] = await Promise.all([runtime.status(false), runtime.version()]);
    this.#answeredAtMs = clock.monotonic();
    const problemOf = (type: string): string | undefined => {
      const condition = status?.conditions.find((one) => one.type === type);
      if (condition?.status) return undefined;
      return `${type}=false reason:${condition?.reason ?? ""} message:${condition?.message ?? ""}`;
    };
    const runtimeProblem = problemOf("RuntimeReady");
    const networkProblem = problemOf("NetworkReady");
    this.#set({
      name: version.runtimeName,
      version: version.runtimeVersion.replace(/^v/, ""),
      runtimeProblem: runtimeProblem && `container runtime not ready: ${runtimeProblem}`,
      networkProblem: networkProblem && `container runtime network not ready: ${networkProblem}`,
      handlers: runtimeHandlers.map(({ name }) => name),
    });
  }

  #noteFailure(message: string): void {
    const silentMs = this.#options.clock.monotonic() - this.#answeredAtMs;
    if (silentMs > downAfterMs) this.#set({ ...this.#state, runtimeProblem: `container runtime is down: ${message}` });
  }

  #set(state: RuntimeState): void {
    const isSame = JSON.stringify(state) === JSON.stringify(this.#state);
    this.#state = state;
    if (!isSame) this.#options.onChange();
  }
}
