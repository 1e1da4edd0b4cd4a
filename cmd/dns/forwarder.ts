/**
 * Questions about other names go to the servers the node itself uses. Messages pass through as bytes, only their ID
 * changes, so that EDNS0 and DNSSEC survive. Answers are kept for their time to live; equal questions share one query.
 */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { type Answer, decode } from "dns-packet";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { Random } from "#pkg/system/random.ts";

export interface ForwarderOptions {
  /** Tried in order. */
  readonly servers: readonly { readonly address: string; readonly port: number }[];
  readonly clock: Clock;
  readonly random: Random;
  /** Per server. Default 2000. */
  readonly timeoutMs?: number;
}

export interface Forwarder {
  /** The answer as bytes, with the query's own ID. Throws "Unavailable" when no server answered. */
  forward(query: Uint8Array, overTcp: boolean): Promise<Buffer>;
}

interface Kept {
  readonly response: Buffer;
  readonly expiresMs: number;
}

const truncatedBit = 0x0200;
const maxKept = 10_000;
/** Nothing is kept longer, whatever its time to live. */
const maxKeptMs = 30_000;

export function createForwarder(options: ForwarderOptions): Forwarder {
  const kept = new Map<string, Kept>();
  const underWay = new Map<string, Promise<Buffer>>();

  async function ask(query: Uint8Array, overTcp: boolean): Promise<Buffer> {
    let last: unknown;
    for (const server of options.servers) {
      try {
        const attempt = withId(query, Buffer.from(options.random.bytes(2)).readUInt16BE(0));
        const send = overTcp ? askOverTcp : askOverUdp;
        return await send(attempt, server, options.clock, options.timeoutMs ?? 2000);
      } catch (error) {
        last = error;
      }
    }
    throw new BerthError(
      "Unavailable",
      options.servers.length === 0 ? "no upstream DNS server is known" : "no upstream DNS server answered",
      { cause: last },
    );
  }

  return {
    async forward(query, overTcp) {
      // Everything after the ID: flags, question and options make the question what it is.
      const key = `${overTcp ? "t" : "u"}${Buffer.from(query.subarray(2)).toString("latin1").toLowerCase()}`;
      const id = Buffer.from(query).readUInt16BE(0);
      const known = kept.get(key);
      if (known && known.expiresMs > options.clock.now()) return withId(known.response, id);
      let asking = underWay.get(key);
      if (!asking) {
        asking = ask(query, overTcp).finally(() => underWay.delete(key));
        underWay.set(key, asking);
      }
      const response = await asking;
      keep(kept, key, response, options.clock.now());
      return withId(response, id);
    },
  };
}

function keep(kept: Map<string, Kept>, key: string, response: Buffer, nowMs: number): void {
  const ttl = timeToLiveMs(response);
  if (ttl <= 0) return;
  kept.delete(key);
  kept.set(key, { response, expiresMs: nowMs + ttl });
  const oldest = kept.keys().next();
  if (kept.size > maxKept && !oldest.done) kept.delete(oldest.value);
}

/** The shortest time to live in a complete answer, or the SOA's for names that do not exist; 0: do not keep. */
function timeToLiveMs(response: Buffer): number {
  const flags = response.readUInt16BE(2);
  const code = flags & 0xf;
  if ((flags & truncatedBit) !== 0 || (code !== 0 && code !== 3)) return 0;
  try {
    const { answers = [], authorities = [] } = decode(response);
    const ttls = (answers.length > 0 ? answers : authorities).map((one: Answer) => (one as { ttl?: number }).ttl ?? 0);
    return ttls.length === 0 ? 0 : Math.min(Math.min(...ttls) * 1000, maxKeptMs);
  } catch {
    return 0;
  }
}

function withId(message: Uint8Array, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

type Server = ForwarderOptions["servers"][number];

function askOverUdp(query: Buffer, server: Server, clock: Clock, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(server.address.includes(":") ? "udp6" : "udp4");
    const timer = clock.setTimer(timeoutMs, () =>
      finish(new BerthError("Timeout", `${server.address} did not answer`)),
    );
    const finish = (result: Buffer | Error): void => {
      timer.cancel();
      socket.removeAllListeners().on("error", () => undefined);
      socket.close();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    socket.on("error", finish);
    socket.on("message", (message) => {
      // An answer to another question, or a forged one, is ignored: the real one may still come.
      if (message.length >= 12 && message.readUInt16BE(0) === query.readUInt16BE(0)) finish(message);
    });
    socket.connect(server.port, server.address, () => socket.send(query));
  });
}

function askOverTcp(query: Buffer, server: Server, clock: Clock, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.address, port: server.port });
    const timer = clock.setTimer(timeoutMs, () =>
      finish(new BerthError("Timeout", `${server.address} did not answer`)),
    );
    let received = Buffer.alloc(0);
    const finish = (result: Buffer | Error): void => {
      timer.cancel();
      socket.destroy();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    socket.on("error", finish);
    socket.on("close", () => finish(new BerthError("Unavailable", `${server.address} closed the connection`)));
    socket.on("connect", () => socket.write(withLength(query)));
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0))
        finish(received.subarray(2, 2 + received.readUInt16BE(0)));
    });
  });
}

/** DNS over TCP puts each message behind its length. */
export function withLength(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length, 0);
  return Buffer.concat([length, message]);
}

/** The `nameserver` lines of a resolv.conf. */
export function parseNameservers(resolvConf: string): readonly string[] {
  return resolvConf.split("\n").flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
}
