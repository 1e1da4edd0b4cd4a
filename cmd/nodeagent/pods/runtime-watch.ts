/**
 * Tells which pods to look at because something happened in the runtime. Events where the runtime has them; a look at
 * everything in longer intervals makes up for what events may miss, and in short ones where there are none.
 */
import type { ContainerEvent, RuntimeInfo } from "#pkg/cri/runtime-service.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { hasCode } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { RuntimePodSummary, RuntimeReader } from "./runtime-reader.ts";

export interface RuntimeWatchOptions {
  readonly runtime: Pick<RuntimeInfo, "containerEvents">;
  readonly reader: Pick<RuntimeReader, "summarize" | "ownerOf" | "hasEnded">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onPod: (podUid: string) => void;
  /** After each look at everything. */
  readonly onSummary: (pods: ReadonlyMap<string, RuntimePodSummary>) => void;
}

/** With events, and without. */
const relistMs = { quiet: 2_000, blind: 1_000 };
const reconnectMs = 1_000;
/** Several unknown containers at once are found by one look. */
const gatherMs = 50;
const confirmDelaysMs = [5, 10, 20, 40, 80, 160, 320, 640, 1280];

export class RuntimeWatch implements AsyncDisposable {
  readonly #options: RuntimeWatchOptions;
  readonly #stop = new AbortController();
  #fingerprints = new Map<string, string>();
  #hasEvents = false;
  #isAsked = false;
  #wake: (() => void) | undefined;
  #relistedAtMs: number | undefined;
  #failure: string | undefined;
  readonly #loops: Promise<unknown>;

  constructor(options: RuntimeWatchOptions) {
    this.#options = options;
    this.#loops = Promise.all([this.#follow(), this.#relistForever()]);
  }

  /** undefined: healthy. Else for how long the runtime could not be asked, and why. */
  problem(maxAgeMs: number): string | undefined {
    const { clock } = this.#options;
    const age = clock.monotonic() - (this.#relistedAtMs ?? -Infinity);
    if (this.#failure === undefined || age < maxAgeMs) return undefined;
    return `the runtime was last listed ${Number.isFinite(age) ? `${Math.round(age / 1000)}s ago` : "never"}: ${this.#failure}`;
  }

  /** Looks at everything soon. */
  relist(): void {
    this.#isAsked = true;
    this.#wake?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wake?.();
    await this.#loops;
  }

  async #follow(): Promise<void> {
    const { runtime, clock, log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        this.#hasEvents = true;
        for await (const event of runtime.containerEvents(signal)) {
          this.#note(event);
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#hasEvents = false;
        if (hasCode(error, "Unsupported")) {
          log.info("the runtime has no events: it is listed every second");
          return;
        }
        log.warn("the runtime's events broke off", { error });
      }
      // What happened in between is found by looking.
      this.relist();
      await clock.sleep(reconnectMs, signal).catch(() => undefined);
    }
  }

  #note({ containerId, kind }: ContainerEvent): void {
    // Beginnings are the agent's own doing; ends are what it has to react to.
    if (kind === "created" || kind === "started") return;
    if (kind === "stopped") void this.#confirmEnd(containerId);
    else this.#passOn(containerId);
  }

  /** The event often comes a moment before the runtime itself has taken note of it. */
  async #confirmEnd(containerId: string): Promise<void> {
    const { reader, clock } = this.#options;
    for (const delay of confirmDelaysMs) {
      if (this.#stop.signal.aborted) return;
      if (await reader.hasEnded(containerId).catch(() => true)) break;
      await clock.sleep(delay, this.#stop.signal).catch(() => undefined);
    }
    this.#passOn(containerId);
  }

  #passOn(containerId: string): void {
    const owner = this.#options.reader.ownerOf(containerId);
    if (owner === undefined) this.relist();
    else this.#options.onPod(owner);
  }

  async #relistForever(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#relistOnce();
      if (this.#isAsked) await this.#options.clock.sleep(gatherMs, signal).catch(() => undefined);
      else await this.#waitAtMost(this.#hasEvents ? relistMs.quiet : relistMs.blind);
    }
  }

  async #relistOnce(): Promise<void> {
    const { reader, clock, log, onPod, onSummary } = this.#options;
    this.#isAsked = false;
    try {
      const pods = await reader.summarize();
      this.#relistedAtMs = clock.monotonic();
      this.#failure = undefined;
      const before = this.#fingerprints;
      this.#fingerprints = new Map([...pods].map(([uid, { fingerprint }]) => [uid, fingerprint]));
      for (const uid of new Set([...before.keys(), ...pods.keys()]))
        if (before.get(uid) !== this.#fingerprints.get(uid)) onPod(uid);
      onSummary(pods);
    } catch (error) {
      if (this.#failure === undefined) log.warn("the runtime could not be listed", { error });
      this.#failure = String(error);
    }
  }

  async #waitAtMost(ms: number): Promise<void> {
    const woken = Promise.withResolvers<void>();
    this.#wake = woken.resolve;
    using _timer = this.#options.clock.setTimer(ms, woken.resolve);
    await woken.promise;
    this.#wake = undefined;
  }
}
