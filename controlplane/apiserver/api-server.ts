/**
 * The API server, put together: store → caches and registries → handlers → filters → listener. Composition only.
 *
 * The caches are filled before the listener opens; what must be in the cluster from the start (default roles, namespaces)
 * is written right after, and /readyz says no until it is. Dispose order is the reverse.
 */
import type { Transport } from "#pkg/kube/transport.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import type { Store } from "../store/store.ts";
import type { Admission } from "./admission/admission.ts";
import type { AdmissionPorts } from "./admission/create-admission-chain.ts";
import { type AuthenticationOptions, createAuthenticator } from "./authn/create-authenticator.ts";
import { createLegacyTokenMarker } from "./authn/legacy-token-use.ts";
import { TokenIssuer, type TokenIssuerOptions } from "./authn/token-issuer.ts";
import { type Authorization, createAuthorizer } from "./authz/create-authorizer.ts";
import { DiscoveryHandler } from "./discovery/discovery-handler.ts";
import type { ServerVersion } from "./discovery/server-version.ts";
import { addBuiltInRoutes, type KindParts, registerBuiltIns } from "./handlers/built-in-routes.ts";
import { encodeDocument } from "./handlers/forms/encode-document.ts";
import { type HealthCheck, HealthHandler, pingCheck } from "./handlers/health.ts";
import { ResourceRouter } from "./handlers/resource-router.ts";
import { rootHandler } from "./handlers/root-handler.ts";
import type { ConnectHandlers } from "./handlers/subresources/connect.ts";
import type { ApiHandler, ApiRequest, ApiResponse, UserInfo } from "./http/api-request.ts";
import { authenticationFilter } from "./http/filters/authentication.ts";
import { authorizationFilter } from "./http/filters/authorization.ts";
import { deadlineFilter, defaultRequestTimeoutMs } from "./http/filters/deadline.ts";
import { impersonationFilter } from "./http/filters/impersonation.ts";
import { defaultInFlightLimits, InFlight, type InFlightLimits } from "./http/filters/max-in-flight.ts";
import { FlowDirectory } from "./http/flow-directory.ts";
import { type HttpListener, type HttpListenerOptions, startHttpListener } from "./http/http-listener.ts";
import { createInProcessTransport } from "./http/in-process-transport.ts";
import { buildInfoMetric } from "./http/metrics/build-info.ts";
import { meterStore, StoreMetrics } from "./http/metrics/metered-store.ts";
import { MetricsPage } from "./http/metrics/metrics-page.ts";
import { objectCountMetrics } from "./http/metrics/object-counts.ts";
import { RequestMetrics } from "./http/metrics/request-metrics.ts";
import { createRequestPipeline } from "./http/request-pipeline.ts";
import { Registries } from "./registry/registries.ts";
import type { ObjectReader, ObjectWriter } from "./registry/resource-registry.ts";
import { createReviews } from "./reviews/create-reviews.ts";

export interface ApiServerOptions {
  readonly version: ServerVersion;
  /** Absent: reachable from this process only. */
  readonly listen?: HttpListenerOptions | undefined;
  /** Where clients reach the server, "host:port"; absent: where it listens. */
  readonly advertisedAddress?: string | undefined;
  readonly authentication: AuthenticationOptions;
  readonly tokens: TokenIssuerOptions;
  readonly inFlight?: InFlightLimits | undefined;
  readonly requestTimeoutMs?: number | undefined;
}

export interface ApiServerPorts {
  /** Stays with the caller, who closes it after the server. */
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** What kinds and policies bring along. */
export interface ApiServerParts extends KindParts {
  /** Called before anything else, with where stored objects will be found. */
  readFrom?(reader: ObjectReader): void;
  createAdmission(ports: AdmissionPorts): Admission;
  /** Writes what must be in every cluster; run once after the caches are filled. May be called again after a failure. */
  bootstrap?(
    ports: { readonly reader: ObjectReader; readonly writer: ObjectWriter },
    signal: AbortSignal,
  ): Promise<void>;
  readonly connect?: ConnectHandlers | undefined;
  /** Further components for componentstatuses: "scheduler", "controller-manager". */
  readonly components?: readonly HealthCheck[] | undefined;
  /** Paths outside the resource grammar: OpenAPI, token keys. */
  otherPaths?(router: ResourceRouter): readonly ((path: string) => ApiHandler | undefined)[];
}

export interface ApiServer extends AsyncDisposable {
  /** The way of this process's own clients. Several transports may be open; each has its own user. */
  inProcessTransport(user: UserInfo): Transport;
  handle(request: ApiRequest): Promise<ApiResponse>;
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  /** For resources that come and go. */
  readonly router: ResourceRouter;
  /** Undefined without `listen`. */
  readonly listener: HttpListener | undefined;
  /** Resolves when /readyz says yes: everything bootstrap writes is there. */
  readonly ready: Promise<void>;
}

/** Resolves when requests are answered. Throws BerthError "Unavailable" when the address cannot be had. */
export async function startApiServer(
  options: ApiServerOptions,
  ports: ApiServerPorts,
  parts: ApiServerParts,
): Promise<ApiServer> {
  const server = new ComposedApiServer(options, ports, parts);
  try {
    await server.start();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

class ComposedApiServer implements ApiServer {
  readonly handle: (request: ApiRequest) => Promise<ApiResponse>;
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly router = new ResourceRouter();
  readonly ready: Promise<void>;
  readonly #options: ApiServerOptions;
  readonly #ports: ApiServerPorts;
  readonly #parts: ApiServerParts;
  readonly #registries: Registries;
  readonly #authorization: Authorization;
  readonly #metrics: RequestMetrics;
  readonly #flows: FlowDirectory;
  readonly #inFlight: InFlight;
  readonly #stopping = new AbortController();
  readonly #isReady = Promise.withResolvers<void>();
  #bootstrapped = false;
  readonly #storeCheck: HealthCheck = {
    name: "etcd",
    check: async () => {
      const { readOnlyReason } = await this.#ports.store.status();
      if (readOnlyReason !== undefined) throw new BerthError("Exhausted", `the store is read-only: ${readOnlyReason}`);
    },
  };
  #listener: HttpListener | undefined;

  constructor(options: ApiServerOptions, ports: ApiServerPorts, parts: ApiServerParts) {
    this.#options = options;
    this.#ports = ports;
    this.#parts = parts;
    this.ready = this.#isReady.promise;
    this.ready.catch(() => undefined);
    const { clock, random, log } = ports;
    const storeMetrics = new StoreMetrics(ports.store);
    const store = meterStore(ports.store, storeMetrics, clock);
    const cacheLog = { warn: (fields: object, message: string) => log.warn(message, { ...fields }) };
    this.#registries = new Registries({ store, clock, random, log: cacheLog });
    registerBuiltIns(this.#registries, parts);
    this.reader = this.#registries.reader;
    parts.readFrom?.(this.reader);
    this.writer = this.#registries.writer;
    this.#authorization = createAuthorizer({ reader: this.reader });
    this.#flows = new FlowDirectory(this.reader);
    this.#inFlight = new InFlight(clock, options.inFlight ?? defaultInFlightLimits, this.#flows);
    this.#metrics = new RequestMetrics(this.#inFlight);
    const page = new MetricsPage();
    page.add(...this.#metrics.families(), ...storeMetrics.families(), ...objectCountMetrics(this.reader));
    page.add(buildInfoMetric(options.version));
    this.handle = this.#buildPipeline(page);
  }

  get listener(): HttpListener | undefined {
    return this.#listener;
  }

  inProcessTransport(user: UserInfo): Transport {
    return createInProcessTransport(this.handle, user);
  }

  async start(): Promise<void> {
    await this.#registries.start();
    const { listen } = this.#options;
    const { clock, log } = this.#ports;
    if (listen) {
      const onHandshakeError = (): void => this.#metrics.handshakeFailed();
      this.#listener = await startHttpListener(listen, this.handle, { clock, log, onHandshakeError });
    }
    void this.#bootstrap();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new BerthError("Unavailable", "the server is stopping"));
    this.#isReady.reject(new BerthError("Unavailable", "the server is stopping"));
    await this.#listener?.[Symbol.asyncDispose]();
    this.#flows[Symbol.dispose]();
    this.#authorization[Symbol.dispose]();
    await this.#registries[Symbol.asyncDispose]();
  }

  /** Tries until it is done: a server without its default roles is of no use to anybody. */
  async #bootstrap(): Promise<void> {
    const { signal } = this.#stopping;
    const { clock, log } = this.#ports;
    while (!signal.aborted) {
      try {
        await this.#parts.bootstrap?.({ reader: this.reader, writer: this.writer }, signal);
        this.#bootstrapped = true;
        this.#isReady.resolve();
        return;
      } catch (error) {
        log.warn("cannot write what every cluster has; trying again", { error });
        await clock.sleep(1000, signal).catch(() => undefined);
      }
    }
  }

  #buildPipeline(page: MetricsPage): (request: ApiRequest) => Promise<ApiResponse> {
    const { clock, random, log } = this.#ports;
    const { authentication, requestTimeoutMs } = this.#options;
    const { reader, writer } = this;
    const onLegacyTokenUse = createLegacyTokenMarker(writer, clock, (error) =>
      log.debug("cannot note the use of a legacy token", { error }),
    );
    const authenticator = createAuthenticator(authentication, { reader, clock, onLegacyTokenUse });
    const authorization = this.#authorization;
    const issuer = new TokenIssuer(this.#options.tokens, clock, random);
    const virtual = createReviews({ authorizer: authorization, tokens: authenticator.tokens, issuer, reader, clock });
    const { escalation } = authorization;
    const admission = this.#parts.createAdmission({
      reader,
      writer,
      clock,
      random,
      authorizer: authorization,
      escalation,
    });
    const handlerPorts = { clock, log, admission, authorizer: authorization, metrics: this.#metrics };
    const connect = this.#parts.connect ?? {};
    const components = [{ ...this.#storeCheck, name: "etcd-0" }, ...(this.#parts.components ?? [])];
    const routePorts = { ...handlerPorts, registries: this.#registries, virtual, connect, components };
    addBuiltInRoutes(this.router, routePorts, this.#parts);
    const handler = rootHandler({
      router: this.router,
      discovery: new DiscoveryHandler(this.router, () => this.#address(), encodeDocument),
      health: this.#health(),
      metrics: page,
      version: this.#options.version,
      others: this.#parts.otherPaths?.(this.router) ?? [],
    });
    const filters = [
      deadlineFilter(clock, requestTimeoutMs ?? defaultRequestTimeoutMs),
      authenticationFilter(authenticator.requests, this.#metrics.authentication),
      impersonationFilter(authorization),
      this.#inFlight.filter,
      authorizationFilter(authorization, (decision) => this.#metrics.authorized(decision)),
    ];
    const pipeline = { filters, handler, encodeStatus: encodeDocument, metrics: this.#metrics };
    return createRequestPipeline(pipeline, { clock, random, log });
  }

  #health(): HealthHandler {
    const store = {
      name: "etcd",
      check: async (): Promise<void> => {
        const { readOnlyReason } = await this.#ports.store.status();
        if (readOnlyReason !== undefined)
          throw new BerthError("Exhausted", `the store is read-only: ${readOnlyReason}`);
      },
    };
    const bootstrap = {
      name: "poststarthook/bootstrap",
      check: async (): Promise<void> => {
        if (!this.#bootstrapped) throw new BerthError("Unavailable", "not finished");
      },
    };
    const shutdown = {
      name: "shutdown",
      check: async (): Promise<void> => {
        if (this.#stopping.signal.aborted) throw new BerthError("Unavailable", "the server is stopping");
      },
    };
    return new HealthHandler(
      {
        healthz: [pingCheck, store, bootstrap],
        livez: [pingCheck, store],
        readyz: [pingCheck, store, bootstrap, shutdown],
      },
      this.#ports.log,
    );
  }

  #address(): string {
    const { advertisedAddress } = this.#options;
    return advertisedAddress ?? (this.#listener ? `${this.#listener.host}:${this.#listener.port}` : "");
  }
}
