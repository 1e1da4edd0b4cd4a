/** What the store and the thread that owns its files say to each other. One answer for each request, in order. */
import type { ErrorCode } from "#pkg/system/errors.ts";
import type { LogBatch, LogContents, LogIdentity, LogSize } from "./log-file.ts";
import type { RevisionMark } from "./revision-mark.ts";

export interface WorkerRequests {
  /** The mark that an earlier run left; undefined when there is none that is whole. */
  readMark: { readonly request: { readonly mark: string }; readonly answer: RevisionMark | undefined };
  /** Reads without changing anything; contents and rows come as parts before the answer, which is the damage found. */
  scan: {
    readonly request: { readonly file: string; readonly ignoreWal: boolean };
    readonly answer: string | undefined;
  };
  create: { readonly request: { readonly file: string; readonly identity: LogIdentity }; readonly answer: undefined };
  open: { readonly request: { readonly file: string; readonly mark: string }; readonly answer: LogSize };
  write: { readonly request: { readonly batch: LogBatch }; readonly answer: LogSize };
  values: {
    readonly request: { readonly ids: Float64Array };
    readonly answer: readonly (Uint8Array | undefined)[];
  };
  probe: { readonly request: object; readonly answer: { readonly revision: number } };
  close: { readonly request: object; readonly answer: undefined };
}

export type RequestKind = keyof WorkerRequests;

export type WorkerRequest = {
  [Kind in RequestKind]: { readonly kind: Kind; readonly seq: number } & WorkerRequests[Kind]["request"];
}[RequestKind];

export type ScanPart = { readonly contents: LogContents } | { readonly rows: ArrayBuffer };

export type WorkerReply =
  | { readonly seq: number; readonly part: ScanPart }
  | { readonly seq: number; readonly answer: unknown }
  | { readonly seq: number; readonly error: { readonly code: ErrorCode; readonly message: string } };
