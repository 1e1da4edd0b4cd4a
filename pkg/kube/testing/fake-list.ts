/** Lists of the fake API server: selectors, pages with continue tokens that expire, resourceVersion rules. */
import { formatApiVersion, type KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import { resourceKey } from "../resources.ts";
import { type FakeRequest, selectorOf } from "./fake-request.ts";
import type { FakeStorage } from "./fake-storage.ts";

interface ContinueToken {
  readonly rv: number;
  readonly start: string;
}

/** The list object. Throws 400 for bad parameters, 410 for pages of a forgotten list, 504 for versions yet to come. */
export function answerList(storage: FakeStorage, { ref, namespace, query }: FakeRequest): unknown {
  const limit = Number(query.get("limit") ?? "0");
  const token = readToken(query.get("continue") ?? "");
  const resourceVersion = query.get("resourceVersion") ?? "";
  checkNotAhead(storage, resourceVersion);
  const isExact = query.get("resourceVersionMatch") === "Exact";
  const revision = token?.rv ?? (isExact ? Number(resourceVersion) : storage.revision);
  if (revision <= storage.forgottenUpTo && revision !== storage.revision) throw expired(token !== undefined);
  const matches = selectorOf(query);
  const prefix = namespace ? `${namespace}/` : "";
  const found = storage
    .listAt(resourceKey(ref), revision)
    .filter(([key, object]) => key.startsWith(prefix) && key >= (token?.start ?? "") && matches(object));
  const page = limit > 0 ? found.slice(0, limit) : found;
  const next = found[page.length];
  return {
    kind: `${ref.kind}List`,
    apiVersion: formatApiVersion(ref),
    metadata: {
      resourceVersion: String(revision),
      ...(next ? { continue: writeToken({ rv: revision, start: next[0] }) } : {}),
      ...(next && !hasSelector(query) ? { remainingItemCount: found.length - page.length } : {}),
    },
    items: page.map(([, object]) => withoutKind(object)),
  };
}

/** Throws 504 for a version that the server has not reached. */
export function checkNotAhead(storage: FakeStorage, resourceVersion: string): void {
  if (resourceVersion === "" || Number(resourceVersion) <= storage.revision) return;
  const message = `Too large resource version: ${resourceVersion}, current: ${storage.revision}`;
  throw StatusError.timeout(message, 1, [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }]);
}

function hasSelector(query: URLSearchParams): boolean {
  return Boolean(query.get("labelSelector") || query.get("fieldSelector"));
}

/** Items of lists say neither kind nor version, as with real servers. */
function withoutKind({ kind: _kind, apiVersion: _apiVersion, ...rest }: KubeObject): object {
  return rest;
}

function expired(isContinued: boolean): StatusError {
  return StatusError.expired(
    isContinued
      ? "The provided continue parameter is too old to display a consistent list result. You can start a new list " +
          "without the continue parameter."
      : "The resourceVersion for the provided list is too old.",
  );
}

function writeToken(token: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", ...token })).toString("base64url");
}

function readToken(text: string): ContinueToken | undefined {
  if (text === "") return undefined;
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as ContinueToken;
  } catch {
    throw StatusError.badRequest(`continue key is not valid: ${text}`);
  }
}
