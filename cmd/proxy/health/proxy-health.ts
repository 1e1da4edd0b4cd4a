/**
 * Whether the proxy keeps up: a change that waits for longer than the timeout is a sign that it does not. Before the first
 * change it is healthy. The node counts too for /healthz, as load balancers ask it: one that is being deleted is no target.
 * Semantics: kube-proxy's ProxyHealthServer.
 */
import type { Node } from "#pkg/api/core/v1.ts";
import type { Clock } from "#pkg/system/clock.ts";

export interface HealthReport {
  readonly isHealthy: boolean;
  readonly body: {
    readonly lastUpdated: string;
    readonly currentTime: string;
    readonly nodeEligible?: boolean;
  };
}

const toBeDeletedTaint = "ToBeDeletedByClusterAutoscaler";

export class ProxyHealth {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** When the oldest change that is not written yet arrived, and the newest one, per family. */
  readonly #waiting = new Map<string, { readonly oldestMs: number; readonly newestMs: number }>();
  #lastUpdatedMs: number;
  #isNodeEligible = true;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#lastUpdatedMs = clock.now();
  }

  noteQueued(family: string): void {
    const now = this.#clock.now();
    this.#waiting.set(family, { oldestMs: this.#waiting.get(family)?.oldestMs ?? now, newestMs: now });
  }

  /** What arrived after the run began still waits. */
  noteSynced(family: string, startedAtMs: number): void {
    const { newestMs } = this.#waiting.get(family) ?? { newestMs: startedAtMs - 1 };
    if (newestMs > startedAtMs) this.#waiting.set(family, { oldestMs: newestMs, newestMs });
    else this.#waiting.delete(family);
    this.#lastUpdatedMs = this.#clock.now();
  }

  noteNode(node: Node | undefined): void {
    const { deletionTimestamp } = node?.metadata ?? {};
    const taints = node?.spec?.taints ?? [];
    this.#isNodeEligible = deletionTimestamp === undefined && !taints.some(({ key }) => key === toBeDeletedTaint);
  }

  /** Whether the rules are current; says nothing about the node. */
  get isHealthy(): boolean {
    const now = this.#clock.now();
    return [...this.#waiting.values()].every(({ oldestMs }) => now - oldestMs <= this.#timeoutMs);
  }

  livez(): HealthReport {
    const now = this.#clock.now();
    const { isHealthy } = this;
    const lastUpdated = isHealthy ? now : this.#lastUpdatedMs;
    return { isHealthy, body: { lastUpdated: isoTime(lastUpdated), currentTime: isoTime(now) } };
  }

  healthz(): HealthReport {
    const { isHealthy, body } = this.livez();
    return {
      isHealthy: isHealthy && this.#isNodeEligible,
      body: { ...body, nodeEligible: this.#isNodeEligible },
    };
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
