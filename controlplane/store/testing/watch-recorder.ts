/** Remembers everything a watch was told, with promises for "has seen so much". For tests. */
import { systemClock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { keyString } from "../keys.ts";
import type { Store, WatchEvent, WatchHandle, WatchReceiver, WatchRequest } from "../store.ts";

export type WatchRecord =
  | { readonly kind: "events"; readonly events: readonly WatchEvent[]; readonly revision: number }
  | { readonly kind: "progress"; readonly revision: number }
  | { readonly kind: "closed"; readonly error: Error | undefined };

/** How long a test waits for something that has to come. */
const patienceMs = 10_000;

export class WatchRecorder implements Disposable {
  readonly records: WatchRecord[] = [];
  readonly receiver: WatchReceiver;
  readonly #waiting = new Set<() => void>();
  #handle: WatchHandle | undefined;

  constructor() {
    this.receiver = {
      events: (events, revision) => this.#add({ kind: "events", events, revision }),
      progress: (revision) => this.#add({ kind: "progress", revision }),
      closed: (error) => this.#add({ kind: "closed", error }),
    };
  }

  /** Starts a watch and waits until it is set up. */
  static async start(store: Store, request: WatchRequest): Promise<WatchRecorder> {
    const recorder = new WatchRecorder();
    recorder.#handle = store.watch(request, recorder.receiver);
    await recorder.#handle.ready;
    return recorder;
  }

  get handle(): WatchHandle {
    if (this.#handle === undefined) throw new BerthError("Internal", "the recorder watches nothing");
    return this.#handle;
  }

  get events(): readonly WatchEvent[] {
    return this.records.flatMap((record) => (record.kind === "events" ? record.events : []));
  }

  /** Resolves with all events once there are `count`. */
  async untilEvents(count: number): Promise<readonly WatchEvent[]> {
    await this.until(() => this.events.length >= count, `${count} events`);
    return this.events;
  }

  /** Resolves with the revision of the first progress record at or past `revision`. */
  async untilProgress(revision: number): Promise<number> {
    const find = (): WatchRecord | undefined =>
      this.records.find((record) => record.kind === "progress" && record.revision >= revision);
    await this.until(() => find() !== undefined, `progress to ${revision}`);
    const found = find();
    return found?.kind === "progress" ? found.revision : 0;
  }

  async untilClosed(): Promise<Error | undefined> {
    const find = (): WatchRecord | undefined => this.records.find((record) => record.kind === "closed");
    await this.until(() => find() !== undefined, "the end of the watch");
    const found = find();
    return found?.kind === "closed" ? found.error : undefined;
  }

  async until(isTrue: () => boolean, what: string): Promise<void> {
    if (isTrue()) return;
    await new Promise<void>((resolve, reject) => {
      const check = (): void => {
        if (!isTrue()) return;
        timer.cancel();
        this.#waiting.delete(check);
        resolve();
      };
      const timer = systemClock.setTimer(patienceMs, () => {
        this.#waiting.delete(check);
        reject(new BerthError("Timeout", `the watch did not show ${what}; it has ${this.#describe()}`));
      });
      this.#waiting.add(check);
    });
  }

  [Symbol.dispose](): void {
    this.#handle?.close();
  }

  #add(record: WatchRecord): void {
    this.records.push(record);
    for (const check of this.#waiting) check();
  }

  #describe(): string {
    return this.records.map(describeRecord).join("; ") || "nothing";
  }
}

function describeRecord(record: WatchRecord): string {
  switch (record.kind) {
    case "events":
      return record.events
        .map((event) => `${event.type} ${keyString(event.kv.key)} at ${event.kv.modRevision}`)
        .join(", ");
    case "progress":
      return `progress to ${record.revision}`;
    case "closed":
      return `closed (${record.error?.message ?? "no error"})`;
  }
}
