import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Duplex, PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { StatusBody } from "#pkg/api/status.ts";
import {
  createResizeParser,
  exitCodeStatus,
  formatErrorStream,
  parseErrorStream,
  pipeRemoteCommand,
  type RemoteCommandClient,
  type RemoteCommandOptions,
  type RemoteCommandServer,
  successStatus,
} from "./remote-command.ts";
import { serveSpdyRemoteCommand, streamProtocolHeader, useSpdyRemoteCommand } from "./spdy-remote-command.ts";
import { requestUpgrade, UpgradeRefused } from "./upgrade.ts";
import {
  acceptWebSocket,
  chooseProtocol,
  offeredProtocols,
  remoteCommandProtocols,
  serveRemoteCommand,
  useRemoteCommand,
} from "./web-socket-channels.ts";
import { createWebSocketTunnel } from "./web-socket-tunnel.ts";

const everything: RemoteCommandOptions = { stdin: true, stdout: true, stderr: true, tty: false };
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** Upper-cases standard input, complains on standard error, ends with exit code 3. */
async function shout(server: RemoteCommandServer): Promise<void> {
  const typed = server.stdin ? await text(server.stdin) : "";
  server.stdout?.write(typed.toUpperCase());
  server.stderr?.write("that was loud");
  await server.finish(exitCodeStatus(3));
}

async function listen(
  onUpgrade: (request: Parameters<typeof acceptWebSocket>[0], socket: Duplex, head: Buffer) => Promise<void>,
): Promise<URL> {
  const server = createServer((_request, response) => response.writeHead(403).end("no"));
  servers.push(server);
  server.on("upgrade", (request, socket, head) => void onUpgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/exec`);
}

function webSocketServer(serve: (server: RemoteCommandServer) => Promise<void>, options = everything): Promise<URL> {
  return listen(async (request, socket, head) => {
    const protocol =
      chooseProtocol(offeredProtocols(request.headers["sec-websocket-protocol"]), remoteCommandProtocols) ?? "";
    await serve(serveRemoteCommand(await acceptWebSocket(request, socket, head, protocol), options));
  });
}

function spdyServer(serve: (server: RemoteCommandServer) => Promise<void>): Promise<URL> {
  return listen(async (request, socket, _head) => {
    const protocol = String(request.headers[streamProtocolHeader]);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n${streamProtocolHeader}: ${protocol}\r\n\r\n`,
    );
    await serve(await serveSpdyRemoteCommand(socket, everything, protocol, AbortSignal.timeout(5000)));
  });
}

async function webSocketClient(url: URL, protocol: string, options = everything): Promise<RemoteCommandClient> {
  const socket = new WebSocket(url.href.replace("http", "ws"), protocol ? [protocol] : []);
  const client = useRemoteCommand(socket, options);
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return client;
}

async function spdyClient(url: URL, protocol: string): Promise<RemoteCommandClient> {
  const { socket } = await requestUpgrade({ url, headers: { upgrade: "SPDY/3.1", [streamProtocolHeader]: protocol } });
  return useSpdyRemoteCommand(socket, everything, protocol);
}

async function run(client: RemoteCommandClient): Promise<{ out: string; err: string; status: StatusBody }> {
  const outputs = Promise.all([client.stdout ? text(client.stdout) : "", client.stderr ? text(client.stderr) : ""]);
  client.stdin?.end("hello");
  const status = await client.status;
  const [out, err] = await outputs;
  return { out, err, status };
}

const loud = { out: "HELLO", err: "that was loud" };

describe("exec streams", () => {
  test("carry input, both outputs and the exit code over WebSocket v5", async () => {
    const client = await webSocketClient(await webSocketServer(shout), "v5.channel.k8s.io");
    expect(await run(client)).toEqual({ ...loud, status: exitCodeStatus(3) });
  });

  test.each(["v4.channel.k8s.io", "v3.channel.k8s.io"])(
    "carry input, both outputs and the exit code over SPDY %s",
    async (protocol) => {
      const { out, err, status } = await run(await spdyClient(await spdyServer(shout), protocol));
      expect({ out, err }).toEqual(loud);
      expect(status.message).toContain("exit status 3");
      expect(status.details?.causes?.[0]?.message === "3").toBe(protocol.startsWith("v4"));
    },
  );

  test.each(["v4.channel.k8s.io", "channel.k8s.io", "base64.channel.k8s.io", ""])(
    "carry output over WebSocket %j",
    async (protocol) => {
      const printOnly = { ...everything, stdin: false };
      const print = async (server: RemoteCommandServer): Promise<void> => {
        server.stdout?.write(Buffer.from([0xff, 0x00, 0x41]));
        await server.finish(successStatus);
      };
      const client = await webSocketClient(await webSocketServer(print, printOnly), protocol, printOnly);
      const parts: Buffer[] = [];
      client.stdout?.on("data", (part: Buffer) => parts.push(part));
      expect((await client.status).status).toBe("Success");
      expect(Buffer.concat(parts)).toEqual(Buffer.from([0xff, 0x00, 0x41]));
    },
  );

  test("can be bridged: WebSocket in front, SPDY behind", async () => {
    const behind = await spdyServer(shout);
    const front = await webSocketServer(async (server) =>
      pipeRemoteCommand(server, await spdyClient(behind, "v4.channel.k8s.io")),
    );
    expect(await run(await webSocketClient(front, "v5.channel.k8s.io"))).toEqual({
      ...loud,
      status: exitCodeStatus(3),
    });
  });

  test("a client that goes away ends the bridge", async () => {
    const gone = Promise.withResolvers<void>();
    const behind = await spdyServer(async (server) => {
      server.stdin?.resume();
      await server.closed;
      gone.resolve();
    });
    const front = await webSocketServer(async (server) =>
      pipeRemoteCommand(server, await spdyClient(behind, "v4.channel.k8s.io")),
    );
    const client = await webSocketClient(front, "v5.channel.k8s.io");
    client.close();
    await gone.promise;
  });

  test("resizing reaches the terminal", async () => {
    const sizes: unknown[] = [];
    const terminal = { ...everything, tty: true };
    const url = await webSocketServer(async (server) => {
      await new Promise<void>((resolve) =>
        server.onResize((size) => {
          sizes.push(size);
          resolve();
        }),
      );
      await server.finish(successStatus);
    }, terminal);
    const client = await webSocketClient(url, "v5.channel.k8s.io", terminal);
    client.resize({ width: 80, height: 24 });
    await client.status;
    expect(sizes).toEqual([{ width: 80, height: 24 }]);
  });
});

describe("requestUpgrade", () => {
  test("says what the server answered instead", async () => {
    const url = await listen(async (_request, socket) => {
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    });
    await expect(requestUpgrade({ url, headers: { upgrade: "SPDY/3.1" } })).rejects.toThrow(UpgradeRefused);
  });
});

describe("createWebSocketTunnel", () => {
  test("is a byte stream in both directions", async () => {
    const url = await listen(async (request, socket, head) => {
      const tunnel = createWebSocketTunnel(await acceptWebSocket(request, socket, head, ""));
      tunnel.pipe(new PassThrough()).pipe(tunnel);
    });
    const socket = new WebSocket(url.href.replace("http", "ws"));
    await new Promise((resolve) => socket.once("open", resolve));
    const tunnel = createWebSocketTunnel(socket);
    const sent = Buffer.alloc(300_000, "abc");
    tunnel.write(sent);
    let got = 0;
    for await (const chunk of tunnel) {
      got += (chunk as Buffer).length;
      if (got === sent.length) break;
    }
    expect(got).toBe(sent.length);
  });
});

describe("error stream texts", () => {
  test("since v4 the status travels as JSON, before as text", () => {
    expect(parseErrorStream(formatErrorStream(exitCodeStatus(7), "v4.channel.k8s.io"))).toEqual(exitCodeStatus(7));
    expect(formatErrorStream(exitCodeStatus(7), "v2.channel.k8s.io")).toBe(
      "command terminated with non-zero exit code: exit status 7",
    );
    expect(formatErrorStream(successStatus, "channel.k8s.io")).toBe("");
    expect(parseErrorStream("").status).toBe("Success");
    expect(parseErrorStream('{"metadata":{},"status":"Success"}').status).toBe("Success");
    expect(parseErrorStream("no such container").message).toContain("no such container");
  });
});

describe("createResizeParser", () => {
  test("reads messages that are cut or joined, and skips nonsense", () => {
    const sizes: unknown[] = [];
    const parse = createResizeParser((size) => sizes.push(size));
    for (const part of ['{"Width":1,', '"Height":2}{"Width":3,"Height":4}', '{"x":1}', '{"Width":5,"Height":6}'])
      parse(part);
    expect(sizes).toEqual([
      { width: 1, height: 2 },
      { width: 3, height: 4 },
      { width: 5, height: 6 },
    ]);
  });
});
