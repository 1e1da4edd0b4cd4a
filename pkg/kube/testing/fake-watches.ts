/** Open watches of the fake API server: initial events, replay from history, live events, bookmarks, time limits. */
import { formatApiVersion, type KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { Clock, Timer } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { resourceKey } from "../resources.ts";
import type { TransportResponse } from "../transport.ts";
import { initialEventsEndAnnotation } from "../watch.ts";
import { StreamBody } from "./fake-body.ts";
import { checkNotAhead } from "./fake-list.ts";
import { type FakeRequest, selectorOf } from "./fake-request.ts";
import type { Change, FakeStorage } from "./fake-storage.ts";

interface OpenWatch {
  readonly request: FakeRequest;
  readonly resource: string;
  readonly matches: (object: KubeObject) => boolean;
  readonly body: StreamBody;
  readonly timer: Timer | undefined;
}

export class FakeWatches {
  readonly #storage: FakeStorage;
  readonly #clock: Clock;
  readonly #open = new Set<OpenWatch>();
  #holds = 0;
  #held: Change[] = [];

  constructor(storage: FakeStorage, clock: Clock) {
    this.#storage = storage;
    this.#clock = clock;
    storage.listen((change) => {
      if (this.#holds > 0) this.#held.push(change);
      else this.#send(change);
    });
  }

  get count(): number {
    this.#dropClosed();
    return this.#open.size;
  }

  open(request: FakeRequest): TransportResponse {
    const { query } = request;
    const resourceVersion = query.get("resourceVersion") ?? "";
    checkInitialEvents(query);
    checkNotAhead(this.#storage, resourceVersion);
    const body = new StreamBody(request.signal);
    const timeoutSeconds = Number(query.get("timeoutSeconds") ?? "0");
    const timer = timeoutSeconds > 0 ? this.#clock.setTimer(timeoutSeconds * 1000, () => body.end()) : undefined;
    const watch: OpenWatch = { request, resource: resourceKey(request.ref), matches: selectorOf(query), body, timer };
    this.#start(watch, resourceVersion);
    this.#open.add(watch);
    return { status: 200, headers: { "content-type": "application/json" }, body };
  }

  endAll(): void {
    for (const watch of this.#open) watch.body.end();
    this.#dropClosed();
  }

  breakAll(): void {
    for (const watch of this.#open) watch.body.fail(new BerthError("Unavailable", "the connection was lost"));
    this.#dropClosed();
  }

  sendBookmarks(): void {
    if (this.#holds > 0) return;
    for (const watch of this.#open) {
      if (watch.request.query.get("allowWatchBookmarks") === "true") this.#bookmark(watch);
    }
  }

  hold(): Disposable {
    this.#holds++;
    return {
      [Symbol.dispose]: () => {
        this.#holds--;
        if (this.#holds > 0) return;
        const held = this.#held;
        this.#held = [];
        for (const change of held) this.#send(change);
      },
    };
  }

  #start(watch: OpenWatch, resourceVersion: string): void {
    const { query } = watch.request;
    const wantsInitial = query.get("sendInitialEvents");
    const isFromNow = resourceVersion === "" || resourceVersion === "0";
    if (wantsInitial === "true" || (wantsInitial === null && isFromNow)) {
      for (const [, object] of this.#storage.list(watch.resource)) {
        if (isVisible(watch, object)) write(watch, "ADDED", object);
      }
      if (wantsInitial === "true") this.#bookmark(watch, { [initialEventsEndAnnotation]: "true" });
    } else if (!isFromNow) this.#replay(watch, Number(resourceVersion));
  }

  #replay(watch: OpenWatch, revision: number): void {
    if (revision <= this.#storage.forgottenUpTo) {
      const message = `too old resource version: ${revision} (${this.#storage.forgottenUpTo + 1})`;
      write(watch, "ERROR", StatusError.expired(message).status);
      watch.body.end();
      return;
    }
    for (const change of this.#storage.changesAfter(watch.resource, revision)) show(watch, change);
  }

  #send(change: Change): void {
    this.#dropClosed();
    for (const watch of this.#open) {
      if (watch.resource === change.resource) show(watch, change);
    }
  }

  #bookmark(watch: OpenWatch, annotations?: Readonly<Record<string, string>>): void {
    const { ref } = watch.request;
    const metadata = { resourceVersion: String(this.#storage.revision), ...(annotations ? { annotations } : {}) };
    write(watch, "BOOKMARK", { kind: ref.kind, apiVersion: formatApiVersion(ref), metadata });
  }

  #dropClosed(): void {
    for (const watch of this.#open) {
      if (watch.body.isOpen) continue;
      watch.timer?.cancel();
      this.#open.delete(watch);
    }
  }
}

/** A change of what the selector matches shows as the object's coming or going. */
function show(watch: OpenWatch, { previous, next, shown }: Change): void {
  const was = previous !== undefined && isVisible(watch, previous);
  const is = next !== undefined && isVisible(watch, next);
  if (is) write(watch, was ? "MODIFIED" : "ADDED", shown);
  else if (was) {
    const metadata = { ...previous.metadata, resourceVersion: shown.metadata.resourceVersion };
    write(watch, "DELETED", { ...previous, metadata });
  }
}

function isVisible({ request, matches }: OpenWatch, object: KubeObject): boolean {
  return (!request.namespace || object.metadata.namespace === request.namespace) && matches(object);
}

function write(watch: OpenWatch, type: string, object: unknown): void {
  watch.body.write(`${JSON.stringify({ type, object })}\n`);
}

function checkInitialEvents(query: URLSearchParams): void {
  if (!query.has("sendInitialEvents")) return;
  if (query.get("resourceVersionMatch") === "NotOlderThan") return;
  const message =
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting ' +
    "resourceVersionMatch to NotOlderThan";
  throw new StatusError({ code: 422, reason: "Invalid", message });
}
