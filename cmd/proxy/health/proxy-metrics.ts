/** The proxy's metrics under the names that dashboards for kube-proxy look for. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { countWithoutLocal } from "../services/service-model.ts";
import type { SyncReport } from "../services/service-proxy.ts";

const prefix = "kubeproxy_";
/** 1 ms to 16 s. */
const syncBuckets = Array.from({ length: 15 }, (_, power) => 0.001 * 2 ** power);
const programmingBuckets = [
  0.25,
  0.5,
  ...Array.from({ length: 59 }, (_, index) => index + 1),
  ...Array.from({ length: 12 }, (_, index) => 60 + index * 5),
  ...Array.from({ length: 7 }, (_, index) => 120 + index * 30),
];

export interface FamilyMetrics {
  /** A change of a service or of an endpoint slice arrived. */
  noteChange(kind: "service" | "endpoint", nowMs: number): void;
  noteSynced(report: SyncReport, nowMs: number): void;
  noteFailed(wasFull: boolean): void;
  noteFlowsDeleted(count: number, durationMs: number): void;
  /** How long it took from the change of a pod to the rules, in milliseconds. */
  noteProgrammed(latencyMs: number): void;
}

export class ProxyMetrics {
  readonly #registry = new Registry();
  #watchesProcess = false;
  readonly #sync = this.#histogram("sync_proxy_rules_duration_seconds", "Time to bring the rules up to date");
  readonly #full = this.#histogram("sync_full_proxy_rules_duration_seconds", "Time to write all rules");
  readonly #partial = this.#histogram("sync_partial_proxy_rules_duration_seconds", "Time to write what differs");
  readonly #programming = this.#histogram(
    "network_programming_duration_seconds",
    "Time from the change of a pod or service to the rules",
    programmingBuckets,
  );
  readonly #synced = this.#gauge(
    "sync_proxy_rules_last_timestamp_seconds",
    "When the rules were last brought up to date",
  );
  readonly #queued = this.#gauge("sync_proxy_rules_last_queued_timestamp_seconds", "When a change last arrived");
  readonly #pending = {
    service: this.#gauge("sync_proxy_rules_service_changes_pending", "Changes of services not written yet"),
    endpoint: this.#gauge("sync_proxy_rules_endpoint_changes_pending", "Changes of endpoints not written yet"),
  };
  readonly #total = {
    service: this.#counter("sync_proxy_rules_service_changes_total", "Changes of services"),
    endpoint: this.#counter("sync_proxy_rules_endpoint_changes_total", "Changes of endpoints"),
  };
  readonly #failures = this.#counter("sync_proxy_rules_iptables_restore_failures_total", "Writes that failed");
  readonly #partialFailures = this.#counter(
    "sync_proxy_rules_iptables_partial_restore_failures_total",
    "Writes of differences that failed",
  );
  readonly #rules = this.#gauge("sync_proxy_rules_iptables_total", "Rules that the proxy has in the kernel", ["table"]);
  readonly #last = this.#gauge("sync_proxy_rules_iptables_last", "Rules that the last run wrote", ["table"]);
  readonly #noLocal = this.#gauge(
    "sync_proxy_rules_no_local_endpoints_total",
    "Service ports with a Local policy and without an endpoint here",
    ["traffic_policy"],
  );
  readonly #healthz = this.#codes("proxy_healthz_total", "Answers of /healthz");
  readonly #livez = this.#codes("proxy_livez_total", "Answers of /livez");
  readonly #flowSeconds = this.#histogram("conntrack_reconciler_sync_duration_seconds", "Time to clean up UDP flows");
  readonly #flows = this.#counter("conntrack_reconciler_deleted_entries_total", "UDP flows removed");

  get contentType(): string {
    return this.#registry.contentType;
  }

  async render(): Promise<string> {
    // Watching the process costs a timer every 10 ms: only for those who look.
    if (!this.#watchesProcess) collectDefaultMetrics({ register: this.#registry });
    this.#watchesProcess = true;
    return await this.#registry.metrics();
  }

  noteHealth(kind: "healthz" | "livez", code: number): void {
    (kind === "healthz" ? this.#healthz : this.#livez).inc({ code: String(code) });
  }

  forFamily(family: string): FamilyMetrics {
    const labels = { ip_family: family };
    return {
      noteChange: (kind, nowMs) => {
        this.#pending[kind].inc(labels);
        this.#total[kind].inc(labels);
        this.#queued.set(labels, nowMs / 1000);
      },
      noteSynced: (report, nowMs) => this.#noteSynced(labels, report, nowMs),
      noteFailed: (wasFull) => {
        this.#failures.inc(labels);
        if (!wasFull) this.#partialFailures.inc(labels);
      },
      noteFlowsDeleted: (count, durationMs) => {
        this.#flows.inc(labels, count);
        this.#flowSeconds.observe(labels, durationMs / 1000);
      },
      noteProgrammed: (latencyMs) => this.#programming.observe(labels, latencyMs / 1000),
    };
  }

  #noteSynced(labels: { ip_family: string }, { ports, write, durationMs }: SyncReport, nowMs: number): void {
    const seconds = durationMs / 1000;
    this.#sync.observe(labels, seconds);
    (write.kind === "full" ? this.#full : this.#partial).observe(labels, seconds);
    this.#synced.set(labels, nowMs / 1000);
    this.#pending.service.set(labels, 0);
    this.#pending.endpoint.set(labels, 0);
    for (const table of ["filter", "nat"] as const) {
      this.#last.set({ ...labels, table }, write.written[table] ?? 0);
      this.#rules.set({ ...labels, table }, write.total[table] ?? 0);
    }
    const lacking = countWithoutLocal(ports);
    this.#noLocal.set({ ...labels, traffic_policy: "internal" }, lacking.internal);
    this.#noLocal.set({ ...labels, traffic_policy: "external" }, lacking.external);
  }

  #histogram(name: string, help: string, buckets: number[] = syncBuckets) {
    return new Histogram({
      name: prefix + name,
      help,
      buckets,
      labelNames: ["ip_family"] as const,
      registers: [this.#registry],
    });
  }

  #gauge<L extends string = never>(name: string, help: string, more: readonly L[] = []) {
    const labelNames = ["ip_family" as const, ...more];
    return new Gauge<"ip_family" | L>({ name: prefix + name, help, labelNames, registers: [this.#registry] });
  }

  #counter(name: string, help: string) {
    return new Counter({ name: prefix + name, help, labelNames: ["ip_family"] as const, registers: [this.#registry] });
  }

  #codes(name: string, help: string) {
    return new Counter({ name: prefix + name, help, labelNames: ["code"] as const, registers: [this.#registry] });
  }
}
