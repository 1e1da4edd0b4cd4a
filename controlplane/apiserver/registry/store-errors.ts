/**
 * Store failures as API failures. A write that timed out may have happened; the client has to look.
 */
import { StatusError } from "#pkg/api/status.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { etcdErrors, findEtcdError } from "../../store/etcd-errors.ts";

/** Always returns something to throw: a StatusError stays as it is. */
export function storeFailure(thrown: unknown): Error {
  if (thrown instanceof StatusError) return thrown;
  const error = BerthError.from(thrown);
  switch (error.code) {
    case "Invalid":
      return error.message.startsWith(etcdErrors.requestTooLarge.text)
        ? StatusError.tooLarge(`Request entity too large: ${error.message}`)
        : StatusError.internal(error.message);
    case "Exhausted":
      return StatusError.unavailable(error.message);
    case "Unavailable":
      return StatusError.unavailable(`the store is not available: ${error.message}`);
    case "Timeout":
      return StatusError.timeout(error.message, 1);
    case "Aborted":
      return StatusError.timeout("the request was ended before it was done", 0);
    case "Expired":
      return StatusError.expired("The resourceVersion for the provided list is too old.");
    default:
      return StatusError.internal(error.message);
  }
}

/** True when the store was asked for a revision it has not reached. */
export function isFutureRevision(thrown: unknown): boolean {
  return thrown instanceof BerthError && findEtcdError(thrown.message) === "futureRevision";
}
