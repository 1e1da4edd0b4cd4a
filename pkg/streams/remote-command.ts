/**
 * exec and attach as streams, seen from both ends, free of the protocol that carries them. WebSocket and SPDY versions of
 * both ends are beside this file; `pipeRemoteCommand` joins a server end to a client end.
 * Source: k8s.io/apimachinery/pkg/util/remotecommand, KEP-4006.
 */
import type { Readable, Writable } from "node:stream";
import { type StatusBody, StatusError } from "#pkg/api/status.ts";

/** Which streams are wanted. A terminal has no separate standard error. */
export interface RemoteCommandOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** The end at the container: reads what the person types, writes what the process prints. */
export interface RemoteCommandServer {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  onResize(listener: (size: TerminalSize) => void): void;
  /** Sends how the command ended, after its output, and closes. Success is `{status: "Success"}`. */
  finish(status: StatusBody): Promise<void>;
  /** Resolves when the other side is gone. */
  readonly closed: Promise<void>;
}

/** The end at the person. */
export interface RemoteCommandClient {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  resize(size: TerminalSize): void;
  /** How the command ended; a lost connection is a failure with reason InternalError. */
  readonly status: Promise<StatusBody>;
  close(): void;
}

export const successStatus: StatusBody = {
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Success",
  code: 200,
};

/** The Status of a command that ended with `exitCode` other than 0: what makes kubectl exit with the same code. */
export function exitCodeStatus(exitCode: number): StatusBody {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    // Not among the reasons of API errors: only streams use it.
    reason: "NonZeroExitCode" as StatusBody["reason"],
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
    code: 500,
  };
}

/** Reads the error stream's text: JSON since protocol v4, plain text before; empty means success. */
export function parseErrorStream(text: string): StatusBody {
  if (text === "") return successStatus;
  try {
    const parsed = JSON.parse(text) as Partial<StatusBody> | null;
    // Runtimes leave kind and apiVersion out.
    if (parsed?.status === "Success") return { ...successStatus, ...parsed } as StatusBody;
    if (parsed?.status === "Failure") return { ...StatusError.internal("").status, ...parsed } as StatusBody;
  } catch {
    // Plain text of an older protocol version.
  }
  return StatusError.internal(text).status;
}

/** What the error stream carries for `status` under the protocol version. */
export function formatErrorStream(status: StatusBody, protocol: string): string {
  if (/^(base64\.)?v[45]\./.test(protocol)) return JSON.stringify(status);
  return status.status === "Success" ? "" : (status.message ?? "the command failed");
}

/** Parses the resize stream's JSON messages, which may be cut anywhere. */
export function createResizeParser(listener: (size: TerminalSize) => void): (chunk: string) => void {
  let pending = "";
  return (chunk) => {
    pending += chunk;
    for (let end = pending.indexOf("}"); end >= 0; end = pending.indexOf("}")) {
      const size = parseSize(pending.slice(0, end + 1));
      pending = pending.slice(end + 1);
      if (size) listener(size);
    }
    if (pending.length > 1024) pending = "";
  };
}

function parseSize(text: string): TerminalSize | undefined {
  try {
    const { Width: width, Height: height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    return typeof width === "number" && typeof height === "number" ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}

/** Joins the two ends: everything typed goes to `client`, everything printed comes back, then the status. */
export async function pipeRemoteCommand(server: RemoteCommandServer, client: RemoteCommandClient): Promise<void> {
  server.onResize((size) => client.resize(size));
  if (server.stdin && client.stdin) {
    client.stdin.on("error", () => undefined);
    server.stdin.pipe(client.stdin);
  }
  const outputs = [forward(client.stdout, server.stdout), forward(client.stderr, server.stderr)];
  const ended = await Promise.race([client.status, server.closed.then(() => undefined)]);
  if (ended === undefined) {
    client.close();
    return;
  }
  await Promise.race([Promise.all(outputs), server.closed]);
  await server.finish(ended);
  client.close();
}

/** Resolves when everything was read and handed over. The target stays open: the status follows. */
function forward(from: Readable | undefined, to: Writable | undefined): Promise<void> {
  if (!from) return Promise.resolve();
  return new Promise((resolve) => {
    // The last pieces may wait inside the target; what is written behind them is done after them.
    const flush = (): void => {
      if (to && !to.destroyed && to.writableLength > 0) to.write(Buffer.alloc(0), () => resolve());
      else resolve();
    };
    from.on("end", flush).on("close", flush).on("error", flush);
    if (to) from.pipe(to, { end: false });
    else from.resume();
  });
}
