/**
 * Reads a bucket of a bbolt file that is whole in memory: the counterpart of bbolt-writer.ts, for files of etcd too.
 * Every offset is checked, so a damaged file throws "Corrupt" instead of giving nonsense.
 * Source: go.etcd.io/bbolt page.go, bucket.go, db.go.
 */
import { BerthError } from "#pkg/system/errors.ts";

const pageHeaderBytes = 16;
const elementBytes = 16;
const flags = { branch: 0x01, leaf: 0x02 } as const;
const bucketFlag = 0x01;
const magic = 0xed0cdaed;
export interface BoltPair {
  readonly key: Buffer;
  readonly value: Buffer;
}

export class BoltFile {
  readonly #file: Buffer;
  readonly #pageBytes: number;
  readonly #rootPage: number;

  /** Throws "Corrupt" when this is no bbolt file. */
  constructor(file: Uint8Array) {
    this.#file = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
    const meta = newestMeta(this.#file);
    this.#pageBytes = meta.pageBytes;
    this.#rootPage = meta.rootPage;
  }

  /** The entries of a bucket in the order of their keys; none when there is no such bucket. */
  *entries(bucket: string): Generator<BoltPair> {
    const seen = new Set<number>();
    for (const { key, value, isBucket } of this.#page(this.#pageAt(this.#rootPage, seen), seen)) {
      if (!isBucket || key.toString() !== bucket) continue;
      if (value.length < 16) throw corrupt("a bucket is cut short");
      const rootPage = Number(value.readBigUInt64LE(0));
      // A small bucket lies where its name is.
      yield* this.#page(rootPage === 0 ? value.subarray(16) : this.#pageAt(rootPage, seen), seen);
    }
  }

  *#page(page: Buffer, seen: Set<number>): Generator<BoltPair & { readonly isBucket: boolean }> {
    if (page.length < pageHeaderBytes) throw corrupt("a page is cut short");
    const kind = page.readUInt16LE(8);
    const count = page.readUInt16LE(10);
    if (pageHeaderBytes + count * elementBytes > page.length) throw corrupt("a page is cut short");
    if (kind !== flags.leaf && kind !== flags.branch) throw corrupt(`a page has flags ${kind}`);
    for (let index = 0; index < count; index++) {
      const element = pageHeaderBytes + index * elementBytes;
      if (kind === flags.branch) {
        yield* this.#page(this.#pageAt(Number(page.readBigUInt64LE(element + 8)), seen), seen);
      } else {
        yield leafElement(page, element);
      }
    }
  }

  /** A page belongs to one place in one tree, so a second visit means damage. */
  #pageAt(id: number, seen: Set<number>): Buffer {
    if (seen.has(id)) throw corrupt(`page ${id} is in two places`);
    seen.add(id);
    const start = id * this.#pageBytes;
    if (!Number.isSafeInteger(start) || start + this.#pageBytes > this.#file.length) {
      throw corrupt(`it ends before page ${id}`);
    }
    const pages = this.#file.readUInt32LE(start + 12) + 1;
    return this.#file.subarray(start, start + pages * this.#pageBytes);
  }
}

function leafElement(page: Buffer, element: number): BoltPair & { readonly isBucket: boolean } {
  const start = element + page.readUInt32LE(element + 4);
  const middle = start + page.readUInt32LE(element + 8);
  const end = middle + page.readUInt32LE(element + 12);
  if (end > page.length) throw corrupt("an entry reaches past its page");
  const isBucket = (page.readUInt32LE(element) & bucketFlag) !== 0;
  return { key: page.subarray(start, middle), value: page.subarray(middle, end), isBucket };
}

interface Meta {
  readonly pageBytes: number;
  readonly rootPage: number;
  readonly transaction: bigint;
}

/** Two pages take turns as the meta page; the newer one that is whole counts. */
function newestMeta(file: Buffer): Meta {
  const first = readMeta(file, pageHeaderBytes);
  const second = readMeta(file, (first?.pageBytes ?? 4096) + pageHeaderBytes);
  if (first === undefined && second === undefined) throw corrupt("it has no meta page: not a bbolt file");
  if (first === undefined || (second !== undefined && second.transaction > first.transaction)) return second as Meta;
  return first;
}

function readMeta(file: Buffer, at: number): Meta | undefined {
  if (at + 64 > file.length) return undefined;
  const meta = file.subarray(at, at + 64);
  if (meta.readUInt32LE(0) !== magic || meta.readBigUInt64LE(56) !== fnv1a(meta.subarray(0, 56))) return undefined;
  return {
    pageBytes: meta.readUInt32LE(8),
    rootPage: Number(meta.readBigUInt64LE(16)),
    transaction: meta.readBigUInt64LE(48),
  };
}

/** FNV-1a, 64 bits: the checksum of meta pages. */
export function fnv1a(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

function corrupt(what: string): BerthError {
  return new BerthError("Corrupt", `the bbolt file is damaged: ${what}`);
}
