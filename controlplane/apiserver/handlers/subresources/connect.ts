/**
 * Where exec, attach, port-forward, logs and proxies come in. What answers them reaches nodes and pods, and is plugged in
 * from outside; without it the server says so.
 */
import { StatusError } from "#pkg/api/status.ts";
import type { ApiHandler } from "../../http/api-request.ts";
import type { HandlerPorts } from "../handler-ports.ts";
import { authorizeCreate } from "../write-handlers.ts";

/** By `<resource>/<subresource>` of the core group: "pods/exec", "nodes/proxy". May take over the request's connection. */
export type ConnectHandlers = Partial<Record<ConnectName, ApiHandler>>;

export const connectNames = [
  "pods/attach",
  "pods/exec",
  "pods/log",
  "pods/portforward",
  "pods/proxy",
  "services/proxy",
  "nodes/proxy",
] as const;

export type ConnectName = (typeof connectNames)[number];

/** Opening a WebSocket is a GET, but what it opens changes things: that needs the right to create, too. */
const needCreate: ReadonlySet<string> = new Set(["pods/attach", "pods/exec", "pods/portforward"]);

export function connectHandler(name: ConnectName, handlers: ConnectHandlers, ports: HandlerPorts): ApiHandler {
  return async (request, context) => {
    if (request.method === "GET" && needCreate.has(name)) await authorizeCreate(request, context, ports);
    const handler = handlers[name];
    if (handler) return handler(request, context);
    throw StatusError.unavailable(`${name} is not available: this server has no way to its nodes yet`);
  };
}
