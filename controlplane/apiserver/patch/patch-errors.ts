/** Refusals of patches, with the codes and reasons upstream answers with. */
import { StatusError } from "#pkg/api/status.ts";

/** 400: the patch itself is malformed. */
export function badPatch(message: string): StatusError {
  return StatusError.badRequest(message);
}

/** 422: the patch is well formed and does not fit the object. Upstream says only the first half of the sentence. */
export function unprocessablePatch(detail: string): StatusError {
  return new StatusError({
    code: 422,
    reason: "Invalid",
    message: `the server rejected our request due to an error in our request: ${detail}`,
    details: {},
  });
}

/** 413: more operations than one patch may have. */
export function tooManyOperations(limit: number, count: number): StatusError {
  return StatusError.tooLarge(`The allowed maximum operations in a JSON patch is ${limit}, got ${count}`);
}
