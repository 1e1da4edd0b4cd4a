/** A request as it goes on the wire, with the headers of the connection's owner. */
import type { TransportRequest } from "./transport.ts";

/** A list is sent as several headers of the same name. */
export type WireHeaders = Readonly<Record<string, string | string[]>>;

export type WireRequest = Omit<TransportRequest, "headers"> & { readonly headers: WireHeaders };
