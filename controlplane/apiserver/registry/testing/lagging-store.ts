/**
 * The memory store with a watch that tells what happened only when let: for tests of readers whose cache lags. Counts
 * what is asked of it, and fails on demand.
 */

import type { RangeRequest, RangeResponse, WatchHandle, WatchReceiver, WatchRequest } from "../../../store/store.ts";
import { MemoryStore } from "../../../store/testing/memory-store.ts";

export class LaggingStore extends MemoryStore {
  ranges = 0;
  rangeFailure: Error | undefined;
  canRequestProgress = true;
  #isHolding = false;
  #held: (() => void)[] = [];

  /** Watch deliveries wait from now on. */
  hold(): void {
    this.#isHolding = true;
  }

  /** Delivers what waited. */
  release(): void {
    this.#isHolding = false;
    const held = this.#held;
    this.#held = [];
    for (const deliver of held) deliver();
  }

  override async range(request: RangeRequest): Promise<RangeResponse> {
    this.ranges++;
    if (this.rangeFailure) throw this.rangeFailure;
    return super.range(request);
  }

  override watch(request: WatchRequest, receiver: WatchReceiver): WatchHandle {
    const pass = (deliver: () => void): void => {
      if (this.#isHolding) this.#held.push(deliver);
      else deliver();
    };
    const handle = super.watch(request, {
      events: (events, revision) => pass(() => receiver.events(events, revision)),
      progress: (revision) => pass(() => receiver.progress(revision)),
      closed: (error) => pass(() => receiver.closed(error)),
    });
    const requestProgress = (): void => {
      if (this.canRequestProgress) handle.requestProgress();
    };
    return { ready: handle.ready, close: () => handle.close(), requestProgress };
  }
}
