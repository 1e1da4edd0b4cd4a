/**
 * The two ways a resourceVersion can be out of reach, with the codes, causes and texts that clients match on.
 * Source: k8s.io/apiserver/pkg/storage/errors.go.
 */
import { StatusError } from "#pkg/api/status.ts";

/** 410: the history after `requested` is gone; `oldest` is where watches can still start. */
export function expiredWatch(requested: number, oldest: number): StatusError {
  return StatusError.expired(`too old resource version: ${requested} (${oldest})`);
}

/** 504: nobody wrote `requested` yet, as far as this server knows. */
export function tooLargeRevision(requested: number, current: number): StatusError {
  return StatusError.timeout(`Too large resource version: ${requested}, current: ${current}`, 1, [
    { reason: "ResourceVersionTooLarge", message: "Too large resource version" },
  ]);
}
