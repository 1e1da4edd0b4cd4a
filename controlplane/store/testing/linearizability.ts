/**
 * Is a recorded history of concurrent operations one that a single copy could have shown, each operation taking effect at
 * one moment between its call and its return? The search of Wing and Gong with the memory of Lowe: take any operation that
 * nothing else had to precede, go on, and never try the same set of operations with the same state twice.
 *
 * An operation whose answer was lost may have happened at any time after its call, or never.
 */

export interface RecordedOperation<Input, Output> {
  readonly input: Input;
  /** Undefined: the answer was lost. */
  readonly output: Output | undefined;
  readonly calledAt: number;
  /** Meaningless without an output. */
  readonly returnedAt: number;
}

export interface SequentialModel<State, Input, Output> {
  readonly initial: State;
  /** The state after the operation; undefined when it cannot give this output there. Without an output anything goes. */
  step(state: State, input: Input, output: Output | undefined): { readonly state: State } | undefined;
  /** Equal for equal states. */
  identity(state: State): string;
}

/** A call or a return in the order of time; taking an operation out unlinks both. */
interface Entry {
  readonly operation: number;
  readonly isCall: boolean;
  previous: Entry | undefined;
  next: Entry | undefined;
  /** Of a call: its return; undefined when the answer was lost. */
  match: Entry | undefined;
}

/** The order in which the operations took effect (lost ones may be missing), or undefined when there is none. */
export function findLinearization<State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  operations: readonly RecordedOperation<Input, Output>[],
): readonly RecordedOperation<Input, Output>[] | undefined {
  const head = buildEntries(operations);
  const taken: { entry: Entry; before: State }[] = [];
  const done = new Uint8Array(operations.length);
  let open = operations.filter((operation) => operation.output !== undefined).length;
  const seen = new Set<string>();
  let state = model.initial;
  let entry = head.next;
  while (open > 0) {
    const operation = entry === undefined ? undefined : operations[entry.operation];
    const next =
      entry?.isCall && operation !== undefined ? model.step(state, operation.input, operation.output) : undefined;
    if (entry !== undefined && next !== undefined && isNew(seen, done, entry.operation, model.identity(next.state))) {
      taken.push({ entry, before: state });
      done[entry.operation] = 1;
      if (entry.match !== undefined) open -= 1;
      state = next.state;
      unlink(entry);
      entry = head.next;
    } else if (entry?.isCall) {
      entry = entry.next;
    } else {
      // A return whose operation has not taken effect: something taken before must be wrong.
      const last = taken.pop();
      if (last === undefined) return undefined;
      relink(last.entry);
      done[last.entry.operation] = 0;
      if (last.entry.match !== undefined) open += 1;
      state = last.before;
      entry = last.entry.next;
    }
  }
  return taken.flatMap(({ entry: { operation } }) => operations[operation] ?? []);
}

function isNew(seen: Set<string>, done: Uint8Array, operation: number, identity: string): boolean {
  done[operation] = 1;
  const key = `${Buffer.from(done.buffer, done.byteOffset, done.byteLength).toString("latin1")}|${identity}`;
  done[operation] = 0;
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}

/** Calls come before returns at the same time: such operations count as concurrent. */
function buildEntries<Input, Output>(operations: readonly RecordedOperation<Input, Output>[]): Entry {
  const timed: { at: number; entry: Entry }[] = [];
  for (const [operation, { output, calledAt, returnedAt }] of operations.entries()) {
    const call: Entry = { operation, isCall: true, previous: undefined, next: undefined, match: undefined };
    timed.push({ at: calledAt, entry: call });
    if (output === undefined) continue;
    const end: Entry = { operation, isCall: false, previous: undefined, next: undefined, match: undefined };
    call.match = end;
    timed.push({ at: returnedAt, entry: end });
  }
  timed.sort((left, right) => left.at - right.at || Number(right.entry.isCall) - Number(left.entry.isCall));
  const head: Entry = { operation: -1, isCall: false, previous: undefined, next: undefined, match: undefined };
  let last = head;
  for (const { entry } of timed) {
    last.next = entry;
    entry.previous = last;
    last = entry;
  }
  return head;
}

function unlink(call: Entry): void {
  for (const entry of [call, call.match]) {
    if (entry?.previous) entry.previous.next = entry.next;
    if (entry?.next) entry.next.previous = entry.previous;
  }
}

/** In the opposite order of `unlink`, so that neighbours find their places. */
function relink(call: Entry): void {
  for (const entry of [call.match, call]) {
    if (entry?.previous) entry.previous.next = entry;
    if (entry?.next) entry.next.previous = entry;
  }
}
