/** Where a request carries its bearer token: the Authorization header, or for browsers a WebSocket subprotocol. */
import type { ApiRequest } from "../http/api-request.ts";

const protocolPrefix = "base64url.bearer.authorization.k8s.io.";

/** The token; undefined when there is none. */
export function bearerTokenOf(request: Pick<ApiRequest, "headers">): string | undefined {
  const [scheme, token] = (request.headers["authorization"] ?? "").trim().split(" ");
  if (scheme?.toLowerCase() === "bearer" && token) return token;
  return webSocketToken(request);
}

/** Only beside another subprotocol: the server must be able to answer with one that is not the secret. */
function webSocketToken(request: Pick<ApiRequest, "headers">): string | undefined {
  if (request.headers["upgrade"]?.toLowerCase() !== "websocket") return undefined;
  const protocols = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((one) => one.trim());
  const encoded = protocols.filter((one) => one.startsWith(protocolPrefix));
  if (encoded.length !== 1 || protocols.length < 2) return undefined;
  const text = encoded[0]?.slice(protocolPrefix.length) ?? "";
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
  return Buffer.from(text, "base64url").toString("utf8") || undefined;
}
