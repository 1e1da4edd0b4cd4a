/**
 * Errors that etcd's clients know by text and gRPC status. Every engine throws them through `etcdError`, the gRPC server
 * sends status and text from this table, and the gRPC client finds the row again by the text.
 * Source: etcd api/v3rpc/rpctypes.
 */
import { BerthError, type ErrorCode } from "#pkg/system/errors.ts";

interface EtcdErrorRow {
  readonly code: ErrorCode;
  /** gRPC status number. */
  readonly status: number;
  readonly text: string;
}

export const etcdErrors = {
  compacted: { code: "Expired", status: 11, text: "etcdserver: mvcc: required revision has been compacted" },
  futureRevision: { code: "Invalid", status: 11, text: "etcdserver: mvcc: required revision is a future revision" },
  emptyKey: { code: "Invalid", status: 3, text: "etcdserver: key is not provided" },
  keyNotFound: { code: "Invalid", status: 3, text: "etcdserver: key not found" },
  valueProvided: { code: "Invalid", status: 3, text: "etcdserver: value is provided" },
  leaseProvided: { code: "Invalid", status: 3, text: "etcdserver: lease is provided" },
  tooManyOperations: { code: "Invalid", status: 3, text: "etcdserver: too many operations in txn request" },
  duplicateKey: { code: "Invalid", status: 3, text: "etcdserver: duplicate key given in txn request" },
  invalidSort: { code: "Invalid", status: 3, text: "etcdserver: invalid sort option" },
  requestTooLarge: { code: "Invalid", status: 3, text: "etcdserver: request is too large" },
  noSpace: { code: "Exhausted", status: 8, text: "etcdserver: mvcc: database space exceeded" },
  leaseNotFound: { code: "NotFound", status: 5, text: "etcdserver: requested lease not found" },
  leaseExists: { code: "AlreadyExists", status: 9, text: "etcdserver: lease already exists" },
  leaseTtlTooLarge: { code: "Invalid", status: 11, text: "etcdserver: too large lease TTL" },
  timeout: { code: "Timeout", status: 14, text: "etcdserver: request timed out" },
  stopped: { code: "Unavailable", status: 14, text: "etcdserver: server stopped" },
  noLeader: { code: "Unavailable", status: 14, text: "etcdserver: no leader" },
  authNotEnabled: { code: "Invalid", status: 9, text: "etcdserver: authentication is not enabled" },
} as const satisfies Record<string, EtcdErrorRow>;

export type EtcdErrorName = keyof typeof etcdErrors;

/** An error with etcd's text; `detail` follows it for people, and `details.etcd` names the row for machines. */
export function etcdError(
  name: EtcdErrorName,
  detail?: string,
  details: Readonly<Record<string, unknown>> = {},
): BerthError {
  const row = etcdErrors[name];
  return new BerthError(row.code, detail === undefined ? row.text : `${row.text}: ${detail}`, {
    details: { ...details, etcd: name },
  });
}

export function compactedError(compactRevision: number): BerthError {
  return etcdError("compacted", undefined, { compactRevision });
}

/** The row whose text `message` begins with. */
export function findEtcdError(message: string): EtcdErrorName | undefined {
  for (const name of Object.keys(etcdErrors) as EtcdErrorName[]) {
    if (message.startsWith(etcdErrors[name].text)) return name;
  }
  return undefined;
}
