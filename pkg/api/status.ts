/**
 * meta/v1 Status as an error: what every API failure becomes, on the server before it is written and on the client after
 * it was read. Reasons, codes and message shapes are those upstream clients match on (control-plane semantics of
 * k8s.io/apimachinery/pkg/api/errors).
 */
import type { FieldError } from "./field.ts";

export type StatusReason =
  | "Unauthorized"
  | "Forbidden"
  | "NotFound"
  | "AlreadyExists"
  | "Conflict"
  | "Gone"
  | "Expired"
  | "Invalid"
  | "BadRequest"
  | "MethodNotAllowed"
  | "NotAcceptable"
  | "RequestEntityTooLarge"
  | "UnsupportedMediaType"
  | "TooManyRequests"
  | "InternalError"
  | "ServiceUnavailable"
  | "Timeout"
  | "ServerTimeout"
  | "StorageReadError"
  | "";

export interface StatusCause {
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly field?: string | undefined;
}

export interface StatusDetails {
  readonly name?: string | undefined;
  readonly group?: string | undefined;
  readonly kind?: string | undefined;
  readonly uid?: string | undefined;
  readonly causes?: readonly StatusCause[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

/** The wire form. `metadata` carries a continue token on 410 Expired lists. */
export interface StatusBody {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: { readonly continue?: string | undefined };
  readonly status: "Success" | "Failure";
  readonly message?: string | undefined;
  readonly reason?: StatusReason | undefined;
  readonly details?: StatusDetails | undefined;
  readonly code: number;
}

/** Which resource an error is about: group "" is core. `resource` is the plural, or the kind where upstream uses it. */
export interface ResourceName {
  readonly group: string;
  readonly resource: string;
}

export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly status: StatusBody;

  constructor(
    status: Omit<StatusBody, "kind" | "apiVersion" | "status" | "metadata"> & Partial<Pick<StatusBody, "metadata">>,
  ) {
    super(status.message ?? status.reason ?? `status ${status.code}`);
    this.status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", ...status };
  }

  get reason(): StatusReason {
    return this.status.reason ?? "";
  }

  get code(): number {
    return this.status.code;
  }

  static notFound(about: ResourceName, name: string): StatusError {
    return failure(404, "NotFound", `${qualified(about)} "${name}" not found`, detailsOf(about, name));
  }

  static alreadyExists(about: ResourceName, name: string): StatusError {
    return failure(409, "AlreadyExists", `${qualified(about)} "${name}" already exists`, detailsOf(about, name));
  }

  static conflict(about: ResourceName, name: string, why: string): StatusError {
    const message = `Operation cannot be fulfilled on ${qualified(about)} "${name}": ${why}`;
    return failure(409, "Conflict", message, detailsOf(about, name));
  }

  /** The optimistic-concurrency conflict, with upstream's words. */
  static modified(about: ResourceName, name: string): StatusError {
    return StatusError.conflict(
      about,
      name,
      "the object has been modified; please apply your changes to the latest version and try again",
    );
  }

  /** 422. `about.resource` is the Kind here, as upstream prints it: `Pod "x" is invalid: spec.y: Required value`. */
  static invalid(about: ResourceName, name: string, errors: readonly FieldError[]): StatusError {
    const texts = errors.map((error) => error.message);
    const joined = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
    return failure(422, "Invalid", `${qualified(about)} "${name}" is invalid: ${joined}`, {
      ...detailsOf(about, name),
      causes: errors.map((error) => ({ reason: error.type, message: error.causeMessage, field: error.field })),
    });
  }

  static badRequest(message: string): StatusError {
    return failure(400, "BadRequest", message);
  }

  static unauthorized(message = "Unauthorized"): StatusError {
    return failure(401, "Unauthorized", message);
  }

  static forbidden(about: ResourceName, name: string, why: string, causes?: readonly StatusCause[]): StatusError {
    const subject = about.resource === "" ? "forbidden" : `${qualified(about)}${name ? ` "${name}"` : ""} is forbidden`;
    return failure(403, "Forbidden", `${subject}: ${why}`, {
      ...detailsOf(about, name),
      ...(causes ? { causes } : {}),
    });
  }

  static methodNotAllowed(about: ResourceName, verb: string): StatusError {
    return failure(
      405,
      "MethodNotAllowed",
      `${verb} is not supported on resources of kind "${qualified(about)}"`,
      detailsOf(about, ""),
    );
  }

  static notAcceptable(message: string): StatusError {
    return failure(406, "NotAcceptable", message);
  }

  static unsupportedMediaType(message: string): StatusError {
    return failure(415, "UnsupportedMediaType", message);
  }

  static tooLarge(message: string): StatusError {
    return failure(413, "RequestEntityTooLarge", message);
  }

  static expired(message: string, continueToken?: string): StatusError {
    const error = failure(410, "Expired", message);
    return continueToken === undefined
      ? error
      : new StatusError({ ...error.status, metadata: { continue: continueToken } });
  }

  static tooManyRequests(message: string, retryAfterSeconds: number, causes?: readonly StatusCause[]): StatusError {
    return failure(429, "TooManyRequests", message, { retryAfterSeconds, ...(causes ? { causes } : {}) });
  }

  static internal(message: string): StatusError {
    return failure(500, "InternalError", `Internal error occurred: ${message}`, { causes: [{ message }] });
  }

  static unavailable(message: string): StatusError {
    return failure(503, "ServiceUnavailable", message);
  }

  static timeout(message: string, retryAfterSeconds: number, causes?: readonly StatusCause[]): StatusError {
    return failure(504, "Timeout", `Timeout: ${message}`, { retryAfterSeconds, ...(causes ? { causes } : {}) });
  }
}

/** True for a StatusError with this reason. */
export function isStatus(thrown: unknown, reason: StatusReason): thrown is StatusError {
  return thrown instanceof StatusError && thrown.reason === reason;
}

/** `deployments.apps`, or plain `pods` for the core group. */
function qualified(about: ResourceName): string {
  return about.group ? `${about.resource}.${about.group}` : about.resource;
}

function detailsOf(about: ResourceName, name: string): StatusDetails {
  return {
    ...(name ? { name } : {}),
    ...(about.group ? { group: about.group } : {}),
    ...(about.resource ? { kind: about.resource } : {}),
  };
}

function failure(code: number, reason: StatusReason, message: string, details?: StatusDetails): StatusError {
  return new StatusError({ code, reason, message, ...(details ? { details } : {}) });
}
