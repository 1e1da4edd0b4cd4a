/**
 * Where exec, attach, port-forward, logs and proxies come in. What answers them reaches nodes and pods, and is plugged in
 * from outside; without it the server says so.
 */
import { StatusError } from "#pkg/api/status.ts";
import type { ApiHandler } from "../../http/api-request.ts";

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

export function connectHandler(name: ConnectName, handlers: ConnectHandlers): ApiHandler {
  return (
    handlers[name] ??
    (() => Promise.reject(StatusError.unavailable(`${name} is not available: this server has no way to its nodes yet`)))
  );
}
