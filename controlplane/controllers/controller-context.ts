/** What every controller is given: the API through a client and shared informers, time, chance, and a way to tell people. */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { KubeClient } from "#pkg/kube/client.ts";
import type { Informers } from "#pkg/kube/informers.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";

/** The event recorder fits. */
export interface ControllerEvents {
  event(about: KubeObject, type: "Normal" | "Warning", reason: string, message: string): void;
}

export interface ControllerContext {
  readonly client: KubeClient;
  readonly informers: Informers;
  readonly events: ControllerEvents;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Adds up what must be disposed when a controller stops: its loop first, then what feeds it. */
export function disposeAll(loop: AsyncDisposable, subscriptions: readonly Disposable[]): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}
