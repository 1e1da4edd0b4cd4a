import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findLinearization, type RecordedOperation } from "./linearizability.ts";
import { type RegisterInput, type RegisterOutput, registerModel } from "./register-model.ts";

type Operation = RecordedOperation<RegisterInput, RegisterOutput>;

const write = (value: string, calledAt: number, returnedAt: number, known = true): Operation => ({
  input: { kind: "write", value },
  output: known ? { kind: "written" } : undefined,
  calledAt,
  returnedAt,
});
const read = (value: string | undefined, calledAt: number, returnedAt: number): Operation => ({
  input: { kind: "read" },
  output: { kind: "read", value },
  calledAt,
  returnedAt,
});
const swap = (from: string, to: string, succeeded: boolean, calledAt: number, returnedAt: number): Operation => ({
  input: { kind: "swap", from, to },
  output: { kind: "swapped", succeeded },
  calledAt,
  returnedAt,
});

const linearizable: Record<string, Operation[]> = {
  "nothing at all": [],
  "one after the other": [write("a", 0, 1), read("a", 2, 3), write("b", 4, 5), read("b", 6, 7)],
  "a read beside a write sees either state": [write("a", 0, 10), read(undefined, 1, 2), read("a", 3, 4)],
  "two writes beside each other in either order": [write("a", 0, 10), write("b", 0, 10), read("a", 11, 12)],
  "a lost write that happened": [write("a", 0, 0, false), read("a", 5, 6)],
  "a lost write that never happened": [write("a", 0, 0, false), read(undefined, 5, 6)],
  "a lost write that happens late": [write("a", 0, 0, false), read(undefined, 5, 6), read("a", 7, 8)],
  "one of two swaps wins": [
    write("a", 0, 1),
    swap("a", "b", true, 2, 9),
    swap("a", "c", false, 2, 9),
    read("b", 10, 11),
  ],
};

const notLinearizable: Record<string, Operation[]> = {
  "a stale read": [write("a", 0, 1), write("b", 2, 3), read("a", 4, 5)],
  "an acknowledged write that is gone": [write("a", 0, 1), read(undefined, 2, 3)],
  "a value nobody wrote": [write("a", 0, 1), read("x", 2, 3)],
  "reads that go back in time": [write("a", 0, 1), write("b", 2, 20), read("b", 3, 4), read("a", 5, 6)],
  "two swaps that both win": [write("a", 0, 1), swap("a", "b", true, 2, 9), swap("a", "c", true, 2, 9)],
  "a lost write before its call": [read("a", 0, 1), write("a", 2, 2, false)],
};

describe("findLinearization", () => {
  test.each(Object.entries(linearizable))("accepts %s", (_name, operations) => {
    expect(findLinearization(registerModel, operations)).toBeDefined();
  });

  test.each(Object.entries(notLinearizable))("refuses %s", (_name, operations) => {
    expect(findLinearization(registerModel, operations)).toBeUndefined();
  });

  test("accepts every history of a real register, and finds an order that gives its answers", () => {
    const step = fc.record({ lead: fc.nat(20), lag: fc.nat(20), what: fc.nat(2), lost: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let value: string | undefined;
        const history = steps.map(({ lead, lag, what, lost }, index): Operation => {
          // The effect is at `index * 5`; call and return lie around it, so neighbours overlap.
          const [calledAt, returnedAt] = [index * 5 - lead, index * 5 + lag];
          const isLost = lost === 0;
          if (what === 0) return read(value, calledAt, returnedAt);
          const next = `v${index}`;
          if (what === 1) {
            if (!isLost) value = next;
            return write(next, calledAt, returnedAt, !isLost);
          }
          const from = `v${index - 1}`;
          const succeeded = value === from;
          if (succeeded) value = next;
          return swap(from, next, succeeded, calledAt, returnedAt);
        });
        const order = findLinearization(registerModel, history);
        expect(order).toBeDefined();
        let state: string | undefined;
        for (const { input, output } of order ?? []) {
          const next = registerModel.step(state, input, output);
          expect(next).toBeDefined();
          state = next?.state;
        }
      }),
    );
  });
});
