/**
 * Writes a database file in bbolt's format, the one etcd keeps its state in, from sorted entries in one pass. Enough of the
 * format for a file that bbolt opens, checks and goes on writing: two meta pages, an empty free list, a B+tree of leaf
 * and branch pages for each bucket, and the root bucket that names them.
 *
 *   page 0, 1  meta        page 2  free list        page 3...  buckets        last  root bucket
 *
 * Source: go.etcd.io/bbolt page.go, bucket.go, db.go, node.go. Numbers are little endian.
 */
import { BerthError } from "#pkg/system/errors.ts";
import { fnv1a } from "./bbolt-reader.ts";

export interface BoltEntry {
  readonly key: Uint8Array;
  readonly valueBytes: number;
  /** Makes the value; called once, when it is written. */
  value(): Uint8Array;
}

export interface BoltBucket {
  readonly name: string;
  /** Ascending by key, no key twice. */
  readonly entries: readonly BoltEntry[];
}

const pageBytes = 4096;
const pageHeaderBytes = 16;
const elementBytes = 16;
const metaBytes = 64;
const flags = { branch: 0x01, leaf: 0x02, meta: 0x04, freeList: 0x10 } as const;
const bucketFlag = 0x01;
const magic = 0xed0cdaed;
const version = 2;
const freeListPage = 2;

/** A page that will be written: which entries, or which pages below it. */
interface PlannedPage {
  readonly id: number;
  /** Pages it takes, more than one when an entry is larger than a page. */
  readonly pages: number;
  readonly firstKey: Uint8Array;
  readonly content:
    | { readonly kind: "leaf"; readonly entries: readonly BoltEntry[]; readonly areBuckets: boolean }
    | { readonly kind: "branch"; readonly children: readonly PlannedPage[] };
}

export interface BoltPlan {
  readonly totalBytes: number;
  /** The file, piece by piece, in order. */
  write(): Generator<Buffer>;
}

/** Lays the file out. The size is known before anything is written. */
export function planBoltFile(buckets: readonly BoltBucket[]): BoltPlan {
  const pages: PlannedPage[] = [];
  let nextId = freeListPage + 1;
  const plan = (content: PlannedPage["content"], bytes: number, firstKey: Uint8Array): PlannedPage => {
    const page = { id: nextId, pages: Math.ceil(bytes / pageBytes), firstKey, content };
    nextId += page.pages;
    pages.push(page);
    return page;
  };
  const sorted = buckets.toSorted((left, right) => Buffer.compare(Buffer.from(left.name), Buffer.from(right.name)));
  const roots = sorted.map(({ name, entries }) => bucketEntry(name, planTree(entries, false, plan)?.id));
  const root = planTree(roots, true, plan);
  if (root === undefined) throw new BerthError("Internal", "a bbolt file needs at least one bucket");
  return {
    totalBytes: nextId * pageBytes,
    *write() {
      for (const transaction of [0, 1]) yield metaPage(transaction, root.id, nextId);
      yield pageBuffer(freeListPage, flags.freeList, 0, 1);
      for (const page of pages) yield renderPage(page);
    },
  };
}

type Plan = (content: PlannedPage["content"], bytes: number, firstKey: Uint8Array) => PlannedPage;

/** The root page of a tree over the entries; undefined without entries. */
function planTree(entries: readonly BoltEntry[], areBuckets: boolean, plan: Plan): PlannedPage | undefined {
  const sizeOf = (entry: BoltEntry): number => elementBytes + entry.key.length + entry.valueBytes;
  let level = packed(entries, sizeOf).map((part) =>
    plan({ kind: "leaf", entries: part.items, areBuckets }, part.bytes, part.items[0]?.key ?? new Uint8Array(0)),
  );
  while (level.length > 1) {
    level = packed(level, (child) => elementBytes + child.firstKey.length, 2).map((part) =>
      plan({ kind: "branch", children: part.items }, part.bytes, part.items[0]?.firstKey ?? new Uint8Array(0)),
    );
  }
  return level[0];
}

interface Packed<Item> {
  readonly items: readonly Item[];
  readonly bytes: number;
}

/** Cuts items into pages: each takes what fits, and at least `least` items. */
function packed<Item>(items: readonly Item[], sizeOf: (item: Item) => number, least = 1): Packed<Item>[] {
  const parts: Packed<Item>[] = [];
  let part: Item[] = [];
  let bytes = pageHeaderBytes;
  for (const item of items) {
    const size = sizeOf(item);
    if (part.length >= least && bytes + size > pageBytes) {
      parts.push({ items: part, bytes });
      part = [];
      bytes = pageHeaderBytes;
    }
    part.push(item);
    bytes += size;
  }
  if (part.length > 0) parts.push({ items: part, bytes });
  return parts;
}

/** In the root bucket a bucket is its root page and its sequence; one without entries has its empty leaf right there. */
function bucketEntry(name: string, rootPage: number | undefined): BoltEntry {
  const value = Buffer.alloc(rootPage === undefined ? 16 + pageHeaderBytes : 16);
  if (rootPage === undefined) value.writeUInt16LE(flags.leaf, 16 + 8);
  else value.writeBigUInt64LE(BigInt(rootPage), 0);
  return { key: Buffer.from(name), valueBytes: value.length, value: () => value };
}

function renderPage(page: PlannedPage): Buffer {
  const { content } = page;
  if (content.kind === "leaf") return renderLeaf(page, content.entries, content.areBuckets);
  return renderBranch(page, content.children);
}

/** Elements first, then keys and values; an element's position counts from its own start. */
function renderLeaf(page: PlannedPage, entries: readonly BoltEntry[], areBuckets: boolean): Buffer {
  const buffer = pageBuffer(page.id, flags.leaf, entries.length, page.pages);
  let data = pageHeaderBytes + entries.length * elementBytes;
  for (const [index, entry] of entries.entries()) {
    const element = pageHeaderBytes + index * elementBytes;
    buffer.writeUInt32LE(areBuckets ? bucketFlag : 0, element);
    buffer.writeUInt32LE(data - element, element + 4);
    buffer.writeUInt32LE(entry.key.length, element + 8);
    buffer.writeUInt32LE(entry.valueBytes, element + 12);
    buffer.set(entry.key, data);
    const value = entry.value();
    if (value.length !== entry.valueBytes) {
      throw new BerthError("Internal", `an entry of ${entry.valueBytes} bytes turned out to have ${value.length}`);
    }
    buffer.set(value, data + entry.key.length);
    data += entry.key.length + entry.valueBytes;
  }
  return buffer;
}

function renderBranch(page: PlannedPage, children: readonly PlannedPage[]): Buffer {
  const buffer = pageBuffer(page.id, flags.branch, children.length, page.pages);
  let data = pageHeaderBytes + children.length * elementBytes;
  for (const [index, child] of children.entries()) {
    const element = pageHeaderBytes + index * elementBytes;
    buffer.writeUInt32LE(data - element, element);
    buffer.writeUInt32LE(child.firstKey.length, element + 4);
    buffer.writeBigUInt64LE(BigInt(child.id), element + 8);
    buffer.set(child.firstKey, data);
    data += child.firstKey.length;
  }
  return buffer;
}

function pageBuffer(id: number, pageFlags: number, count: number, pages: number): Buffer {
  const buffer = Buffer.alloc(pages * pageBytes);
  buffer.writeBigUInt64LE(BigInt(id), 0);
  buffer.writeUInt16LE(pageFlags, 8);
  buffer.writeUInt16LE(count, 10);
  buffer.writeUInt32LE(pages - 1, 12);
  return buffer;
}

function metaPage(transaction: number, rootPage: number, endPage: number): Buffer {
  const buffer = pageBuffer(transaction, flags.meta, 0, 1);
  const meta = buffer.subarray(pageHeaderBytes, pageHeaderBytes + metaBytes);
  meta.writeUInt32LE(magic, 0);
  meta.writeUInt32LE(version, 4);
  meta.writeUInt32LE(pageBytes, 8);
  meta.writeBigUInt64LE(BigInt(rootPage), 16);
  meta.writeBigUInt64LE(BigInt(freeListPage), 32);
  meta.writeBigUInt64LE(BigInt(endPage), 40);
  meta.writeBigUInt64LE(BigInt(transaction), 48);
  meta.writeBigUInt64LE(fnv1a(meta.subarray(0, 56)), 56);
  return buffer;
}
