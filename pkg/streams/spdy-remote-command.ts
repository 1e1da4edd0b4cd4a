/**
 * exec and attach over SPDY/3.1: each stream of the command is a SPDY stream with a `streamtype` header. Older kubectls
 * and every CRI runtime's streaming server speak this.
 */
import type { Duplex } from "node:stream";
import { BerthError } from "#pkg/system/errors.ts";
import {
  createResizeParser,
  formatErrorStream,
  parseErrorStream,
  type RemoteCommandClient,
  type RemoteCommandOptions,
  type RemoteCommandServer,
} from "./remote-command.ts";
import { SpdySession, type SpdyStream } from "./spdy-session.ts";

/** Header in which a SPDY client lists protocol versions and the server answers with one. */
export const streamProtocolHeader = "x-stream-protocol-version";

/** Best first. v5 adds nothing over SPDY, so v4 is what both sides settle on. */
export const spdyRemoteCommandProtocols = [
  "v4.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
] as const;

/** Streams the client opens, in the order servers expect them. */
function expectedStreams(options: RemoteCommandOptions, protocol: string): readonly string[] {
  return [
    "error",
    ...(options.stdin ? ["stdin"] : []),
    ...(options.stdout ? ["stdout"] : []),
    ...(options.stderr && !options.tty ? ["stderr"] : []),
    ...(options.tty && protocol !== "channel.k8s.io" && protocol !== "v2.channel.k8s.io" ? ["resize"] : []),
  ];
}

/** Waits for the streams of an upgraded connection; throws "Timeout" through `signal` when the client never opens them. */
export async function serveSpdyRemoteCommand(
  connection: Duplex,
  options: RemoteCommandOptions,
  protocol: string,
  signal: AbortSignal,
): Promise<RemoteCommandServer> {
  const wanted = expectedStreams(options, protocol);
  const streams = new Map<string, SpdyStream>();
  const complete = Promise.withResolvers<void>();
  const session = new SpdySession(connection, {
    role: "server",
    onStream: (stream) => {
      const type = stream.headers["streamtype"] ?? "";
      if (!wanted.includes(type) || streams.has(type)) {
        stream.destroy();
        return;
      }
      stream.accept();
      stream.on("error", () => undefined);
      streams.set(type, stream);
      if (streams.size === wanted.length) complete.resolve();
    },
  });
  const giveUp = (): void => complete.reject(new BerthError("Timeout", "the client did not open its streams in time"));
  signal.addEventListener("abort", giveUp, { once: true });
  void session.closed.then(() => complete.reject(new BerthError("Aborted", "the client went away")));
  try {
    await complete.promise;
  } catch (error) {
    session.close();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
  return createServer(session, streams, protocol);
}

function createServer(
  session: SpdySession,
  streams: ReadonlyMap<string, SpdyStream>,
  protocol: string,
): RemoteCommandServer {
  return {
    stdin: streams.get("stdin"),
    stdout: streams.get("stdout"),
    stderr: streams.get("stderr"),
    closed: session.closed,
    onResize(listener) {
      const parse = createResizeParser(listener);
      streams.get("resize")?.on("data", (chunk: Buffer) => parse(chunk.toString("utf8")));
    },
    async finish(status) {
      for (const name of ["stdout", "stderr"]) streams.get(name)?.end();
      await new Promise<void>((resolve) => {
        const error = streams.get("error");
        if (error) error.end(formatErrorStream(status, protocol), () => resolve());
        else resolve();
      });
      session.close();
    },
  };
}

/** Opens the streams on a connection that was upgraded to SPDY/3.1 with `protocol`. */
export async function useSpdyRemoteCommand(
  connection: Duplex,
  options: RemoteCommandOptions,
  protocol: string,
): Promise<RemoteCommandClient> {
  const session = new SpdySession(connection, { role: "client" });
  const streams = new Map<string, SpdyStream>();
  for (const streamtype of expectedStreams(options, protocol)) {
    const stream = await session.open({ streamtype });
    stream.on("error", () => undefined);
    streams.set(streamtype, stream);
  }
  const error = streams.get("error");
  let errorText = "";
  let errorEnded = false;
  error?.on("data", (chunk: Buffer) => {
    errorText += chunk.toString("utf8");
  });
  const ended = new Promise<void>((resolve) => {
    error?.on("end", () => {
      errorEnded = true;
      resolve();
    });
    void session.closed.then(resolve);
  });
  error?.end();
  return {
    stdin: streams.get("stdin"),
    stdout: streams.get("stdout"),
    stderr: streams.get("stderr"),
    resize: (size) => {
      streams.get("resize")?.write(JSON.stringify({ Width: size.width, Height: size.height }));
    },
    status: ended.then(() =>
      parseErrorStream(errorText || (errorEnded ? "" : "the connection to the runtime was lost")),
    ),
    close: () => session.close(),
  };
}
