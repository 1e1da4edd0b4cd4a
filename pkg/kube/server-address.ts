/** Where an API server is, from the URL in a kubeconfig. Pure. */
import { BerthError } from "#pkg/system/errors.ts";

export type ServerAddress =
  | {
      readonly scheme: "https" | "http";
      readonly host: string;
      readonly port: number;
      /** "" or `/prefix` without a slash at its end: put before every path. */
      readonly pathPrefix: string;
    }
  | { readonly scheme: "unix"; readonly socketPath: string; readonly pathPrefix: "" };

/** Reads `https://host:6443`, `http://127.0.0.1:8080/prefix` or `unix:///run/x.sock`. Throws "Invalid". */
export function parseServerAddress(text: string): ServerAddress {
  const url = URL.parse(text);
  switch (url?.protocol) {
    case "unix:":
      if (url.host !== "" || url.pathname === "") break;
      return { scheme: "unix", socketPath: decodeURIComponent(url.pathname), pathPrefix: "" };
    case "https:":
    case "http:": {
      if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") break;
      const scheme = url.protocol === "https:" ? "https" : "http";
      const port = Number(url.port || (scheme === "https" ? 443 : 80));
      return { scheme, host: url.hostname.replace(/^\[|\]$/g, ""), port, pathPrefix: url.pathname.replace(/\/+$/, "") };
    }
    default:
  }
  throw new BerthError("Invalid", `server ${JSON.stringify(text)}: want https://host:port, http://… or unix:///path`);
}

/** `host:port` as it stands in a Host header. */
export function authorityOf(address: ServerAddress): string {
  if (address.scheme === "unix") return "localhost";
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
