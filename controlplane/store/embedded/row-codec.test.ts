import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeRows, encodeRows, type LogRow, rowBytes } from "./row-codec.ts";

const row: fc.Arbitrary<LogRow> = fc.record({
  id: fc.maxSafeNat(),
  kv: fc.record({
    key: fc.uint8Array({ minLength: 1 }),
    value: fc.uint8Array({ maxLength: 500 }),
    createRevision: fc.maxSafeNat(),
    modRevision: fc.maxSafeNat(),
    version: fc.nat(),
    lease: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  }),
  deleted: fc.boolean(),
  last: fc.boolean(),
});

describe("encodeRows", () => {
  test("and decodeRows are each other's inverse", () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 10 }), (rows) => {
        const decoded = [...decodeRows(encodeRows(rows))];
        const plain = ({ id, kv, deleted, last }: LogRow): unknown => ({
          ...{ id, deleted, last },
          kv: { ...kv, key: [...kv.key], value: [...kv.value] },
        });
        expect(decoded.map(plain)).toEqual(rows.map(plain));
        expect(decoded.map((each) => each.bytes.length)).toEqual(rows.map(rowBytes));
        expect(decoded.map((each) => each.name)).toEqual(rows.map(({ kv }) => Buffer.from(kv.key).toString("latin1")));
      }),
    );
  });
});
