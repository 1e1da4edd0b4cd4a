import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type * as pb from "../generated/etcd.ts";
import type { Compare, Operation, RangeRequest, TxnRequest } from "../store.ts";
import { decodeMessage, encodeMessage } from "./descriptor.ts";
import { fromTxnRequest, toTxnRequest } from "./request-messages.ts";

const key = fc.uint8Array({ minLength: 1, maxLength: 5 });
const range: fc.Arbitrary<RangeRequest> = fc.record({
  start: key,
  end: fc.option(key, { nil: undefined }),
  limit: fc.nat(),
  revision: fc.maxSafeNat(),
  countOnly: fc.boolean(),
  keysOnly: fc.boolean(),
  serializable: fc.boolean(),
  minModRevision: fc.nat(),
  maxModRevision: fc.nat(),
  minCreateRevision: fc.nat(),
  maxCreateRevision: fc.nat(),
  sort: fc.option(
    fc.record({
      by: fc.constantFrom("key" as const, "version" as const, "create" as const, "mod" as const, "value" as const),
      descending: fc.boolean(),
    }),
    { nil: undefined },
  ),
});
const flat: fc.Arbitrary<Operation> = fc.oneof(
  range.map((request): Operation => ({ kind: "range", ...request })),
  fc.record({
    kind: fc.constant("put" as const),
    key,
    value: fc.uint8Array(),
    lease: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
    prevKv: fc.boolean(),
    ignoreValue: fc.boolean(),
    ignoreLease: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("delete" as const),
    start: key,
    end: fc.option(key, { nil: undefined }),
    prevKv: fc.boolean(),
  }),
);
const relation = fc.constantFrom("equal" as const, "notEqual" as const, "greater" as const, "less" as const);
const end = fc.option(key, { nil: undefined });
const compare: fc.Arbitrary<Compare> = fc.oneof(
  fc.record({
    start: key,
    end,
    target: fc.constantFrom("version" as const, "create" as const, "mod" as const),
    relation,
    operand: fc.maxSafeNat(),
  }),
  fc.record({ start: key, end, target: fc.constant("value" as const), relation, operand: fc.uint8Array() }),
  fc.record({
    start: key,
    end,
    target: fc.constant("lease" as const),
    relation,
    operand: fc.bigInt(0n, 2n ** 63n - 1n),
  }),
);
const level = fc.record({ compare: fc.array(compare), success: fc.array(flat), failure: fc.array(flat) });
const txn: fc.Arbitrary<TxnRequest> = fc
  .tuple(level, level)
  .map(([outer, inner]) => ({ ...outer, failure: [...outer.failure, { kind: "txn" as const, ...inner }] }));

/** Bytes as arrays, so that views and buffers compare. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}

describe("toTxnRequest", () => {
  test("and fromTxnRequest are each other's inverse, through the wire", () => {
    fc.assert(
      fc.property(txn, (request) => {
        const bytes = encodeMessage("etcdserverpb.TxnRequest", toTxnRequest(request));
        const back = fromTxnRequest(decodeMessage("etcdserverpb.TxnRequest", bytes) as pb.TxnRequest);
        expect(plain(back)).toEqual(plain(request));
      }),
    );
  });
});

describe("fromTxnRequest", () => {
  test("refuses an operation that says nothing, as etcd does", () => {
    expect(() => fromTxnRequest({ compare: [], success: [{}], failure: [] })).toThrow("etcdserver: key not found");
  });
});
