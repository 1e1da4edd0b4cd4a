import { describe, expect, test } from "vitest";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import type * as pb from "../generated/etcd.ts";
import { MemoryStore } from "../testing/memory-store.ts";
import { bytes, StoreClient, text } from "../testing/store-client.ts";
import type { GrpcStreamHandler } from "./grpc-server.ts";
import { watchHandlers } from "./watch-service.ts";

interface Sent {
  readonly header: { readonly revision: number };
  readonly watchId: bigint | number;
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly cancelReason?: string;
  readonly compactRevision?: number;
  readonly fragment?: boolean;
  readonly events?: readonly { readonly kv: { readonly value: Uint8Array; readonly modRevision: number } }[];
}

/** One stream of the service on a memory store; the client takes everything until `isSlow`. */
function setUp() {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock });
  const client = new StoreClient(store, "k/");
  const sent: Sent[] = [];
  const state = { isSlow: false, ended: false };
  const [handler] = watchHandlers({
    store,
    headerOf: (revision) => ({ revision }),
    clock,
    progressIntervalMs: 60_000,
    fragmentBytes: 1000,
  });
  if (handler?.kind !== "stream") throw new TypeError("Watch is a stream");
  const stream = handler.open({
    send: (answer) => {
      sent.push(answer as Sent);
      return !state.isSlow;
    },
    end: () => {
      state.ended = true;
    },
  }) as unknown as GrpcStreamHandler<pb.WatchRequest>;
  const create = async (options: Partial<pb.WatchCreateRequest> = {}): Promise<void> => {
    const defaults = {
      startRevision: 0n,
      progressNotify: false,
      filters: [],
      prevKv: false,
      watchId: 0n,
      fragment: false,
    };
    stream.message({ createRequest: { key: bytes("k/"), rangeEnd: bytes("k0"), ...defaults, ...options } });
    await clock.advance(0);
  };
  const values = (): string[] =>
    sent.flatMap((answer) => (answer.events ?? []).map((event) => `${answer.watchId}:${text(event.kv.value)}`));
  return { clock, store, client, sent, state, stream, create, values };
}

describe("Watch", () => {
  test("carries many watches, each with an ID of its own, picked or asked for", async () => {
    const { client, sent, create, values } = setUp();
    await create();
    await create({ watchId: 7n });
    await create();
    await create({ watchId: 7n });
    expect(sent.map(({ watchId, created, canceled }) => [Number(watchId), created, canceled ?? false])).toEqual([
      [0, true, false],
      [7, true, false],
      [1, true, false],
      [-1, true, true],
    ]);
    await client.put("a", "x");
    expect(values().sort()).toEqual(["0:x", "1:x", "7:x"]);
  });

  test("cancels one watch and leaves the others", async () => {
    const { client, clock, sent, stream, create, values } = setUp();
    await create();
    await create();
    stream.message({ cancelRequest: { watchId: 0n } });
    await clock.advance(0);
    expect(sent.at(-1)).toMatchObject({ watchId: 0n, canceled: true });
    await client.put("a", "x");
    expect(values()).toEqual(["1:x"]);
  });

  test("leaves out puts or deletions when asked to", async () => {
    const { client, create, sent } = setUp();
    await create({ filters: ["NODELETE"] });
    await create({ filters: ["NOPUT"] });
    await client.put("a", "x");
    await client.delete("a");
    const events = sent.filter((answer) => answer.events !== undefined);
    expect(events.map((answer) => [answer.watchId, answer.header.revision])).toEqual([
      [0n, 2],
      [1n, 3],
    ]);
  });

  test("cuts large answers for those who asked for fragments, and marks all but the last", async () => {
    const { client, create, sent } = setUp();
    await create({ fragment: true });
    await create();
    await client.do(...["a", "b", "c"].map((name) => client.putOperation(name, "x".repeat(400))));
    const parts = sent.filter((answer) => answer.events !== undefined);
    expect(parts.map((part) => [Number(part.watchId), part.events?.length, part.fragment])).toEqual([
      [0, 2, true],
      [0, 1, false],
      [1, 3, false],
    ]);
  });

  test("puts watches down for a slow client and goes on where it was", async () => {
    const { client, clock, state, stream, create, values } = setUp();
    await create();
    state.isSlow = true;
    await client.put("a", "1");
    for (const value of ["2", "3", "4"]) await client.put("a", value);
    expect(values()).toEqual(["0:1"]);
    state.isSlow = false;
    stream.drained?.();
    await clock.advance(0);
    expect(values()).toEqual(["0:1", "0:2", "0:3", "0:4"]);
    await client.put("a", "5");
    expect(values().at(-1)).toBe("0:5");
  });

  test("a client slower than history is kept gets the compaction error", async () => {
    const { client, clock, store, state, stream, create, sent } = setUp();
    await create();
    state.isSlow = true;
    await client.put("a", "1");
    for (const value of ["2", "3"]) await client.put("a", value);
    await store.compact(4);
    state.isSlow = false;
    stream.drained?.();
    await clock.advance(0);
    expect(sent.at(-1)).toMatchObject({
      watchId: 0n,
      canceled: true,
      compactRevision: 4,
      cancelReason: "etcdserver: mvcc: required revision has been compacted",
    });
  });

  test("answers a progress request once for all watches, when all are up to date", async () => {
    const { client, clock, state, stream, create, sent } = setUp();
    await create();
    await create({ key: bytes("other") });
    state.isSlow = true;
    await client.put("a", "1");
    await client.put("a", "2");
    stream.message({ progressRequest: {} });
    await clock.advance(0);
    expect(sent.some((answer) => answer.watchId === -1)).toBe(false);
    state.isSlow = false;
    stream.drained?.();
    await clock.advance(0);
    const at = sent.findIndex((answer) => answer.watchId === -1);
    expect(sent[at]).toMatchObject({ watchId: -1, header: { revision: 3 } });
    expect(sent.slice(0, at).flatMap((answer) => answer.events ?? [])).toHaveLength(2);
    expect(sent.filter((answer) => answer.watchId === -1)).toHaveLength(1);
  });

  test("answers a progress request without watches", async () => {
    const { clock, stream, sent } = setUp();
    stream.message({ progressRequest: {} });
    await clock.advance(0);
    expect(sent).toEqual([{ header: { revision: 1 }, watchId: -1 }]);
  });

  test("tells quiet watches the revision at times, if they asked for it", async () => {
    const { client, clock, create, sent } = setUp();
    await create({ progressNotify: true });
    await create();
    await client.put("a", "1");
    await clock.advance(60_000);
    const quiet = (): unknown[] => sent.filter((answer) => !answer.created && answer.events === undefined);
    expect(quiet()).toEqual([]);
    await clock.advance(60_000);
    expect(quiet()).toEqual([{ header: { revision: 2 }, watchId: 0n }]);
  });

  test("ends with its client: watches close and the stream is answered", async () => {
    const { client, clock, create, stream, state, values } = setUp();
    await create();
    stream.ended();
    await clock.advance(0);
    expect(state.ended).toBe(true);
    stream.closed();
    await client.put("a", "1");
    expect(values()).toEqual([]);
  });
});
