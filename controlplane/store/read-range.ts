/**
 * What a range request answers, given the pairs of its range: filters, order, limit and count as etcd applies them.
 * Pure. Every engine reads through this one function, so that none can differ in the corners.
 * Source: etcd server/etcdserver/apply.go Range: `count` counts the range before filters and limit; sorting and
 * filtering happen on the whole range, the limit comes last.
 */
import { assertNever } from "#pkg/system/errors.ts";
import { type Bounds, boundsOf, compareBytes } from "./keys.ts";
import type { KeyValue, RangeRequest, RangeResponse, SortTarget } from "./store.ts";

/** A readable state. */
export interface KeyView {
  /** Pairs in the bounds as of `revision`, ascending by key, at most `most` of them; `count` counts all. */
  pairs(
    bounds: Bounds,
    revision: number,
    most: number,
  ): { readonly pairs: readonly KeyValue[]; readonly count: number };
}

const noBytes = new Uint8Array(0);

export function readRange(view: KeyView, request: RangeRequest, revision: number): Omit<RangeResponse, "revision"> {
  const bounds = boundsOf(request);
  if (request.countOnly) return { kvs: [], more: false, count: view.pairs(bounds, revision, 0).count };
  const limit = request.limit ?? 0;
  const keep = buildFilter(request);
  const sorted = request.sort !== undefined && (request.sort.by !== "key" || request.sort.descending);
  const most = limit > 0 && keep === undefined && !sorted ? limit : Number.POSITIVE_INFINITY;
  const found = view.pairs(bounds, revision, most);
  let kvs = keep === undefined ? found.pairs : found.pairs.filter(keep);
  if (sorted && request.sort !== undefined) kvs = sortPairs(kvs, request.sort.by, request.sort.descending);
  const more = limit > 0 && (most === limit ? found.count > limit : kvs.length > limit);
  if (limit > 0 && kvs.length > limit) kvs = kvs.slice(0, limit);
  if (request.keysOnly) kvs = kvs.map((kv) => ({ ...kv, value: noBytes }));
  return { kvs, more, count: found.count };
}

function buildFilter(request: RangeRequest): ((kv: KeyValue) => boolean) | undefined {
  const { minModRevision = 0, maxModRevision = 0, minCreateRevision = 0, maxCreateRevision = 0 } = request;
  if (minModRevision + maxModRevision + minCreateRevision + maxCreateRevision === 0) return undefined;
  return (kv) =>
    (minModRevision === 0 || kv.modRevision >= minModRevision) &&
    (maxModRevision === 0 || kv.modRevision <= maxModRevision) &&
    (minCreateRevision === 0 || kv.createRevision >= minCreateRevision) &&
    (maxCreateRevision === 0 || kv.createRevision <= maxCreateRevision);
}

function sortPairs(kvs: readonly KeyValue[], by: SortTarget, descending: boolean): readonly KeyValue[] {
  const ascending = comparatorOf(by);
  return kvs.toSorted(descending ? (left, right) => ascending(right, left) : ascending);
}

function comparatorOf(by: SortTarget): (left: KeyValue, right: KeyValue) => number {
  switch (by) {
    case "key":
      return (left, right) => compareBytes(left.key, right.key);
    case "value":
      return (left, right) => compareBytes(left.value, right.value);
    case "version":
      return (left, right) => left.version - right.version;
    case "create":
      return (left, right) => left.createRevision - right.createRevision;
    case "mod":
      return (left, right) => left.modRevision - right.modRevision;
    default:
      return assertNever(by, "sort target");
  }
}
