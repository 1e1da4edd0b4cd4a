/**
 * Hands a request on to another HTTP server and its answer back: bodies as they come, upgraded connections byte for byte.
 * What identifies the caller to this server is never handed on.
 */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { StatusError } from "#pkg/api/status.ts";
import { joinConnections, requestUpgrade, type UpgradedConnection, UpgradeRefused } from "#pkg/streams/upgrade.ts";
import { messageOf } from "#pkg/system/errors.ts";
import type { ApiRequest, ApiResponse, ResponseSink } from "../http/api-request.ts";

export interface ClientTls {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Undefined: the other's certificate is not checked. */
  readonly ca?: string | undefined;
}

/** Largest body that is handed on: it is read whole. */
const maxBodyBytes = 256 * 1024 * 1024;

/** Of one connection, or of who calls; the rest is handed on. */
const ownHeaders = new Set([
  "authorization",
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const ownPrefixes = ["impersonate-", "x-remote-", ":"];

function forwardedHeaders(request: ApiRequest): Record<string, string> {
  const kept = Object.entries(request.headers).filter(
    ([name]) => !ownHeaders.has(name) && !ownPrefixes.some((prefix) => name.startsWith(prefix)),
  );
  return Object.fromEntries(kept);
}

function tlsOptions({ cert, key, ca }: ClientTls) {
  return {
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(ca ? { ca } : {}),
    rejectUnauthorized: ca !== undefined,
  };
}

/** Joins the caller's connection to `url`. Throws StatusError while the caller can still be told. */
export async function forwardUpgrade(request: ApiRequest, url: URL, tls: ClientTls): Promise<ApiResponse> {
  const { upgrade } = request;
  const protocol = request.headers["upgrade"];
  if (!upgrade || !protocol) throw StatusError.badRequest("Upgrade request required");
  const answer = await openUpgrade(request, url, tls, protocol);
  const { socket, head } = upgrade.take();
  const lines = Object.entries(answer.headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `${name}: ${one}`),
  );
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
  if (head.length > 0) socket.unshift(Buffer.from(head));
  if (answer.head.length > 0) answer.socket.unshift(answer.head);
  await joinConnections(socket, answer.socket);
  return { status: 101, headers: {} };
}

async function openUpgrade(
  request: ApiRequest,
  url: URL,
  tls: ClientTls,
  protocol: string,
): Promise<UpgradedConnection> {
  try {
    return await requestUpgrade({
      url,
      method: request.method === "POST" ? "POST" : "GET",
      headers: { ...forwardedHeaders(request), upgrade: protocol },
      tls: tlsOptions(tls) as NonNullable<Parameters<typeof requestUpgrade>[0]["tls"]>,
      signal: request.signal,
    });
  } catch (error) {
    if (error instanceof UpgradeRefused) throw refusal(error.status, error.body);
    throw StatusError.internal(`error dialing backend: ${messageOf(error)}`);
  }
}

/** Sends the request to `url`; the answer's body follows as it comes. Throws StatusError when there is no answer. */
export async function forwardRequest(request: ApiRequest, url: URL, tls: ClientTls): Promise<ApiResponse> {
  const hasBody = !["GET", "HEAD"].includes(request.method);
  const body = hasBody ? await request.readBody(maxBodyBytes) : undefined;
  const answer = await send(request, url, tls, { method: request.method, headers: forwardedHeaders(request), body });
  return { status: answer.statusCode ?? 502, headers: answerHeaders(answer), body: streamOf(answer) };
}

/** A GET of our own to a node's agent: only the answer's text is the caller's business. */
export async function fetchText(request: ApiRequest, url: URL, tls: ClientTls): Promise<ApiResponse> {
  const answer = await send(request, url, tls, { method: "GET", headers: {}, body: undefined });
  const status = answer.statusCode ?? 502;
  if (status >= 300) {
    let text = "";
    for await (const chunk of answer.setEncoding("utf8")) if (text.length < 64 * 1024) text += chunk;
    throw refusal(status, text);
  }
  return { status: 200, headers: { "content-type": "text/plain" }, body: streamOf(answer) };
}

interface Outgoing {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

function send(
  request: ApiRequest,
  url: URL,
  tls: ClientTls,
  { method, headers, body }: Outgoing,
): Promise<IncomingMessage> {
  const options: RequestOptions = {
    method,
    headers: { ...headers, ...(body ? { "content-length": String(body.length) } : {}) },
    agent: false,
    signal: request.signal,
  };
  return new Promise((resolve, reject) => {
    const outgoing =
      url.protocol === "https:" ? httpsRequest(url, { ...options, ...tlsOptions(tls) }) : httpRequest(url, options);
    outgoing.on("response", resolve);
    outgoing.on("error", (error) => reject(StatusError.unavailable(`error trying to reach service: ${error.message}`)));
    outgoing.end(body);
  });
}

function answerHeaders(answer: IncomingMessage): Record<string, string | readonly string[]> {
  const kept = Object.entries(answer.headers).flatMap(([name, value]) =>
    value === undefined || ownHeaders.has(name) ? [] : [[name, value] as const],
  );
  return Object.fromEntries(kept);
}

function streamOf(answer: IncomingMessage) {
  return {
    async stream(sink: ResponseSink, signal: AbortSignal): Promise<void> {
      const stop = (): unknown => answer.destroy();
      signal.addEventListener("abort", stop, { once: true });
      try {
        for await (const chunk of answer as AsyncIterable<Buffer>) if (!sink.write(chunk)) await sink.drained();
      } finally {
        signal.removeEventListener("abort", stop);
        answer.destroy();
      }
    },
  };
}

/** What the other server said, as a Status. */
function refusal(status: number, body: string): StatusError {
  const text = body.trim();
  switch (status) {
    case 400:
      return StatusError.badRequest(text);
    case 404:
      return new StatusError({
        code: 404,
        reason: "NotFound",
        message: `the server could not find the requested resource (${text})`,
      });
    case 403:
      return new StatusError({ code: 403, reason: "Forbidden", message: text });
    case 401:
      return new StatusError({
        code: 500,
        reason: "InternalError",
        message: `the node did not accept this server's certificate: ${text}`,
      });
    default:
      return StatusError.internal(text || `the node answered ${status}`);
  }
}
