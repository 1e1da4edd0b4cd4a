/** A client for tests of the server over TLS: JSON in, JSON out, on one HTTP/2 session, as the administrator. */
import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, looked at by expectations only
  readonly json: any;
}

export class TestClient implements Disposable {
  readonly #session: ClientHttp2Session;

  constructor(port: number, ca: string) {
    this.#session = connect(`https://localhost:${port}`, { ca });
    this.#session.on("error", () => undefined);
  }

  async ask(
    method: string,
    path: string,
    body?: object | string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const stream = this.open(method, path, headers);
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.end(typeof body === "object" ? JSON.stringify(body) : body);
    const closed = once(stream, "close");
    const [answered] = (await once(stream, "response")) as [IncomingHttpHeaders];
    await closed;
    const text = Buffer.concat(chunks).toString();
    const json: unknown = text.startsWith("{") ? JSON.parse(text) : undefined;
    return { status: Number(answered[":status"]), headers: answered, text, json };
  }

  /** For watches, and for whatever else is not one question and one answer. */
  open(method: string, path: string, headers: Readonly<Record<string, string>> = {}): ClientHttp2Stream {
    return this.#session.request(
      {
        ":method": method,
        ":path": path,
        authorization: "Bearer admin",
        "user-agent": "kubectl/v1.36.0",
        ...headers,
      },
      { endStream: false },
    );
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }
}
