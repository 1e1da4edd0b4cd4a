/** The proxy of one address family: what the informers say goes into its model, and each change sets off its loop. */
import type { Node, Service } from "#pkg/api/core/v1.ts";
import type { EndpointSlice } from "#pkg/api/discovery/v1.ts";
import type { Informer } from "#pkg/kube/informer.ts";
import type { PeriodicSync } from "#pkg/kube/periodic-sync.ts";
import type { Conntrack } from "#pkg/network/conntrack/conntrack.ts";
import type { IPTables } from "#pkg/network/iptables/iptables.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { ProxyHealth } from "../health/proxy-health.ts";
import type { FamilyMetrics } from "../health/proxy-metrics.ts";
import type { ServiceHealth } from "../health/service-health.ts";
import type { RuleOptions } from "./build-port-rules.ts";
import { healthCheckedServices, ServiceModel } from "./service-model.ts";
import { type ServiceProxyOptions, type SyncReport, startServiceProxy } from "./service-proxy.ts";

export interface FamilyProxyOptions {
  readonly nodeName: string;
  readonly rules: RuleOptions;
  readonly iptables: IPTables;
  readonly conntrack: Conntrack;
  readonly clock: Clock;
  readonly log: Logger;
  readonly health: ProxyHealth;
  readonly metrics: FamilyMetrics;
  /** Undefined: another family looks after the ports that load balancers ask on. */
  readonly serviceHealth: ServiceHealth | undefined;
}

export interface Sources {
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
  /** This node alone. */
  readonly nodes: Informer<Node>;
}

type Timing = Pick<ServiceProxyOptions, "minSyncMs" | "syncMs" | "fullSyncMs" | "waitForSync">;

/** When the pod or service changed that a slice was written for. */
const triggerTimeAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";

export class FamilyProxy {
  readonly #options: FamilyProxyOptions;
  readonly #model: ServiceModel;
  #loop: PeriodicSync | undefined;
  /** Times of changes whose rules are not written yet. */
  #triggerTimesMs: number[] = [];

  constructor(options: FamilyProxyOptions) {
    this.#options = options;
    this.#model = new ServiceModel({ nodeName: options.nodeName, rules: options.rules });
  }

  /** Calls back into this proxy; call once, before the informers start. */
  follow({ services, slices, nodes }: Sources): void {
    const model = this.#model;
    services.addHandler({
      onAdd: (service) => this.#changed("service", () => model.setService(service)),
      onUpdate: (service) => this.#changed("service", () => model.setService(service)),
      onDelete: (service) => this.#changed("service", () => model.removeService(service)),
    });
    slices.addHandler({
      onAdd: (slice, { isInInitialList }) => this.#sliceChanged(slice, undefined, !isInInitialList),
      onUpdate: (slice, previous) => this.#sliceChanged(slice, previous, true),
      onDelete: (slice) => this.#changed("endpoint", () => model.removeSlice(slice)),
    });
    const nodeChanged = (node: Node | undefined): void => {
      if (model.setNode(node)) this.#loop?.trigger();
    };
    nodes.addHandler({ onAdd: nodeChanged, onUpdate: nodeChanged, onDelete: () => nodeChanged(undefined) });
  }

  /** Dispose the result to stop; the rules stay. */
  start(timing: Timing): PeriodicSync {
    const { rules, iptables, conntrack, clock, log, health, metrics } = this.#options;
    const { family } = rules;
    this.#loop = startServiceProxy({
      ...timing,
      model: this.#model,
      ...{ rules, iptables, conntrack, clock, log },
      onSynced: (report) => this.#synced(report),
      onFailed: (_error, wasFull) => {
        metrics.noteFailed(wasFull);
        health.noteQueued(family);
      },
      onFlowsDeleted: (count, durationMs) => metrics.noteFlowsDeleted(count, durationMs),
    });
    return this.#loop;
  }

  #sliceChanged(slice: EndpointSlice, previous: EndpointSlice | undefined, isNews: boolean): void {
    const at = Date.parse(slice.metadata.annotations?.[triggerTimeAnnotation] ?? "");
    // What changed before this proxy ran says nothing about it.
    if (isNews && !Number.isNaN(at) && slice.addressType === this.#model.family) this.#triggerTimesMs.push(at);
    this.#changed("endpoint", () => this.#model.setSlice(slice, previous));
  }

  #changed(kind: "service" | "endpoint", apply: () => void): void {
    const { clock, health, metrics } = this.#options;
    apply();
    metrics.noteChange(kind, clock.now());
    health.noteQueued(this.#model.family);
    this.#loop?.trigger();
  }

  async #synced(report: SyncReport): Promise<void> {
    const { clock, health, metrics, serviceHealth } = this.#options;
    const now = clock.now();
    health.noteSynced(this.#model.family, now - report.durationMs);
    metrics.noteSynced(report, now);
    for (const at of this.#triggerTimesMs.splice(0)) metrics.noteProgrammed(Math.max(now - at, 0));
    await serviceHealth?.sync(healthCheckedServices(report.ports));
  }
}
