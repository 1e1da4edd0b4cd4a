/**
 * A client that does random register operations on a few keys and records each with its times, for checks of whole
 * histories: linearizable per key, revisions in the order of time, nothing in the log that nobody wrote.
 */
import type { Clock } from "#pkg/system/clock.ts";
import { type Random, randomInt } from "#pkg/system/random.ts";
import type { Store, TxnResponse, WatchEvent } from "../store.ts";
import { findLinearization, type RecordedOperation } from "./linearizability.ts";
import { type RegisterInput, type RegisterOutput, registerModel } from "./register-model.ts";
import { StoreClient, text } from "./store-client.ts";

export interface RegisterOperation extends RecordedOperation<RegisterInput, RegisterOutput> {
  readonly key: string;
  /** Of an acknowledged change. */
  readonly revision: number | undefined;
}

export interface HistoryClientOptions {
  readonly store: Store;
  readonly prefix: string;
  readonly keys: number;
  /** Makes this client's values differ from everybody else's. */
  readonly name: string;
  readonly random: Random;
  readonly clock: Pick<Clock, "monotonic">;
  /** Told before an operation begins and after it ended. */
  readonly onCall?: (id: string, key: string, input: RegisterInput) => void;
  readonly onReturn?: (id: string, output: RegisterOutput, revision: number | undefined) => void;
}

export class HistoryClient {
  readonly operations: RegisterOperation[] = [];
  readonly #options: HistoryClientOptions;
  readonly #client: StoreClient;
  #count = 0;
  /** What this client saw last of each key: swaps from it often succeed. */
  readonly #seen = new Map<string, string>();

  constructor(options: HistoryClientOptions) {
    this.#options = options;
    this.#client = new StoreClient(options.store, options.prefix);
  }

  /** One operation. A failure leaves it recorded as lost, and is thrown on. */
  async step(): Promise<void> {
    const { random, clock, name, keys, onCall, onReturn } = this.#options;
    const id = `${name}.${this.#count++}`;
    const key = `k${randomInt(random, keys)}`;
    const input = this.#choose(id, key);
    const calledAt = clock.monotonic();
    onCall?.(id, key, input);
    let output: RegisterOutput | undefined;
    let revision: number | undefined;
    try {
      ({ output, revision } = await this.#run(key, input));
      onReturn?.(id, output, revision);
    } finally {
      this.operations.push({ key, input, output, calledAt, returnedAt: clock.monotonic(), revision });
    }
  }

  #choose(id: string, key: string): RegisterInput {
    const die = randomInt(this.#options.random, 10);
    if (die < 3) return { kind: "read" };
    if (die < 4) return { kind: "delete" };
    if (die < 7) return { kind: "swap", from: this.#seen.get(key) ?? "none", to: id };
    return { kind: "write", value: id };
  }

  async #run(key: string, input: RegisterInput): Promise<{ output: RegisterOutput; revision: number | undefined }> {
    const client = this.#client;
    switch (input.kind) {
      case "read": {
        const value = (await client.get(key))?.value;
        if (value !== undefined) this.#seen.set(key, value);
        return { output: { kind: "read", value }, revision: undefined };
      }
      case "write": {
        const revision = await client.put(key, input.value);
        this.#seen.set(key, input.value);
        return { output: { kind: "written" }, revision };
      }
      case "delete": {
        const { revision, results } = await client.do(client.deleteOperation(key));
        const changed = results[0]?.kind === "delete" && results[0].deleted > 0;
        return { output: { kind: "written" }, revision: changed ? revision : undefined };
      }
      case "swap": {
        const { succeeded, revision } = await this.#swap(key, input.from, input.to);
        if (succeeded) this.#seen.set(key, input.to);
        return { output: { kind: "swapped", succeeded }, revision: succeeded ? revision : undefined };
      }
    }
  }

  #swap(key: string, from: string, to: string): Promise<TxnResponse> {
    const client = this.#client;
    return this.#options.store.txn({
      compare: [client.compare(key, "value", "equal", from)],
      success: [client.putOperation(key, to)],
      failure: [client.rangeOperation(key)],
    });
  }
}

/**
 * One sentence for each thing wrong with a history; empty when it is one a single copy could have shown. `initial` is the
 * state before it, by key.
 */
export function historyProblems(
  operations: readonly RegisterOperation[],
  initial: Readonly<Record<string, string>> = {},
): readonly string[] {
  const problems: string[] = [];
  const keys = new Set(operations.map(({ key }) => key));
  for (const key of keys) {
    const own = operations.filter((operation) => operation.key === key);
    const model = { ...registerModel, initial: initial[key] };
    if (findLinearization(model, own) === undefined) problems.push(`${key} is not linearizable`);
  }
  return [...problems, ...revisionProblems(operations)];
}

/** A change that began after another one ended has the higher revision, and no two changes share one. */
function revisionProblems(operations: readonly RegisterOperation[]): string[] {
  const problems: string[] = [];
  const changes = operations.filter((operation) => operation.revision !== undefined);
  const byRevision = changes.toSorted((left, right) => (left.revision ?? 0) - (right.revision ?? 0));
  let latestCall = Number.NEGATIVE_INFINITY;
  let last = 0;
  for (const { revision = 0, calledAt, returnedAt } of byRevision) {
    if (revision === last) problems.push(`two changes have revision ${revision}`);
    if (returnedAt < latestCall) problems.push(`revision ${revision} ended before a lower one began`);
    latestCall = Math.max(latestCall, calledAt);
    last = revision;
  }
  return problems;
}

/**
 * Compares a history with the log that a watch from the beginning tells: every acknowledged change is in it at its
 * revision, and every value in it was written by somebody.
 */
export function logProblems(
  operations: readonly RegisterOperation[],
  events: readonly WatchEvent[],
): readonly string[] {
  const problems: string[] = [];
  const byRevision = new Map(events.map((event) => [event.kv.modRevision, event]));
  const written = new Set<string>();
  for (const { input, revision, key } of operations) {
    if (input.kind === "write") written.add(input.value);
    if (input.kind === "swap") written.add(input.to);
    if (revision === undefined) continue;
    const event = byRevision.get(revision);
    if (event === undefined) problems.push(`acknowledged revision ${revision} of ${key} is lost`);
    else if (!matches(event, input)) problems.push(`revision ${revision} holds something else than was acknowledged`);
  }
  for (const { type, kv } of events) {
    if (type === "put" && !written.has(text(kv.value))) problems.push(`revision ${kv.modRevision} is a phantom`);
  }
  return problems;
}

function matches(event: WatchEvent, input: RegisterInput): boolean {
  if (input.kind === "delete") return event.type === "delete";
  const value = input.kind === "write" ? input.value : input.kind === "swap" ? input.to : undefined;
  return event.type === "put" && text(event.kv.value) === value;
}
