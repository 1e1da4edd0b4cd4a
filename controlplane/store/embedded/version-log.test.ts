import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deletedPair } from "../decide-txn.ts";
import { Version } from "./version.ts";
import { VersionLog } from "./version-log.ts";

const version = (id: number, revision: number): Version =>
  new Version(id, "k", deletedPair(new Uint8Array(0), revision), true, undefined);

describe("VersionLog", () => {
  test("behaves like an array from which both ends are taken", () => {
    const action = fc.oneof(
      { weight: 6, arbitrary: fc.constant("push" as const) },
      { weight: 1, arbitrary: fc.constant("pop" as const) },
      { weight: 2, arbitrary: fc.nat(4) },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 100 }), fc.nat(60), (actions, revision) => {
        const log = new VersionLog();
        let model: Version[] = [];
        for (const [index, each] of actions.entries()) {
          if (each === "push") {
            // Two versions share each revision.
            const next = version(index, Math.floor(index / 2));
            log.push(next);
            model.push(next);
          } else if (each === "pop") {
            expect(log.pop()).toBe(model.pop());
          } else {
            const count = Math.min(each, model.length);
            log.drop(count);
            model = model.slice(count);
          }
        }
        expect(Array.from({ length: log.length }, (_, index) => log.at(index))).toEqual(model);
        const first = model.findIndex((each) => each.kv.modRevision >= revision);
        expect(log.indexOf(revision)).toBe(first === -1 ? model.length : first);
      }),
    );
  });
});
