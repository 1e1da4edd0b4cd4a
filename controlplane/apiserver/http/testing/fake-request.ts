/** Requests for tests of filters and handlers: everything but what a test cares about has a plain default. */

import { anonymousUser } from "../../authn/user-names.ts";
import type { ApiRequest, RequestContext, UserInfo } from "../api-request.ts";
import { parseRequestInfo } from "../parse-request-info.ts";
import { ServerRequest } from "../server-request.ts";

export interface FakeRequestFields {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly trustedUser?: UserInfo;
  readonly rawHeaders?: readonly string[];
}

export function fakeRequest(method: string, target: string, fields: FakeRequestFields = {}): ServerRequest {
  const { body = "" } = fields;
  return new ServerRequest({
    method,
    target,
    headers: fields.headers ?? {},
    rawHeaders: fields.rawHeaders,
    remoteAddress: "127.0.0.1",
    trustedUser: fields.trustedUser,
    body: () => (typeof body === "string" ? new TextEncoder().encode(body) : body),
  });
}

export function fakeContext(request: ApiRequest, user: UserInfo = anonymousUser): RequestContext {
  const info = parseRequestInfo(request.method, request.path, () => request.query);
  return { info, user, warnings: new Set(), responseHeaders: {}, auditId: "audit" };
}
