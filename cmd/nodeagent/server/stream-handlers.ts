/**
 * exec, attach and port-forward: joins the client's connection with the runtime's streaming server. SPDY clients are joined
 * byte for byte; WebSocket clients, which runtimes know only in old forms, are translated.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { ContainerAccess } from "#pkg/cri/runtime-service.ts";
import { pipeRemoteCommand, type RemoteCommandOptions } from "#pkg/streams/remote-command.ts";
import {
  spdyRemoteCommandProtocols,
  streamProtocolHeader,
  useSpdyRemoteCommand,
} from "#pkg/streams/spdy-remote-command.ts";
import { joinConnections, requestUpgrade, type UpgradedConnection } from "#pkg/streams/upgrade.ts";
import {
  acceptWebSocket,
  chooseProtocol,
  offeredProtocols,
  remoteCommandProtocols,
  serveRemoteCommand,
} from "#pkg/streams/web-socket-channels.ts";
import { createWebSocketTunnel, portForwardTunnelProtocol } from "#pkg/streams/web-socket-tunnel.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { PodDirectory } from "../pods/ports.ts";

export interface StreamPorts {
  readonly runtime: Pick<ContainerAccess, "exec" | "attach" | "portForward">;
  readonly pods: PodDirectory;
}

/** A connection that asks to be upgraded. Until it is answered an error may still become an HTTP status. */
export interface UpgradeCall {
  readonly message: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly query: URLSearchParams;
}

export interface ContainerPath {
  readonly namespace: string;
  readonly name: string;
  readonly podUid?: string | undefined;
  readonly container: string;
}

const spdy = "SPDY/3.1";
export const portForwardProtocol = "portforward.k8s.io";

/** Which streams the query asks for. Throws "Invalid" when it asks for none. */
export function parseStreamOptions(query: URLSearchParams): RemoteCommandOptions {
  const has = (name: string): boolean => ["1", "true"].includes(query.get(name) ?? "");
  const tty = has("tty");
  const options = { stdin: has("input"), stdout: has("output"), stderr: has("error") && !tty, tty };
  if (!options.stdin && !options.stdout && !options.stderr) {
    throw new BerthError("Invalid", "you must specify at least 1 of stdin, stdout, stderr");
  }
  return options;
}

export async function serveExec(call: UpgradeCall, target: ContainerPath, ports: StreamPorts): Promise<void> {
  const command = call.query.getAll("command");
  if (command.length === 0) throw new BerthError("Invalid", "you must specify a command");
  const options = parseStreamOptions(call.query);
  const containerId = await findRunning(target, ports.pods);
  const url = await ports.runtime.exec({ containerId, cmd: command, ...options });
  await joinCommand(call, options, url);
}

export async function serveAttach(call: UpgradeCall, target: ContainerPath, ports: StreamPorts): Promise<void> {
  const options = parseStreamOptions(call.query);
  const containerId = await findRunning(target, ports.pods);
  const url = await ports.runtime.attach({ containerId, ...options });
  await joinCommand(call, options, url);
}

export async function servePortForward(
  call: UpgradeCall,
  { namespace, name, podUid }: Omit<ContainerPath, "container">,
  ports: StreamPorts,
): Promise<void> {
  const sandboxId = await ports.pods.findSandbox(namespace, name, podUid);
  const wanted = call.query.getAll("port").flatMap((text) => text.split(",").map(Number));
  const url = new URL(await ports.runtime.portForward(sandboxId, wanted));
  if (isWebSocket(call.message)) {
    const offered = offeredProtocols(call.message.headers["sec-websocket-protocol"]);
    if (!offered.includes(portForwardTunnelProtocol)) {
      throw new BerthError("Invalid", `port-forward over WebSocket needs the protocol ${portForwardTunnelProtocol}`);
    }
    const runtime = await openSpdy(url, portForwardProtocol);
    const socket = await acceptWebSocket(call.message, call.socket, call.head, portForwardTunnelProtocol);
    await joinConnections(createWebSocketTunnel(socket), withHead(runtime));
    return;
  }
  await joinSpdy(call, url, [portForwardProtocol]);
}

async function findRunning(target: ContainerPath, pods: PodDirectory): Promise<string> {
  const { containerId, isRunning } = await pods.findContainer(target);
  if (!isRunning) throw new BerthError("Unavailable", `container ${target.container} is not running`);
  return containerId;
}

async function joinCommand(call: UpgradeCall, options: RemoteCommandOptions, url: string): Promise<void> {
  if (!isWebSocket(call.message)) return await joinSpdy(call, new URL(url), spdyRemoteCommandProtocols);
  const offered = offeredProtocols(call.message.headers["sec-websocket-protocol"]);
  const protocol = chooseProtocol(offered, remoteCommandProtocols);
  if (protocol === undefined) throw new BerthError("Invalid", `none of the protocols is known: ${offered.join(", ")}`);
  const newest = spdyRemoteCommandProtocols[0];
  const runtime = await openSpdy(new URL(url), newest);
  const client = await useSpdyRemoteCommand(withHead(runtime), options, newest);
  try {
    const socket = await acceptWebSocket(call.message, call.socket, call.head, protocol);
    await pipeRemoteCommand(serveRemoteCommand(socket, options), client);
  } finally {
    client.close();
  }
}

/** The client speaks what the runtime speaks: nothing is looked at. */
async function joinSpdy(call: UpgradeCall, url: URL, known: readonly string[]): Promise<void> {
  const { message, socket, head } = call;
  if (message.headers.upgrade?.toLowerCase() !== spdy.toLowerCase()) {
    throw new BerthError(
      "Invalid",
      `cannot upgrade to ${message.headers.upgrade ?? "nothing"}; use ${spdy} or websocket`,
    );
  }
  const header = message.headers[streamProtocolHeader];
  const offered = offeredProtocols(Array.isArray(header) ? header.join(",") : header);
  // Clients that name none speak the oldest.
  const protocol = offered.length === 0 ? known.at(-1) : offered.find((name) => known.includes(name));
  if (protocol === undefined)
    throw new BerthError("Forbidden", `unable to negotiate protocol: client ${offered.join(", ")}`);
  const runtime = await openSpdy(url, protocol);
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Connection: Upgrade",
    `Upgrade: ${spdy}`,
    ...(offered.length === 0 ? [] : [`X-Stream-Protocol-Version: ${protocol}`]),
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  if (head.length > 0) socket.unshift(head);
  await joinConnections(socket, withHead(runtime));
}

function openSpdy(url: URL, protocol: string): Promise<UpgradedConnection> {
  return requestUpgrade({ url, method: "POST", headers: { upgrade: spdy, [streamProtocolHeader]: protocol } });
}

function withHead({ socket, head }: UpgradedConnection): Duplex {
  if (head.length > 0) socket.unshift(head);
  return socket;
}

function isWebSocket(message: IncomingMessage): boolean {
  return message.headers.upgrade?.toLowerCase() === "websocket";
}
