import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type * as pb from "../generated/etcd.ts";
import { decodeMessage } from "./descriptor.ts";
import { encodeKeyValue, keyValueBytes } from "./key-value-bytes.ts";
import { fromKeyValue } from "./response-messages.ts";

describe("encodeKeyValue", () => {
  test("makes what the descriptor's decoder reads, of exactly the size told before", () => {
    const pair = fc.record({
      key: fc.uint8Array(),
      value: fc.uint8Array({ maxLength: 300 }),
      createRevision: fc.nat(),
      modRevision: fc.maxSafeNat(),
      version: fc.nat(),
      lease: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
    });
    fc.assert(
      fc.property(pair, (kv) => {
        const bytes = encodeKeyValue(kv);
        expect(bytes.length).toBe(keyValueBytes(kv));
        const back = fromKeyValue(decodeMessage("mvccpb.KeyValue", bytes) as pb.KeyValue);
        expect({ ...back, key: [...back.key], value: [...back.value] }).toEqual({
          ...kv,
          key: [...kv.key],
          value: [...kv.value],
        });
      }),
    );
  });
});
