/** A fake API, a fake clock and a context on them, for tests of controllers. */
import type { KubeClient } from "#pkg/kube/client.ts";
import { Informers } from "#pkg/kube/informers.ts";
import { type ResourceRef, resources } from "#pkg/kube/resources.ts";
import { FakeApi } from "#pkg/kube/testing/fake-api.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import type { ControllerContext } from "../controller-context.ts";
import type { DiscoveredResource, DiscoverResources } from "../resource-discovery.ts";

export class ControllerHarness implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly api: FakeApi;
  readonly client: KubeClient;
  /** `Kind/name Reason: message`, in order. */
  readonly events: string[] = [];
  readonly context: ControllerContext;
  readonly #stack = new AsyncDisposableStack();

  constructor(openApi: (clock: FakeClock) => FakeApi = (clock) => new FakeApi({ clock })) {
    this.api = openApi(this.clock);
    this.client = this.api.client();
    const { client, clock } = this;
    const random = new SeededRandom();
    const informers = new Informers({ client, clock, random, log: silentLogger });
    this.#stack.use(informers);
    this.context = {
      client,
      informers,
      clock,
      random,
      log: silentLogger,
      events: {
        event: (about, _type, reason, message) =>
          this.events.push(`${about.kind ?? ""}/${about.metadata.name} ${reason}: ${message}`),
      },
    };
  }

  /** Starts a controller and lets its caches fill. */
  async run(start: (context: ControllerContext) => AsyncDisposable): Promise<void> {
    this.#stack.use(start(this.context));
    await this.clock.advance(10);
  }

  /** Long enough for everything that waits for nothing. */
  async settle(ms = 100): Promise<void> {
    await this.clock.advance(ms);
  }

  names(ref: ResourceRef): string[] {
    return this.api.peekAll(ref).map(({ metadata }) => metadata.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

const allVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/** What a server with the built-in resources would say. */
export const discoverBuiltIn: DiscoverResources = async () => ({
  resources: (Object.values(resources) as readonly ResourceRef[])
    .filter(({ plural }) => !plural.endsWith("reviews"))
    .map((ref): DiscoveredResource => ({ ...ref, verbs: allVerbs })),
  failedGroups: [],
});
