/**
 * The one error shape of Berth. Every failure that crosses a module boundary carries a code, so that callers decide by
 * code and never by message text, and a message that says what was attempted, on which object, with which data.
 */

export type ErrorCode =
  /** The input is wrong; trying again without changing it is pointless. */
  | "Invalid"
  | "NotFound"
  | "AlreadyExists"
  /** The object changed under us; read it again and retry. */
  | "Conflict"
  | "Unauthorized"
  | "Forbidden"
  /** The other side is not there or not ready; trying again may help. */
  | "Unavailable"
  | "Timeout"
  /** A limit was reached: disk, quota, concurrency, size. */
  | "Exhausted"
  /** The history asked for is gone (compacted revision, expired continue token). */
  | "Expired"
  | "Unsupported"
  /** The caller gave up: its AbortSignal fired. */
  | "Aborted"
  /** Bytes on disk or on the wire are not what they should be. */
  | "Corrupt"
  | "Internal";

export interface BerthErrorOptions {
  readonly cause?: unknown;
  /** Facts for logs and for callers (ids, paths, data written), as plain JSON. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export class BerthError extends Error {
  override readonly name: string = "BerthError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: BerthErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  /** Wraps anything that was thrown, keeping a BerthError as it is. */
  static from(thrown: unknown, code: ErrorCode = "Internal"): BerthError {
    if (thrown instanceof BerthError) return thrown;
    if (isAbortError(thrown)) return new BerthError("Aborted", "the operation was aborted", { cause: thrown });
    return new BerthError(code, messageOf(thrown), { cause: thrown });
  }
}

export function hasCode(thrown: unknown, code: ErrorCode): thrown is BerthError {
  return thrown instanceof BerthError && thrown.code === code;
}

export const isNotFound = (thrown: unknown): thrown is BerthError => hasCode(thrown, "NotFound");
export const isAlreadyExists = (thrown: unknown): thrown is BerthError => hasCode(thrown, "AlreadyExists");
export const isConflict = (thrown: unknown): thrown is BerthError => hasCode(thrown, "Conflict");
export const isExpired = (thrown: unknown): thrown is BerthError => hasCode(thrown, "Expired");

/** True for the error an AbortSignal makes, whether Node's own or ours. */
export function isAborted(thrown: unknown): boolean {
  return hasCode(thrown, "Aborted") || isAbortError(thrown);
}

/** The message of anything that can be thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Closes an exhaustive switch: the compiler rejects the call while a case is missing. */
export function assertNever(value: never, what = "value"): never {
  throw new BerthError("Internal", `unexpected ${what}: ${JSON.stringify(value)}`);
}

function isAbortError(thrown: unknown): boolean {
  return (
    thrown instanceof Error && (thrown.name === "AbortError" || (thrown as { code?: unknown }).code === "ABORT_ERR")
  );
}
