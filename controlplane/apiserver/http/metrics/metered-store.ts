/**
 * A store that counts and times what the API server asks of it, under the names upstream uses for etcd, whatever the
 * engine is.
 */
import type { Clock } from "#pkg/system/clock.ts";
import type { RangeRequest, Store, TxnRequest } from "../../../store/store.ts";
import {
  type Buckets,
  CounterFamily,
  computedFamily,
  HistogramFamily,
  type MetricFamily,
  type Value,
} from "./metric-families.ts";

const bounds = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

interface Children {
  readonly total: Value;
  readonly errors: Value;
  readonly duration: Buckets;
}

export class StoreMetrics {
  readonly #duration = new HistogramFamily(
    "etcd_request_duration_seconds",
    "Time the store takes for a request, in seconds, by operation and resource.",
    ["operation", "type"],
    bounds,
  );
  readonly #total = new CounterFamily("etcd_requests_total", "Requests to the store.", ["operation", "type"]);
  readonly #errors = new CounterFamily("etcd_request_errors_total", "Requests to the store that failed.", [
    "operation",
    "type",
  ]);
  readonly #children = new Map<string, Children>();
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  families(): readonly MetricFamily[] {
    return [
      this.#duration,
      this.#total,
      this.#errors,
      computedFamily("gauge", "apiserver_storage_size_bytes", "Size of the store, in bytes.", async () => {
        const { sizeBytes } = await this.#store.status();
        return [{ labels: { storage_cluster_id: "etcd-0" }, value: sizeBytes }];
      }),
    ];
  }

  childrenFor(operation: string, key: Uint8Array): Children {
    const type = resourceOfKey(key);
    const name = `${operation} ${type}`;
    let children = this.#children.get(name);
    if (!children) {
      children = {
        total: this.#total.with(operation, type),
        errors: this.#errors.with(operation, type),
        duration: this.#duration.with(operation, type),
      };
      this.#children.set(name, children);
    }
    return children;
  }
}

/** Closing stays with the owner of `store`: the result is not disposed of. */
export function meterStore(store: Store, metrics: StoreMetrics, clock: Clock): Store {
  const measure = async <T>(operation: string, key: Uint8Array, action: () => Promise<T>): Promise<T> => {
    const children = metrics.childrenFor(operation, key);
    const startedAt = clock.monotonic();
    children.total.add();
    try {
      return await action();
    } catch (error) {
      children.errors.add();
      throw error;
    } finally {
      children.duration.observe((clock.monotonic() - startedAt) / 1000);
    }
  };
  return {
    range: (request) => measure(operationOfRange(request), request.start, () => store.range(request)),
    txn: (request) => measure(...describeTxn(request), () => store.txn(request)),
    watch: (request, receiver) => store.watch(request, receiver),
    compact: (revision) => store.compact(revision),
    status: () => store.status(),
    leases: store.leases,
    canRequestProgress: store.canRequestProgress,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

const nowhere = new Uint8Array();

function operationOfRange(request: RangeRequest): string {
  if (request.countOnly) return "count";
  return request.end === undefined ? "get" : "list";
}

function describeTxn({ compare, success }: TxnRequest): [string, Uint8Array] {
  const [first] = success;
  if (first?.kind === "delete") return ["delete", first.start];
  if (first?.kind !== "put") return ["txn", nowhere];
  const [condition] = compare;
  const isNew = condition?.operand === 0 && (condition.target === "mod" || condition.target === "version");
  return [isNew ? "create" : "update", first.key];
}

/** "pods" of "/registry/pods/default/x"; groups and what lies outside the registry are told apart no further. */
function resourceOfKey(key: Uint8Array): string {
  const text = Buffer.from(key.buffer, key.byteOffset, Math.min(key.byteLength, 80)).toString("latin1");
  const [, , resource = ""] = text.split("/", 3);
  return resource;
}
