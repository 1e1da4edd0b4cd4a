/**
 * Errors as answers: a StatusError is written as its Status, an error of the parts below gets the status it stands for,
 * and anything else is logged and becomes a 500 that says nothing about the inside of the server.
 */
import { type StatusBody, StatusError } from "#pkg/api/status.ts";
import { BerthError, isAborted } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { ApiResponse } from "./api-request.ts";
import { mediaTypes, negotiateResponse, noTransform, plainJson, type ResponseForm } from "./negotiation.ts";

/** Writes a Status in a form other than JSON. */
export type StatusEncoder = (status: StatusBody, form: ResponseForm) => Uint8Array | string;

/** What a failure means to a client. Unknown errors are logged in full, with the request they belong to. */
export function statusOfError(thrown: unknown, log: Logger, request: string): StatusError {
  if (thrown instanceof StatusError) return thrown;
  if (isAborted(thrown)) return StatusError.timeout("the request was cancelled", 0);
  if (thrown instanceof BerthError) {
    const status = statusOfCode(thrown);
    if (status) return status;
  }
  log.error("request failed", { request, error: thrown, stack: thrown instanceof Error ? thrown.stack : undefined });
  return StatusError.internal("the server could not handle this request; its log says why");
}

/** The Status as an answer in the form the client accepts; JSON when it accepts none that can be given. */
export function statusResponse(status: StatusBody, accept: string | undefined, encode: StatusEncoder): ApiResponse {
  const form = errorForm(accept);
  const retryAfter = status.details?.retryAfterSeconds ?? 0;
  return {
    status: status.code,
    headers: {
      "content-type": mediaTypes[form.format],
      ...(retryAfter > 0 ? { "retry-after": String(retryAfter) } : {}),
    },
    body: form.format === "json" ? `${JSON.stringify(status, null, form.pretty ? 2 : 0)}\n` : encode(status, form),
  };
}

function errorForm(accept: string | undefined): ResponseForm {
  try {
    return negotiateResponse(accept, false, noTransform);
  } catch {
    return plainJson;
  }
}

/** Codes of the store and of the parts below that are no fault of this program. */
function statusOfCode(error: BerthError): StatusError | undefined {
  switch (error.code) {
    case "Unavailable":
      return StatusError.unavailable(
        "the server is currently unable to handle the request: its store is not available",
      );
    case "Timeout":
      return StatusError.timeout("request did not complete within the allotted timeout", 0);
    case "Expired":
      return StatusError.expired(error.message);
    case "Exhausted":
      return new StatusError({
        code: 507,
        reason: "",
        message: `the server cannot store more data: ${error.message}`,
      });
    case "Invalid":
      return /request is too large/.test(error.message) ? StatusError.tooLarge(error.message) : undefined;
    case "NotFound":
    case "AlreadyExists":
    case "Conflict":
    case "Unauthorized":
    case "Forbidden":
    case "Unsupported":
    case "Aborted":
    case "Corrupt":
    case "Internal":
      return undefined;
  }
}
