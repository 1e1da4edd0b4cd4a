/**
 * An API server in memory, behind the Transport port, so that the real client, informers and controllers run on it unchanged.
 * It keeps the rules that clients depend on: resourceVersions and conflicts, names and generateName, the status subresource,
 * generation, graceful deletion and finalizers, selectors, paging, watches with bookmarks and expiry. It does no validation,
 * defaulting, authorization or garbage collection, and server-side apply has no field ownership.
 *
 * For tests it can also be told to fail (`failNext`), to hold events back (`holdEvents`), to break or end watches, to forget
 * history, and to place objects directly (`seed`).
 */
import { formatApiVersion, gvkOf, type KubeObject, type Stored } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { Random } from "#pkg/system/random.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { createKubeClient, type KubeClient } from "../client.ts";
import { type ResourceRef, resourceKey, resources } from "../resources.ts";
import type { Transport, TransportRequest, TransportResponse } from "../transport.ts";
import { wholeBody } from "./fake-body.ts";
import { answerList } from "./fake-list.ts";
import { type FakeRequest, parseFakeRequest, type Verb } from "./fake-request.ts";
import { FakeStorage } from "./fake-storage.ts";
import { FakeVerbs, keyOf } from "./fake-verbs.ts";
import { FakeWatches } from "./fake-watches.ts";
import { buildCreated, clone } from "./fake-write.ts";

export interface Fault {
  /** Unset fields match any request. */
  readonly verb?: Verb | undefined;
  /** The plural. */
  readonly resource?: string | undefined;
  readonly subresource?: string | undefined;
  readonly name?: string | undefined;
  /** A part of the query: "continue=". */
  readonly query?: string | undefined;
  /** How many requests fail. Default 1. */
  readonly times?: number | undefined;
  /** What they fail with; "disconnect": no answer at all (BerthError "Unavailable"). */
  readonly error: StatusError | "disconnect";
}

export interface RecordedRequest {
  readonly verb: Verb;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** With the leading "?" left out. */
  readonly query: string;
  readonly body: unknown;
}

export interface FakeApiOptions {
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /** True: creating in a namespace that does not exist is 404. Default false. */
  readonly needsNamespaces?: boolean | undefined;
  /** The status of TokenReviews, SubjectAccessReviews and their like. Default: nobody is known and nothing allowed. */
  readonly review?: ((review: KubeObject) => object) | undefined;
}

export class FakeApi implements Transport {
  readonly clock: Clock;
  /** Every request that named a resource, in order of arrival. */
  readonly requests: RecordedRequest[] = [];
  readonly #random: Random;
  readonly #storage = new FakeStorage();
  readonly #verbs: FakeVerbs;
  readonly #review: (review: KubeObject) => object;
  readonly #watches: FakeWatches;
  #faults: { fault: Fault; left: number }[] = [];

  constructor(options: FakeApiOptions = {}) {
    this.clock = options.clock ?? new FakeClock();
    this.#random = options.random ?? new SeededRandom(7);
    this.#review = options.review ?? (() => ({ authenticated: false, allowed: false }));
    this.#verbs = new FakeVerbs(this.#storage, this.clock, this.#random, options.needsNamespaces ?? false);
    this.#watches = new FakeWatches(this.#storage, this.clock);
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    if (request.signal?.aborted) throw new BerthError("Aborted", "the request was aborted");
    try {
      return await this.#answer(request);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      const { retryAfterSeconds } = error.status.details ?? {};
      const headers = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
      return jsonAnswer(error.code, error.status, headers);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watches.endAll();
  }

  /** A client of this server, on its clock. */
  client(userAgent = "test"): KubeClient {
    return createKubeClient(this, { userAgent, clock: this.clock });
  }

  /** Places an object as it is, status and all, whatever the rules; missing identity is filled in. */
  seed<T extends KubeObject>(object: T): Stored<T> {
    const ref = refOf(object);
    const { name = "", namespace = "" } = object.metadata;
    const identity = { name, namespace, uid: this.#random.uuid(), nowMs: this.clock.now() };
    const { metadata } = buildCreated(ref, object, identity);
    const whole = { ...object, metadata: { ...metadata, ...object.metadata } };
    return clone(this.#storage.put(resourceKey(ref), keyOf(namespace, name), clone(whole))) as Stored<T>;
  }

  /** The stored object, or undefined. */
  peek<T extends KubeObject>(ref: ResourceRef<T>, namespace: string, name: string): Stored<T> | undefined {
    const object = this.#storage.get(resourceKey(ref), keyOf(namespace, name));
    return object && (clone(object) as Stored<T>);
  }

  /** All stored objects of a resource, in key order. */
  peekAll<T extends KubeObject>(ref: ResourceRef<T>): readonly Stored<T>[] {
    return this.#storage.list(resourceKey(ref)).map(([, object]) => clone(object) as Stored<T>);
  }

  /** The next requests that fit fail. Faults are tried in the order in which they were given. */
  failNext(fault: Fault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 });
  }

  /** Forgets all changes so far: watches and pages from before now fail with 410. */
  forgetHistory(): void {
    this.#storage.forgetHistory();
  }

  /** Ends every open watch, as servers do at their time limit. */
  endWatches(): void {
    this.#watches.endAll();
  }

  /** Breaks every open watch, as a lost connection does. */
  breakWatches(): void {
    this.#watches.breakAll();
  }

  /** Sends a bookmark on every open watch that asked for them. */
  sendBookmarks(): void {
    this.#watches.sendBookmarks();
  }

  /** Holds watch events back until the result is disposed, so that caches lag behind. */
  holdEvents(): Disposable {
    return this.#watches.hold();
  }

  get openWatches(): number {
    return this.#watches.count;
  }

  async #answer(raw: TransportRequest): Promise<TransportResponse> {
    const request = parseFakeRequest(raw);
    if (!request) return this.#answerOther(raw);
    const { verb, ref, subresource, namespace, name, query, body } = request;
    const recorded = { verb, resource: ref.plural, subresource, namespace, name, query: query.toString(), body };
    this.requests.push(recorded);
    this.#failIfTold(recorded);
    switch (verb) {
      case "get":
        return jsonAnswer(200, this.#verbs.read(request));
      case "list":
        return jsonAnswer(200, answerList(this.#storage, request));
      case "watch":
        return this.#watches.open(request);
      case "create":
        return jsonAnswer(201, this.#answerPost(request));
      case "update":
      case "patch":
        return jsonAnswer(200, this.#verbs.write(request));
      case "delete":
        return jsonAnswer(200, this.#verbs.delete(request, this.#verbs.find(request)));
      case "deletecollection":
        return jsonAnswer(200, this.#verbs.deleteCollection(request));
    }
  }

  #answerPost(request: FakeRequest): unknown {
    if (request.subresource) return this.#verbs.act(request);
    if (!request.ref.plural.endsWith("reviews")) return this.#verbs.create(request);
    const review = request.body as KubeObject;
    return { ...review, status: this.#review(review) };
  }

  #answerOther(raw: TransportRequest): TransportResponse {
    const path = raw.path.split("?")[0] ?? "";
    if (path === "/version") return jsonAnswer(200, { major: "1", minor: "36", gitVersion: "v1.36.0" });
    if (["/healthz", "/livez", "/readyz"].includes(path)) {
      return { status: 200, headers: { "content-type": "text/plain" }, body: wholeBody("ok") };
    }
    throw new StatusError({
      code: 404,
      reason: "NotFound",
      message: "the server could not find the requested resource",
      details: {},
    });
  }

  #failIfTold(request: RecordedRequest): void {
    const told = this.#faults.find(({ fault }) => fits(fault, request));
    if (!told) return;
    told.left--;
    this.#faults = this.#faults.filter(({ left }) => left > 0);
    if (told.fault.error === "disconnect") throw new BerthError("Unavailable", "the connection was lost");
    throw told.fault.error;
  }
}

function refOf(object: KubeObject): ResourceRef {
  const gvk = gvkOf(object);
  const all: readonly ResourceRef[] = Object.values(resources);
  const ref = all.find((one) => one.kind === gvk.kind && formatApiVersion(one) === object.apiVersion);
  if (!ref) throw new BerthError("Invalid", `no built-in resource has kind ${gvk.kind} in ${object.apiVersion}`);
  return ref;
}

function fits(fault: Fault, request: RecordedRequest): boolean {
  if (fault.verb !== undefined && fault.verb !== request.verb) return false;
  if (fault.resource !== undefined && fault.resource !== request.resource) return false;
  if (fault.subresource !== undefined && fault.subresource !== request.subresource) return false;
  if (fault.query !== undefined && !request.query.includes(fault.query)) return false;
  return fault.name === undefined || fault.name === request.name;
}

function jsonAnswer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): TransportResponse {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: wholeBody(JSON.stringify(body)),
  };
}
