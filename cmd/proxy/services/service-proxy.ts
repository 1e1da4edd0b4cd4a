/**
 * The loop that keeps this node's rules equal to the cluster's services, for one address family.
 *  - nothing is written before everything is known: rules that a former run left keep working meanwhile;
 *  - any number of changes become one write of what differs; a failed write is tried again, whole;
 *  - now and then it looks whether somebody flushed the tables, and writes everything again if so;
 *  - stopping it leaves the rules as they are.
 */
import { type PeriodicSync, startPeriodicSync } from "#pkg/kube/periodic-sync.ts";
import type { Conntrack } from "#pkg/network/conntrack/conntrack.ts";
import type { IPTables } from "#pkg/network/iptables/iptables.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { messageOf } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { RuleOptions } from "./build-port-rules.ts";
import { buildServiceRules } from "./build-service-rules.ts";
import { RuleWriter, type WriteResult } from "./rule-writer.ts";
import { type ModelPort, ruleSetInput, type ServiceModel } from "./service-model.ts";
import { buildFlowTargets, findStaleFlows, flowTargetsKey } from "./stale-flows.ts";

/** What a run did, for health and metrics. */
export interface SyncReport {
  readonly ports: readonly ModelPort[];
  readonly write: WriteResult;
  readonly durationMs: number;
}

export interface ServiceProxyOptions {
  readonly model: ServiceModel;
  readonly rules: RuleOptions;
  readonly iptables: IPTables;
  readonly conntrack: Conntrack;
  readonly clock: Clock;
  readonly log: Logger;
  readonly minSyncMs: number;
  /** How often to look for rules that somebody removed. */
  readonly syncMs: number;
  /** How often everything is written anew though nothing is known to be wrong. */
  readonly fullSyncMs: number;
  waitForSync(signal: AbortSignal): Promise<void>;
  onSynced?(report: SyncReport): Promise<void>;
  onFailed?(error: unknown, wasFull: boolean): void;
  /** Called after the connection table was cleaned up. */
  onFlowsDeleted?(count: number, durationMs: number): void;
}

/** A write that failed is tried again after so long. */
const retryMs = 1000;

export function startServiceProxy(options: ServiceProxyOptions): PeriodicSync {
  const { clock, log, minSyncMs, syncMs } = options;
  const runner = new ServiceProxy(options);
  return startPeriodicSync({
    name: `services-${options.model.family}`,
    sync: (signal) => runner.sync(signal),
    minMs: minSyncMs,
    retryMs,
    maxMs: syncMs,
    clock,
    log,
    waitForSync: (signal) => options.waitForSync(signal),
  });
}

class ServiceProxy {
  readonly #options: ServiceProxyOptions;
  readonly #writer: RuleWriter;
  #checkedAtMs: number;
  #fullAtMs: number;
  /** The UDP targets that the connection table was last cleaned up for. */
  #flowsKey = "";

  constructor(options: ServiceProxyOptions) {
    this.#options = options;
    this.#writer = new RuleWriter(options.iptables);
    this.#checkedAtMs = options.clock.monotonic();
    this.#fullAtMs = this.#checkedAtMs;
  }

  async sync(signal: AbortSignal): Promise<void> {
    const { clock, iptables, model, onFailed, onSynced, rules } = this.#options;
    const startedAt = clock.monotonic();
    await this.#checkRules(startedAt);
    const wasFull = this.#writer.needsFull;
    const ports = model.ports();
    let write: WriteResult;
    try {
      // A write that began is finished: half of it would be worse than a late stop.
      signal.throwIfAborted();
      write = await this.#writer.write(buildServiceRules(ruleSetInput(ports), rules));
    } catch (error) {
      onFailed?.(error, wasFull);
      throw error;
    }
    if (write.kind === "full") this.#fullAtMs = startedAt;
    await onSynced?.({ ports, write, durationMs: clock.monotonic() - startedAt });
    this.#options.log.debug("rules written", { family: iptables.family, kind: write.kind, ports: ports.length });
    await this.#deleteStaleFlows(ports);
  }

  async #checkRules(now: number): Promise<void> {
    const { fullSyncMs, log, syncMs } = this.#options;
    if (this.#writer.needsFull) return;
    if (now - this.#fullAtMs >= fullSyncMs) this.#writer.forget();
    if (now - this.#checkedAtMs < syncMs) return;
    this.#checkedAtMs = now;
    if (await this.#writer.isIntact()) return;
    log.warn("somebody removed rules of services; all are written again");
    this.#writer.forget();
  }

  /** Once per change of the UDP endpoints. A failure is no reason to write rules again: it is tried with the next run. */
  async #deleteStaleFlows(ports: readonly ModelPort[]): Promise<void> {
    const { clock, conntrack, log, onFlowsDeleted } = this.#options;
    const targets = buildFlowTargets(ports);
    const key = flowTargetsKey(targets);
    if (key === this.#flowsKey) return;
    const startedAt = clock.monotonic();
    try {
      const stale = findStaleFlows(await conntrack.listUdp(), targets);
      for (const flow of stale) await conntrack.deleteUdp(flow);
      this.#flowsKey = key;
      onFlowsDeleted?.(stale.length, clock.monotonic() - startedAt);
    } catch (error) {
      log.warn("stale UDP flows could not be removed", { reason: messageOf(error) });
    }
  }
}
