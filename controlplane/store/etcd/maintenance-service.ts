/** etcd's Maintenance, Cluster and Auth services: a cluster of one member, without users. */
import { crc32 } from "node:zlib";
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { etcdError } from "../etcd-errors.ts";
import type * as pb from "../generated/etcd.ts";
import { everything } from "../keys.ts";
import type { Store } from "../store.ts";
import { authService, clusterService, maintenanceService } from "./descriptor.ts";
import type { GrpcHandler, GrpcStream } from "./grpc-server.ts";
import { encodeKeyValue } from "./key-value-bytes.ts";
import { numberOf } from "./request-messages.ts";
import type { HeaderOf } from "./response-messages.ts";
import { refused, streaming, unary } from "./service-handlers.ts";
import { takeSnapshot } from "./snapshot.ts";

export interface MaintenanceOptions {
  readonly store: Store;
  readonly headerOf: HeaderOf;
  readonly memberId: bigint;
  /** Where clients reach this member. */
  readonly clientUrls: () => readonly string[];
  readonly defragment?: (() => Promise<void>) | undefined;
}

const raftTerm = 1;
const snapshotChunkBytes = 64 * 1024;

export function maintenanceHandlers(options: MaintenanceOptions): readonly GrpcHandler[] {
  const { store, headerOf, memberId } = options;
  const header = async (): Promise<MessageInput<pb.ResponseHeader>> => headerOf((await store.status()).revision);
  const alone = new BerthError("Unsupported", "etcdserver: this server is the only member of its cluster");
  return [
    unary(maintenanceService, "Status", async () => {
      const status = await store.status();
      return {
        header: headerOf(status.revision),
        version: status.version,
        dbSize: status.sizeBytes,
        dbSizeInUse: status.sizeInUseBytes,
        leader: memberId,
        raftIndex: status.revision,
        raftAppliedIndex: status.revision,
        raftTerm,
        errors: status.readOnlyReason === undefined ? [] : [status.readOnlyReason],
      };
    }),
    unary(maintenanceService, "Alarm", async (request: pb.AlarmRequest) => {
      const { readOnlyReason, revision } = await store.status();
      // The alarm clears by itself, so there is nothing to disarm.
      const isShown = readOnlyReason !== undefined && request.action === "GET";
      return { header: headerOf(revision), alarms: isShown ? [{ memberID: memberId, alarm: "NOSPACE" }] : [] };
    }),
    unary(maintenanceService, "Defragment", async () => {
      await options.defragment?.();
      return { header: await header() };
    }),
    unary(maintenanceService, "Hash", async () => {
      const { hash, revision } = await hashState(store, 0);
      return { header: headerOf(revision), hash };
    }),
    unary(maintenanceService, "HashKV", async (request: pb.HashKVRequest) => {
      const { hash, revision } = await hashState(store, numberOf(request.revision));
      const { compactRevision } = await store.status();
      return { header: headerOf(revision), hash, compactRevision };
    }),
    streaming(maintenanceService, "Snapshot", (stream: GrpcStream<MessageInput<pb.SnapshotResponse>>) =>
      serveSnapshot(store, header, stream),
    ),
    refused(maintenanceService, "MoveLeader", alone),
    unary(clusterService, "MemberList", async () => ({
      header: await header(),
      members: [{ ID: memberId, name: "berth", peerURLs: [], clientURLs: [...options.clientUrls()] }],
    })),
    ...["MemberAdd", "MemberRemove", "MemberUpdate", "MemberPromote"].map((name) =>
      refused(clusterService, name, alone),
    ),
    unary(authService, "AuthStatus", async () => ({ header: await header(), enabled: false })),
    refused(authService, "Authenticate", etcdError("authNotEnabled")),
  ];
}

/** A checksum of the state at a revision; equal states have equal ones, but etcd's own are computed otherwise. */
async function hashState(store: Store, at: number): Promise<{ readonly hash: number; readonly revision: number }> {
  const { kvs, revision } = await store.range({ ...everything, revision: at });
  let hash = 0;
  for (const kv of kvs) hash = crc32(encodeKeyValue(kv), hash);
  return { hash, revision };
}

function serveSnapshot(
  store: Store,
  header: () => Promise<MessageInput<pb.ResponseHeader>>,
  stream: GrpcStream<MessageInput<pb.SnapshotResponse>>,
): { message(): void; ended(): void; drained(): void; closed(): void } {
  let wake: (() => void) | undefined;
  let isOpen = true;
  const send = async (): Promise<void> => {
    const snapshot = await takeSnapshot(store);
    let remaining = snapshot.totalBytes;
    for (const piece of snapshot.pieces()) {
      for (let start = 0; start < piece.length && isOpen; start += snapshotChunkBytes) {
        const blob = piece.subarray(start, start + snapshotChunkBytes);
        remaining -= blob.length;
        const taken = stream.send({ header: await header(), remainingBytes: remaining, blob });
        if (!taken) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    }
  };
  return {
    message: () => {
      send().then(
        () => stream.end(),
        (error: unknown) => stream.end(error),
      );
    },
    ended: () => undefined,
    drained: () => wake?.(),
    closed: () => {
      isOpen = false;
      wake?.();
    },
  };
}
