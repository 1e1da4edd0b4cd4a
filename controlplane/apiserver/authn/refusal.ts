/** A 401 whose reason is for the server's log and for TokenReview: clients see the bare word, as upstream's do. */
import { StatusError } from "#pkg/api/status.ts";

export function refused(reason: string): StatusError {
  const error = StatusError.unauthorized();
  error.cause = reason;
  return error;
}

/** Why a credential was refused. */
export function refusalReason(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return typeof thrown.cause === "string" ? thrown.cause : thrown.message;
}
