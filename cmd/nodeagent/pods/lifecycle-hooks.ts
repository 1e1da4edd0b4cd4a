/**
 * postStart and preStop hooks: exec, httpGet and sleep.
 * Source: kubelet lifecycle/handlers.go (v1.36): any HTTP answer counts as success, whatever its status.
 */
import type { HTTPGetAction, LifecycleHandler } from "#pkg/api/core/v1.ts";
import type { ContainerAccess } from "#pkg/cri/runtime-service.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { AnyContainer } from "./ports.ts";

/** One GET; resolves with the status and rejects when there is no answer. */
export type HttpGet = (
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<{ readonly status: number }>;

export interface HookPorts {
  readonly runtime: Pick<ContainerAccess, "execSync">;
  readonly clock: Clock;
  readonly httpGet: HttpGet;
}

export interface HookCall {
  readonly handler: LifecycleHandler;
  readonly container: Pick<AnyContainer, "name" | "ports">;
  readonly containerId: string;
  /** Where httpGet goes when the hook names no host. */
  readonly podIp: string;
  /** 0: no limit. */
  readonly timeoutSeconds: number;
}

/** Throws with the reason in the message; "Aborted" when the signal fired. */
export async function runHook(ports: HookPorts, call: HookCall, signal: AbortSignal): Promise<void> {
  const { handler } = call;
  if (handler.exec) return await runExec(ports, call, handler.exec.command ?? []);
  if (handler.httpGet) return await runHttpGet(ports, call, handler.httpGet, signal);
  if (handler.sleep) return await ports.clock.sleep(handler.sleep.seconds * 1000, signal);
  throw new BerthError("Invalid", "invalid handler: neither exec, httpGet nor sleep");
}

async function runExec({ runtime }: HookPorts, call: HookCall, command: readonly string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await runtime.execSync(call.containerId, command, call.timeoutSeconds);
  if (exitCode === 0) return;
  const output = Buffer.concat([stdout, stderr]).toString("utf8").trim().slice(0, 2048);
  const message = `command '${command.join(" ")}' exited with ${exitCode}${output ? `: ${output}` : ""}`;
  throw new BerthError("Internal", message);
}

async function runHttpGet(
  { httpGet }: HookPorts,
  call: HookCall,
  action: HTTPGetAction,
  signal: AbortSignal,
): Promise<void> {
  const host = action.host || call.podIp;
  const port = resolvePort(call.container, action.port);
  const path = (action.path ?? "/").replace(/^(?!\/)/, "/");
  const scheme = (action.scheme ?? "HTTP").toLowerCase();
  const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const headers: Record<string, string> = {};
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  const limits = call.timeoutSeconds > 0 ? [signal, AbortSignal.timeout(call.timeoutSeconds * 1000)] : [signal];
  await httpGet(`${scheme}://${authority}${path}`, headers, AbortSignal.any(limits));
}

/** A port by number, or by the name the container gives it. Throws "NotFound". */
export function resolvePort(container: Pick<AnyContainer, "name" | "ports">, port: string | number): number {
  if (typeof port === "number") return port;
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  if (named !== undefined) return named;
  if (/^\d+$/.test(port)) return Number(port);
  throw new BerthError("NotFound", `couldn't find port: "${port}" in container ${container.name}`);
}
