/** Makes a StatusError of a failed answer: the server's own Status when it sent one, else one that its code stands for. */
import { type StatusBody, StatusError, type StatusReason } from "#pkg/api/status.ts";

const reasons: Readonly<Record<number, StatusReason>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  406: "NotAcceptable",
  409: "Conflict",
  410: "Gone",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** Longest part of a foreign body that goes into a message. */
const maxQuotedLength = 2048;

/** `what` names the request, for answers that explain nothing. */
export function statusErrorFrom(
  response: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
  body: string,
  what: string,
): StatusError {
  const status = parseStatus(body);
  if (status) return new StatusError({ ...status, code: status.code || response.status });
  const said = body.trim().slice(0, maxQuotedLength);
  const retryAfterSeconds = Number.parseInt(response.headers["retry-after"] ?? "", 10);
  return new StatusError({
    code: response.status,
    reason: reasons[response.status] ?? "",
    message: `${what}: the server answered ${response.status}${said ? `: ${said}` : ""}`,
    ...(Number.isNaN(retryAfterSeconds) ? {} : { details: { retryAfterSeconds } }),
  });
}

/** Makes a StatusError of a Status object, as ERROR events of watches carry it. */
export function statusErrorOf(object: unknown): StatusError {
  if (isStatusBody(object)) return new StatusError({ ...object, code: object.code ?? 500 });
  return new StatusError({ code: 500, reason: "InternalError", message: "the watch failed without saying why" });
}

function parseStatus(body: string): StatusBody | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return isStatusBody(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isStatusBody(value: unknown): value is StatusBody {
  return typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "Status";
}
