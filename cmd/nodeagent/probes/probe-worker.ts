/**
 * One probe of one container: when it runs, and what follows. The state machine is pkg/probes; this is its clockwork. It
 * sleeps while there is nothing to probe and is woken by what it is told.
 */
import type { Probe } from "#pkg/api/core/v1.ts";
import {
  decideProbe,
  initialProbeState,
  nextProbeState,
  type ProbedContainer,
  type ProbeState,
} from "#pkg/probes/next-probe-state.ts";
import type { ProbeKind, ProbeResult } from "#pkg/probes/probe.ts";
import type { Clock, Timer } from "#pkg/system/clock.ts";

/** What the worker is told of its container. */
export interface WorkerView {
  readonly container: ProbedContainer;
  readonly podIsTerminating: boolean;
  readonly podIsFinished: boolean;
}

export interface ProbeWorkerOptions {
  readonly kind: ProbeKind;
  readonly probe: Probe;
  readonly clock: Clock;
  /** Added to the first probe of each container, ms. */
  readonly spreadMs: () => number;
  run(): Promise<ProbeResult>;
  onResult(result: ProbeResult): void;
  /** The verdict is another one now. */
  onVerdict(): void;
}

/** A probe that could not be carried out is tried again at once, this often in all. */
const maxTries = 3;

export class ProbeWorker implements Disposable {
  state: ProbeState;
  readonly #options: ProbeWorkerOptions;
  #view: WorkerView | undefined;
  #timer: Timer | undefined;
  #isProbing = false;
  #isStopped = false;

  /** `state`: what is known from before, for the same container. */
  constructor(options: ProbeWorkerOptions, state?: ProbeState) {
    this.#options = options;
    this.state = state ?? initialProbeState(options.kind, "");
  }

  get periodMs(): number {
    return (this.#options.probe.periodSeconds ?? 10) * 1000;
  }

  look(view: WorkerView): void {
    if (this.#isStopped) return;
    const before = this.#view;
    this.#view = view;
    const { container } = view;
    const isNew = this.state.containerId !== container.id;
    if (isNew) this.state = initialProbeState(this.#options.kind, container.id);
    if (container.state !== "running") {
      this.#pause();
      // Until it runs again the container is neither ready nor started up.
      if (container.id !== "") this.state = { ...this.state, verdict: "failure", run: undefined };
      return;
    }
    if (isNew || before?.container.state !== "running") this.#schedule(this.#firstDelay(container));
    else if (container.started && !before.container.started) this.#onStarted();
  }

  [Symbol.dispose](): void {
    this.#isStopped = true;
    this.#pause();
  }

  #firstDelay(container: ProbedContainer): number {
    const due = container.startedAtMs + (this.#options.probe.initialDelaySeconds ?? 0) * 1000;
    return Math.max(due - this.#options.clock.now(), 0) + this.#options.spreadMs();
  }

  /** Readiness is wanted as soon as the container has started up; liveness can wait its turn. */
  #onStarted(): void {
    if (this.#options.kind === "readiness") this.#schedule(0);
  }

  #schedule(ms: number): void {
    this.#pause();
    this.#timer = this.#options.clock.setTimer(ms, () => void this.#tick());
  }

  #pause(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  async #tick(): Promise<void> {
    const view = this.#view;
    if (!view || this.#isStopped || this.#isProbing) return;
    const { kind, probe, clock } = this.#options;
    const initialDelayMs = (probe.initialDelaySeconds ?? 0) * 1000;
    const decision = decideProbe(kind, { ...view, initialDelayMs }, this.state, clock.now());
    if (decision.kind === "stop") return this.#pause();
    const startedAt = clock.monotonic();
    if (decision.kind === "probe") await this.#probe(view.container.id);
    if (this.#isStopped || this.#view?.container.state !== "running") return;
    // A probe that takes long does not put the next ones off.
    this.#schedule(Math.max(this.periodMs - (clock.monotonic() - startedAt), 0));
  }

  async #probe(containerId: string): Promise<void> {
    this.#isProbing = true;
    let result: ProbeResult;
    try {
      result = await this.#options.run();
      for (let tries = 1; result.outcome === "unknown" && tries < maxTries; tries++) result = await this.#options.run();
    } finally {
      this.#isProbing = false;
    }
    // Meanwhile it may have ended, or be another one.
    const now = this.#view?.container;
    if (this.#isStopped || now?.id !== containerId || now.state !== "running") return;
    this.#options.onResult(result);
    const { successThreshold = 1, failureThreshold = 3 } = this.#options.probe;
    const before = this.state.verdict;
    const thresholds = { successThreshold, failureThreshold };
    this.state = nextProbeState(this.#options.kind, thresholds, this.state, result.outcome);
    if (this.state.verdict !== before) this.#options.onVerdict();
  }
}
