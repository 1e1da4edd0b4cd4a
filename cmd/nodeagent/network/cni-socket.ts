/**
 * The socket on which the CNI stub finds the agent. A request is one line of JSON, `{plugin, env, stdin}`; the answer is one
 * line, `{exitCode, stdout}`, and the end. Only root may connect: the socket's folder is closed to others.
 */
import { createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import type { CniAnswer, CniRequest } from "#pkg/network/cni/cni-types.ts";
import type { Files } from "#pkg/system/files.ts";

/** No runtime sends more: configurations are a few kilobytes. */
const maxRequestBytes = 1024 * 1024;

export async function serveCniSocket(
  file: string,
  files: Files,
  answer: (request: CniRequest) => Promise<CniAnswer>,
): Promise<AsyncDisposable> {
  await files.makeFolder(path.dirname(file), 0o700);
  // Left by an agent that was killed; a living one would have been noticed by its lock.
  await files.remove(file);
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    readRequest(socket, (request) => {
      void answer(request).then((result) => socket.end(`${JSON.stringify(result)}\n`));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(file, resolve);
  });
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function readRequest(socket: Socket, handle: (request: CniRequest) => void): void {
  let text = "";
  socket.setEncoding("utf8");
  const onData = (part: string): void => {
    text += part;
    if (text.length > maxRequestBytes) {
      socket.destroy();
      return;
    }
    const end = text.indexOf("\n");
    if (end < 0) return;
    socket.off("data", onData);
    try {
      handle(JSON.parse(text.slice(0, end)) as CniRequest);
    } catch {
      socket.destroy();
    }
  };
  socket.on("data", onData);
}
