/**
 * How the client reaches an API server: HTTPS (HTTP/2 or HTTP/1.1) to a real one, or a function call to the one in this
 * process. The client above knows no difference.
 */

export interface TransportRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS";
  /** Path with query, e.g. `/api/v1/pods?limit=500`. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface TransportResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as it arrives; must be read to its end or cancelled by `return()` or the request's signal. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface Transport extends AsyncDisposable {
  /** Throws BerthError "Unavailable" when no answer could be had, "Aborted" when the signal fired. HTTP errors are answers. */
  request(request: TransportRequest): Promise<TransportResponse>;
}
