/**
 * The client everything in Berth talks to the API with, over any Transport. `client.pods`, `client.nodes` and so on are there
 * for every built-in resource; `client.resource(ref)` makes the same for a custom one.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { type ApiCall, ApiCaller, type ApiCallerOptions } from "./api-caller.ts";
import { ResourceClient } from "./resource-client.ts";
import { type ObjectOf, type ResourceRef, resources } from "./resources.ts";
import type { Transport, TransportResponse } from "./transport.ts";

/** `userAgent`, e.g. `berth-nodeagent/v1.36.0`: servers name the default field manager after its first word. */
export type KubeClientOptions = ApiCallerOptions;

class ClientCore {
  readonly #caller: ApiCaller;

  constructor(transport: Transport, options: KubeClientOptions) {
    this.#caller = new ApiCaller(transport, options);
  }

  resource<T extends KubeObject>(ref: ResourceRef<T>): ResourceClient<T> {
    return new ResourceClient(this.#caller, ref);
  }

  /** Any request with a JSON answer; throws as the typed methods do. */
  async raw<T = unknown>(path: string, call: Partial<Omit<ApiCall, "path">> = {}): Promise<T> {
    return await this.#caller.json<T>({ method: "GET", ...call, path });
  }

  /** Any request with a text answer: /healthz, /metrics, container logs. */
  async rawText(path: string, call: Partial<Omit<ApiCall, "path">> = {}): Promise<string> {
    return await this.#caller.text({ method: "GET", accept: "*/*", ...call, path });
  }

  /** Any request whose answer is read as it arrives: followed logs. The body must be read or cancelled. */
  async rawStream(path: string, call: Partial<Omit<ApiCall, "path">> = {}): Promise<TransportResponse> {
    return await this.#caller.stream({ method: "GET", accept: "*/*", ...call, path });
  }
}

type ResourceAccessors = {
  readonly [Name in keyof typeof resources]: ResourceClient<ObjectOf<(typeof resources)[Name]>>;
};

export type KubeClient = ClientCore & ResourceAccessors;

/** The transport stays the caller's to dispose. */
export function createKubeClient(transport: Transport, options: KubeClientOptions): KubeClient {
  const core = new ClientCore(transport, options);
  const accessors = Object.entries(resources).map(([name, ref]) => [name, core.resource<KubeObject>(ref)] as const);
  return Object.assign(core, Object.fromEntries(accessors) as unknown as ResourceAccessors);
}
