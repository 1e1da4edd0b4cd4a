/**
 * A WebSocket as a byte stream: binary messages in a row are the bytes. kubectl's port-forward runs SPDY through such a
 * tunnel (subprotocol `SPDY/3.1+portforward.k8s.io`).
 */
import { Duplex } from "node:stream";
import { WebSocket } from "ws";

export const portForwardTunnelProtocol = "SPDY/3.1+portforward.k8s.io";

export function createWebSocketTunnel(socket: WebSocket): Duplex {
  socket.binaryType = "nodebuffer";
  const tunnel = new Duplex({
    allowHalfOpen: false,
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, callback) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(chunk, (error) => callback(error ?? null));
      else callback();
    },
    final: (callback) => {
      socket.close(1000);
      callback();
    },
    destroy: (error, callback) => {
      if (socket.readyState === WebSocket.OPEN) socket.close(1000);
      callback(error);
    },
  });
  socket.on("message", (data: Buffer) => {
    if (data.length > 0 && !tunnel.push(data)) socket.pause();
  });
  socket.on("close", () => tunnel.push(null));
  socket.on("error", () => tunnel.destroy());
  return tunnel;
}
