/** What every controller is given: the API through a client and shared informers, time, chance, and a way to tell people. */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { isStatus } from "#pkg/api/status.ts";
import type { KubeClient } from "#pkg/kube/client.ts";
import { type Controller, type Reconciler, startController } from "#pkg/kube/controller.ts";
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

/** The keyed loop over shared informers: nothing runs before every informer that was asked for has synced. */
export function startLoop(context: ControllerContext, reconciler: Reconciler, workers: number): Controller {
  const { informers, clock, random, log } = context;
  return startController({
    reconciler,
    clock,
    random,
    log,
    workers,
    waitForSync: (signal) => informers.waitForSync(signal),
  });
}

/** For deletions of what may be gone already. */
export async function ignoringNotFound(action: Promise<unknown>): Promise<void> {
  try {
    await action;
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
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
