/**
 * The ports on which load balancers ask whether this node has endpoints of a service (healthCheckNodePort): one HTTP server per
 * service, made, kept and closed as services come and go.
 */
import type { EventRecorder } from "#pkg/kube/events.ts";
import { messageOf } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { HealthCheckedService } from "../services/service-model.ts";
import { type HttpAnswer, type HttpServer, jsonAnswer, startHttpServer } from "./http-server.ts";

export interface ServiceHealthOptions {
  /** Address to listen on. */
  readonly address: string;
  readonly isProxyHealthy: () => boolean;
  readonly events: EventRecorder;
  readonly log: Logger;
}

interface Entry {
  service: HealthCheckedService;
  /** Undefined: the port could not be had; it is tried again with the next sync. */
  server: HttpServer | undefined;
}

/** `sync` calls must not overlap. */
export class ServiceHealth implements AsyncDisposable {
  readonly #options: ServiceHealthOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: ServiceHealthOptions) {
    this.#options = options;
  }

  async sync(services: readonly HealthCheckedService[]): Promise<void> {
    const wanted = new Map(services.map((service) => [entryKey(service), service]));
    for (const [key, entry] of this.#entries) {
      if (wanted.has(key)) continue;
      this.#entries.delete(key);
      await entry.server?.[Symbol.asyncDispose]();
    }
    for (const [key, service] of wanted) {
      const entry = this.#entries.get(key);
      if (entry?.server) entry.service = service;
      else this.#entries.set(key, await this.#open(service, entry !== undefined));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sync([]);
  }

  async #open(service: HealthCheckedService, isRetry: boolean): Promise<Entry> {
    const entry: Entry = { service, server: undefined };
    const { address, events, log } = this.#options;
    try {
      const routes = { "*": () => healthAnswer(entry.service, this.#options.isProxyHealthy()) };
      entry.server = await startHttpServer(address, service.nodePort, routes);
    } catch (error) {
      log.warn("the health check port of a service cannot be served", { ...service, reason: messageOf(error) });
      const about = { kind: "Service", namespace: service.namespace, name: service.name };
      const message = `node failed to start healthcheck on port ${service.nodePort}: ${messageOf(error)}`;
      if (!isRetry) events.event(about, "Warning", "FailedToStartServiceHealthcheck", message);
    }
    return entry;
  }
}

/** 200 with at least one ready endpoint here, and a proxy that keeps up. Pure. */
export function healthAnswer(service: HealthCheckedService, isProxyHealthy: boolean): HttpAnswer {
  const { namespace, name, localEndpoints } = service;
  const body = { service: { namespace, name }, localEndpoints, serviceProxyHealthy: isProxyHealthy };
  return jsonAnswer(localEndpoints > 0 && isProxyHealthy ? 200 : 503, body, {
    "x-load-balancing-endpoint-weight": String(localEndpoints),
  });
}

/** A service that changes its port gets another server. */
function entryKey({ namespace, name, nodePort }: HealthCheckedService): string {
  return `${namespace}/${name}:${nodePort}`;
}
