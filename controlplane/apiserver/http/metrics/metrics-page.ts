/** The /metrics page: the families of this server and, from prom-client, those of the process. */
import { StatusError } from "#pkg/api/status.ts";
import type { ApiResponse } from "../api-request.ts";
import type { MetricFamily } from "./metric-families.ts";

/** prom-client is needed for this page alone and slow to load; it is loaded by the first scrape. */
export class MetricsPage {
  readonly #families = new Map<string, MetricFamily>();
  #render: Promise<() => Promise<string>> | undefined;

  /** Families are shown in the order they were added; a name may be used once. */
  add(...families: readonly MetricFamily[]): void {
    for (const family of families) {
      if (this.#families.has(family.name)) throw StatusError.internal(`metric ${family.name} is there twice`);
      this.#families.set(family.name, family);
    }
  }

  async respond(): Promise<ApiResponse> {
    this.#render ??= openRegistry(this.#families);
    const text = await (await this.#render)();
    return {
      status: 200,
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8; escaping=underscores" },
      body: text,
    };
  }
}

async function openRegistry(families: ReadonlyMap<string, MetricFamily>): Promise<() => Promise<string>> {
  const { collectDefaultMetrics, Registry } = await import("prom-client");
  const process = new Registry();
  collectDefaultMetrics({ register: process });
  return async () => {
    const own = new Registry();
    for (const family of families.values()) own.registerMetric(asMetric(family) as never);
    return (await own.metrics()) + (await process.metrics());
  };
}

/** The shape prom-client's formatter reads. */
function asMetric(family: MetricFamily): object {
  return {
    name: family.name,
    async get() {
      const values = [];
      for (const sample of await family.collect()) {
        values.push({
          labels: sample.labels,
          value: sample.value,
          ...(sample.suffix ? { metricName: family.name + sample.suffix } : {}),
        });
      }
      return { name: family.name, help: family.help, type: family.type, values, aggregator: "sum" };
    },
  };
}
