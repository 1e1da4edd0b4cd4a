/** Words for tests over a Store: text keys below a prefix, text values, and the four shapes Kubernetes uses. */
import { everything, keyString, prefixEnd } from "../keys.ts";
import type {
  Compare,
  DeleteOperation,
  KeyRange,
  KeyValue,
  Operation,
  PutOperation,
  RangeRequest,
  RangeResponse,
  Store,
  TxnResponse,
  WatchEvent,
  WatchRequest,
} from "../store.ts";
import { WatchRecorder } from "./watch-recorder.ts";

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Uint8Array): string => new TextDecoder().decode(value);

/** A pair as text, without its prefix: what tests compare. */
export interface TextPair {
  readonly key: string;
  readonly value: string;
  readonly create: number;
  readonly mod: number;
  readonly version: number;
}

export class StoreClient {
  readonly store: Store;
  readonly prefix: string;

  constructor(store: Store, prefix = "") {
    this.store = store;
    this.prefix = prefix;
  }

  key(name: string): Uint8Array {
    return bytes(this.prefix + name);
  }

  /** Everything of this client, or everything whose name begins with `name`. */
  all(name = ""): Required<KeyRange> {
    const start = this.key(name);
    return start.length === 0 ? everything : { start, end: prefixEnd(start) };
  }

  /** Names from `start` up to, without, `end`. */
  between(start: string, end: string): Required<KeyRange> {
    return { start: this.key(start), end: this.key(end) };
  }

  putOperation(name: string, value: string, options: Partial<PutOperation> = {}): PutOperation {
    return { kind: "put", key: this.key(name), value: bytes(value), ...options };
  }

  deleteOperation(name: string, options: Partial<DeleteOperation> = {}): DeleteOperation {
    return { kind: "delete", start: this.key(name), ...options };
  }

  rangeOperation(name: string, options: Partial<RangeRequest> = {}): Operation {
    return { kind: "range", start: this.key(name), ...options };
  }

  compare(
    name: string,
    target: Compare["target"],
    relation: Compare["relation"],
    operand: Compare["operand"] | string,
  ): Compare {
    const value = typeof operand === "string" ? bytes(operand) : operand;
    return { start: this.key(name), target, relation, operand: value };
  }

  do(...success: Operation[]): Promise<TxnResponse> {
    return this.store.txn({ compare: [], success, failure: [] });
  }

  /** Resolves with the revision of the write. */
  async put(name: string, value: string, options: Partial<PutOperation> = {}): Promise<number> {
    return (await this.do(this.putOperation(name, value, options))).revision;
  }

  async delete(name: string): Promise<number> {
    return (await this.do(this.deleteOperation(name))).revision;
  }

  async get(name: string, revision = 0): Promise<TextPair | undefined> {
    const { kvs } = await this.store.range({ start: this.key(name), revision });
    return kvs[0] === undefined ? undefined : this.pair(kvs[0]);
  }

  range(request: Partial<RangeRequest> = {}): Promise<RangeResponse> {
    return this.store.range({ ...this.all(), ...request });
  }

  async names(request: Partial<RangeRequest> = {}): Promise<string[]> {
    return (await this.range(request)).kvs.map((kv) => this.name(kv));
  }

  async revision(): Promise<number> {
    return (await this.range({ countOnly: true })).revision;
  }

  watch(request: Partial<WatchRequest> = {}): Promise<WatchRecorder> {
    return WatchRecorder.start(this.store, { ...this.all(), ...request });
  }

  name(kv: KeyValue): string {
    return keyString(kv.key).slice(this.prefix.length);
  }

  pair(kv: KeyValue): TextPair {
    return {
      key: this.name(kv),
      value: text(kv.value),
      create: kv.createRevision,
      mod: kv.modRevision,
      version: kv.version,
    };
  }

  /** "put a=1 @5", "delete a @6", with "(was 0)" when a previous pair came along. */
  eventText(event: WatchEvent): string {
    const what = event.type === "put" ? `${this.name(event.kv)}=${text(event.kv.value)}` : this.name(event.kv);
    const was = event.prevKv === undefined ? "" : ` (was ${text(event.prevKv.value)})`;
    return `${event.type} ${what} @${event.kv.modRevision}${was}`;
  }
}
