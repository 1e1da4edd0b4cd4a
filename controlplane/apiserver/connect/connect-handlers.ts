/**
 * logs, exec, attach, port-forward and the proxies: finds the node, the pod or an endpoint, and joins the caller to it. Nodes
 * are called with this server's own client certificate; what the caller may do was decided before.
 */
import type { Endpoints, Node, Pod, Service } from "#pkg/api/core/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { Random } from "#pkg/system/random.ts";
import { randomInt } from "#pkg/system/random.ts";
import { findPod } from "../admission/find-pod.ts";
import type { ConnectHandlers } from "../handlers/subresources/connect.ts";
import type { ApiRequest, ApiResponse, RequestContext } from "../http/api-request.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import { type ClientTls, fetchText, forwardRequest, forwardUpgrade } from "./forward.ts";
import { bracketed, chooseContainer, logQuery, nodeUrl, streamQuery } from "./node-location.ts";
import { parseProxyName, proxyUrl } from "./proxy-target.ts";

export interface ConnectOptions {
  /** The certificate for calls to nodes; asked for each time, since it is renewed. */
  readonly kubeletClient: () => ClientTls;
  readonly random: Random;
}

export interface Connections {
  readonly handlers: ConnectHandlers;
  /** Called once, before the first request. */
  readFrom(reader: ObjectReader): void;
}

export function createConnections(options: ConnectOptions): Connections {
  const connect = new Connector(options);
  return {
    readFrom: (reader) => connect.readFrom(reader),
    handlers: {
      "pods/log": (request, context) => connect.log(request, context),
      "pods/exec": (request, context) => connect.command("exec", request, context),
      "pods/attach": (request, context) => connect.command("attach", request, context),
      "pods/portforward": (request, context) => connect.portForward(request, context),
      "pods/proxy": (request, context) => connect.podProxy(request, context),
      "nodes/proxy": (request, context) => connect.nodeProxy(request, context),
      "services/proxy": (request, context) => connect.serviceProxy(request, context),
    },
  };
}

class Connector {
  readonly #options: ConnectOptions;
  #reader: ObjectReader | undefined;

  constructor(options: ConnectOptions) {
    this.#options = options;
  }

  readFrom(reader: ObjectReader): void {
    this.#reader = reader;
  }

  async log(request: ApiRequest, { info }: RequestContext): Promise<ApiResponse> {
    const pod = await findPod(this.#objects, info.namespace, info.name);
    const container = chooseContainer(pod, request.query.get("container") ?? "");
    // Not on a node yet: there is nothing, which is no mistake.
    if (!pod.spec.nodeName) return { status: 200, headers: { "content-type": "text/plain" }, body: "" };
    const url = this.#nodeUrl(pod, `containerLogs/${info.namespace}/${info.name}/${container}`);
    url.search = logQuery(request.query).toString();
    return await fetchText(request, url, this.#tls);
  }

  async command(kind: "exec" | "attach", request: ApiRequest, { info }: RequestContext): Promise<ApiResponse> {
    const pod = await findPod(this.#objects, info.namespace, info.name);
    const container = chooseContainer(pod, request.query.get("container") ?? "");
    const url = this.#nodeUrl(pod, `${kind}/${info.namespace}/${info.name}/${container}`);
    url.search = streamQuery(request.query).toString();
    return await forwardUpgrade(request, url, this.#tls);
  }

  async portForward(request: ApiRequest, { info }: RequestContext): Promise<ApiResponse> {
    const pod = await findPod(this.#objects, info.namespace, info.name);
    const url = this.#nodeUrl(pod, `portForward/${info.namespace}/${info.name}`);
    for (const port of request.query.getAll("ports")) url.searchParams.append("port", port);
    return await forwardUpgrade(request, url, this.#tls);
  }

  async nodeProxy(request: ApiRequest, { info }: RequestContext): Promise<ApiResponse> {
    const { name } = parseProxyName(info.name);
    const url = proxyUrl(nodeUrl(this.#node(name)), request, info);
    return await this.#proxy(request, url, this.#tls);
  }

  async podProxy(request: ApiRequest, { info }: RequestContext): Promise<ApiResponse> {
    const { scheme, name, port } = parseProxyName(info.name);
    const pod = await findPod(this.#objects, info.namespace, name);
    const ip = pod.status?.podIP ?? "";
    if (ip === "") throw StatusError.badRequest("address not allowed: the pod has none yet");
    return await this.#proxyTo(request, info, scheme, ip, port === "" ? firstPort(pod) : portOfPod(pod, port));
  }

  async serviceProxy(request: ApiRequest, { info }: RequestContext): Promise<ApiResponse> {
    const { scheme, name, port } = parseProxyName(info.name);
    const service = this.#objects.get("", "services", info.namespace, name) as Service | undefined;
    if (!service) throw StatusError.notFound({ group: "", resource: "services" }, name);
    const endpoint = this.#endpoint(service, port);
    return await this.#proxyTo(request, info, scheme, endpoint.ip, endpoint.port);
  }

  get #objects(): ObjectReader {
    if (!this.#reader) throw StatusError.unavailable("the server is still starting");
    return this.#reader;
  }

  get #tls(): ClientTls {
    return this.#options.kubeletClient();
  }

  #node(name: string): Node {
    const node = this.#objects.get("", "nodes", "", name) as Node | undefined;
    if (!node) throw StatusError.notFound({ group: "", resource: "nodes" }, name);
    return node;
  }

  #nodeUrl(pod: Pod, path: string): URL {
    const { nodeName = "" } = pod.spec;
    if (nodeName === "") throw StatusError.badRequest(`pod ${pod.metadata.name ?? ""} does not have a host assigned`);
    return new URL(path, nodeUrl(this.#node(nodeName)));
  }

  async #proxyTo(
    request: ApiRequest,
    info: RequestContext["info"],
    scheme: string,
    ip: string,
    port: number,
  ): Promise<ApiResponse> {
    const url = proxyUrl(new URL(`${scheme || "http"}://${bracketed(ip)}:${port}/`), request, info);
    return await this.#proxy(request, url, {});
  }

  #proxy(request: ApiRequest, url: URL, tls: ClientTls): Promise<ApiResponse> {
    return request.upgrade ? forwardUpgrade(request, url, tls) : forwardRequest(request, url, tls);
  }

  /** One of the service's ready endpoints, by chance. Throws StatusError 503. */
  #endpoint(service: Service, wanted: string): { readonly ip: string; readonly port: number } {
    const { namespace = "", name = "" } = service.metadata;
    const ports = service.spec?.ports ?? [];
    const port = wanted === "" ? ports[0] : ports.find((one) => one.name === wanted || String(one.port) === wanted);
    const endpoints = this.#objects.get("", "endpoints", namespace, name) as Endpoints | undefined;
    const found = (endpoints?.subsets ?? []).flatMap((subset) => {
      const target = subset.ports?.find((one) => (one.name ?? "") === (port?.name ?? ""));
      return target ? (subset.addresses ?? []).map(({ ip }) => ({ ip, port: target.port })) : [];
    });
    const chosen = found[randomInt(this.#options.random, found.length)];
    if (!port || !chosen)
      throw StatusError.unavailable(`no endpoints available for service "${service.metadata.name}"`);
    return chosen;
  }
}

function firstPort(pod: Pod): number {
  return pod.spec.containers.flatMap(({ ports = [] }) => ports)[0]?.containerPort ?? 80;
}

function portOfPod(pod: Pod, port: string): number {
  if (/^\d+$/.test(port)) return Number(port);
  const named = pod.spec.containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === port);
  if (!named) throw StatusError.badRequest(`pod ${pod.metadata.name ?? ""} has no port named "${port}"`);
  return named.containerPort;
}
