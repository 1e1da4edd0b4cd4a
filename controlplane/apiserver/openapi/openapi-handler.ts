/**
 * Serves /openapi/v2 and /openapi/v3. Documents of version 3 may be asked for by hash, and are then good for ever; the
 * others carry an ETag.
 */
import { StatusError } from "#pkg/api/status.ts";
import type { DiscoverySource } from "../discovery/discovery-handler.ts";
import type { ApiHandler, ApiRequest, ApiResponse } from "../http/api-request.ts";
import { OpenApiDocuments, type PackedDocument } from "./openapi-documents.ts";

const json = "application/json";
const swaggerProtobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/** As kubectl up to this day asks for it; "@" is not allowed in a media type, so that answers never say it. */
const swaggerProtobufOldName = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

const oneYearSeconds = 365 * 24 * 3600;

/** Finds the handler of a path; undefined for paths that are not OpenAPI's. `serverVersion` as in /version. */
export function openApiPaths(source: DiscoverySource, serverVersion: string): (path: string) => ApiHandler | undefined {
  const documents = new OpenApiDocuments(source, serverVersion);
  return (path) => {
    if (path === "/openapi/v2") return async (request) => serveSwagger(documents, request);
    if (path === "/openapi/v3") return async (request) => serveJson(documents.index(), request);
    if (!path.startsWith(groupVersionPrefix)) return undefined;
    const key = path.slice(groupVersionPrefix.length);
    const document = documents.groupVersion(key);
    return document && (async (request) => serveGroupVersion(key, document, request));
  };
}

const groupVersionPrefix = "/openapi/v3/";

function serveSwagger(documents: OpenApiDocuments, request: ApiRequest): ApiResponse {
  const chosen = negotiate(request, [json, swaggerProtobuf, swaggerProtobufOldName]);
  const isJson = chosen === json;
  return respond(documents.swagger(isJson ? "json" : "protobuf"), request, isJson ? json : swaggerProtobuf);
}

function serveJson(document: PackedDocument, request: ApiRequest): ApiResponse {
  negotiate(request, [json]);
  return respond(document, request, json);
}

function serveGroupVersion(key: string, document: PackedDocument, request: ApiRequest): ApiResponse {
  negotiate(request, [json]);
  const asked = request.query.get("hash");
  if (!asked) return respond(document, request, json);
  if (asked !== document.hash) {
    return { status: 301, headers: { location: `${groupVersionPrefix}${key}?hash=${document.hash}` } };
  }
  const caching = { "cache-control": `public, immutable, max-age=${oneYearSeconds}` };
  return respond(document, request, json, caching);
}

function respond(
  document: PackedDocument,
  request: ApiRequest,
  contentType: string,
  caching: Readonly<Record<string, string>> = { "cache-control": "no-cache, private" },
): ApiResponse {
  const etag = `"${document.hash}"`;
  const headers = { ...caching, "content-type": contentType, etag, vary: "Accept, Accept-Encoding" };
  const known = request.headers["if-none-match"]?.split(",").map((one) => one.trim().replace(/^W\//, ""));
  if (known?.includes(etag)) return { status: 304, headers };
  if (!acceptsGzip(request)) return { status: 200, headers, body: document.unpack() };
  return { status: 200, headers: { ...headers, "content-encoding": "gzip" }, body: document.packed };
}

function acceptsGzip(request: ApiRequest): boolean {
  const accepted = request.headers["accept-encoding"] ?? "";
  return /(^|[,\s])gzip\s*(;\s*q=(?!0(\.0*)?\s*(,|$))[\d.]+\s*)?(,|$)/.test(accepted);
}

/** The first type the client names that there is; the first there is when it does not care. Throws 406. */
function negotiate(request: ApiRequest, offered: readonly string[]): string {
  const accept = request.headers["accept"] ?? "*/*";
  for (const range of accept.split(",")) {
    const type = (range.split(";")[0] ?? "").trim().toLowerCase();
    if (type === "*/*" || type === "application/*" || type === "") return offered[0]!;
    if (offered.includes(type)) return type;
  }
  const readable = offered.filter((one) => one !== swaggerProtobufOldName);
  throw StatusError.notAcceptable(`only the following media types are accepted: ${readable.join(", ")}`);
}
