/**
 * Continue tokens of paged lists: base64url of `{"v":"meta.k8s.io/v1","rv":<revision>,"start":"<key>\0"}`. The key is
 * relative to what is listed. Revision -1 asks for the rest as it is now: a list that may be inconsistent.
 * Format and texts: k8s.io/apiserver/pkg/storage/continue.go.
 */
import { StatusError } from "#pkg/api/status.ts";

export interface ContinueToken {
  readonly revision: number;
  /** First key of the next page, relative to what is listed. */
  readonly start: string;
}

const version = "meta.k8s.io/v1";

export function formatContinueToken({ revision, start }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: version, rv: revision, start }), "utf8").toString("base64url");
}

/** Throws 400. */
export function parseContinueToken(text: string): ContinueToken {
  const { v, rv, start } = parseToken(text);
  if (v !== version) throw invalidToken("server does not recognize this encoded version");
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0 || rv < -1) {
    throw invalidToken(`incorrect encoded start resourceVersion (version ${version})`);
  }
  if (typeof start !== "string" || start === "") {
    throw invalidToken(`encoded start key empty (version ${version})`);
  }
  return { revision: rv, start };
}

function parseToken(text: string): { v?: unknown; rv?: unknown; start?: unknown } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    throw invalidToken("it cannot be decoded");
  }
  return typeof parsed === "object" && parsed !== null ? parsed : {};
}

function invalidToken(why: string): StatusError {
  return StatusError.badRequest(`invalid continue token: continue key is not valid: ${why}`);
}

/** 410 with a token for the rest of the list as it is now. */
export function expiredContinue(start: string): StatusError {
  return StatusError.expired(
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without " +
      "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. " +
      "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or " +
      "deleted between the time the first chunk was returned and now may show up in the list.",
    formatContinueToken({ revision: -1, start }),
  );
}
