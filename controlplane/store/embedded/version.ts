/**
 * One version of one key, linked to the one before it. The pair itself is immutable and handed out as it is; a version
 * whose value was dropped from memory holds an EvictedPair instead, so that pairs already handed out stay whole.
 */
import type { KeyValue } from "../store.ts";

const noBytes = new Uint8Array(0);

export class Version {
  /** Row of the log; rows of one revision follow each other, later revisions have higher rows. */
  readonly id: number;
  readonly name: string;
  readonly deleted: boolean;
  kv: KeyValue;
  /** The version that this one replaced; undefined when there is none or it was compacted. */
  previous: Version | undefined;

  constructor(id: number, name: string, kv: KeyValue, deleted: boolean, previous: Version | undefined) {
    this.id = id;
    this.name = name;
    this.kv = kv;
    this.deleted = deleted;
    this.previous = previous;
  }
}

/** A pair whose value is on disk only. */
export class EvictedPair implements KeyValue {
  readonly id: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array = noBytes;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: bigint;

  constructor(id: number, kv: KeyValue) {
    this.id = id;
    this.key = kv.key;
    this.createRevision = kv.createRevision;
    this.modRevision = kv.modRevision;
    this.version = kv.version;
    this.lease = kv.lease;
  }

  withValue(value: Uint8Array): KeyValue {
    const { key, createRevision, modRevision, version, lease } = this;
    return { key, value, createRevision, modRevision, version, lease };
  }
}
