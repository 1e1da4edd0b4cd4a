import { once } from "node:events";
import { type Duplex, duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { SpdySession, type SpdyStream } from "./spdy-session.ts";

function connect(onStream?: (stream: SpdyStream) => void): {
  client: SpdySession;
  server: SpdySession;
  wires: Duplex[];
} {
  const [near, far] = duplexPair();
  const server = new SpdySession(far, { role: "server", ...(onStream ? { onStream } : {}) });
  return { client: new SpdySession(near, { role: "client" }), server, wires: [near, far] };
}

describe("SpdySession", () => {
  test("carries several streams side by side, with their headers and both directions", async () => {
    const { client } = connect((stream) => {
      stream.accept();
      stream.write(`${stream.headers["streamtype"]}:`);
      stream.pipe(stream);
    });
    const names = ["stdin", "stdout", "error"];
    const answers = names.map(async (streamtype) => {
      const stream = await client.open({ streamtype });
      stream.end("x".repeat(100_000));
      return text(stream);
    });
    expect(await Promise.all(answers)).toEqual(names.map((name) => `${name}:${"x".repeat(100_000)}`));
  });

  test("half-closes: a stream that was ended by the client can still answer", async () => {
    const { client } = connect((stream) => {
      stream.accept();
      let all = "";
      stream.on("data", (chunk: Buffer) => {
        all += chunk;
      });
      stream.on("end", () => stream.end(`got ${all}`));
    });
    const stream = await client.open({});
    stream.end("all of it");
    expect(await text(stream)).toBe("got all of it");
  });

  test("a stream that ended with a full buffer does not hold up the others", async () => {
    const { client } = connect((stream) => {
      stream.accept();
      if (stream.headers["streamtype"] === "stdout") stream.end("x".repeat(1_000_000));
      else stream.end("done");
    });
    const stdout = await client.open({ streamtype: "stdout" });
    await new Promise((resolve) => setImmediate(resolve));
    const reading = (async () => {
      let length = 0;
      for await (const chunk of stdout) {
        length += (chunk as Buffer).length;
        await new Promise((resolve) => setImmediate(resolve));
      }
      return length;
    })();
    const error = await client.open({ streamtype: "error" });
    expect(await text(error)).toBe("done");
    expect(await reading).toBe(1_000_000);
  });

  test("a refused stream rejects with code Unavailable", async () => {
    const { client } = connect((stream) => stream.destroy());
    await expect(client.open({})).rejects.toMatchObject({ code: "Unavailable" });
  });

  test("a side without a stream handler refuses streams", async () => {
    const { server } = connect();
    await expect(server.open({})).rejects.toMatchObject({ code: "Unavailable" });
  });

  test("the loss of the connection ends every stream and refuses new ones", async () => {
    const { client, wires } = connect((stream) => stream.accept());
    const stream = await client.open({});
    stream.resume();
    const closed = once(stream, "close");
    wires[1]?.destroy();
    wires[0]?.destroy();
    await closed;
    await expect(client.open({})).rejects.toMatchObject({ code: "Unavailable" });
  });

  test("garbage closes the connection instead of crashing", async () => {
    const [near, far] = duplexPair();
    const server = new SpdySession(far, { role: "server" });
    near.write(Buffer.from("80ff000100000004deadbeef", "hex"));
    await server.closed;
    expect(far.destroyed).toBe(true);
  });

  test("a reader that does not read pauses the sender instead of filling memory", async () => {
    const accepted = Promise.withResolvers<SpdyStream>();
    const { client } = connect((stream) => {
      stream.accept();
      accepted.resolve(stream);
    });
    const stream = await client.open({});
    const chunk = Buffer.alloc(64 * 1024);
    let writes = 0;
    while (writes < 1000 && stream.write(chunk)) {
      writes++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(writes).toBeLessThan(1000);
    (await accepted.promise).resume();
    await once(stream, "drain");
    stream.destroy();
  });
});
