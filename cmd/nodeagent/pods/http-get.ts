/** The GET of lifecycle hooks: no certificate checks, no kept connections, the body is not read. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { HttpGet } from "./lifecycle-hooks.ts";

export const sendHookRequest: HttpGet = (url, headers, signal) =>
  new Promise((resolve, reject) => {
    const options = { headers, signal, agent: false as const };
    const outgoing = url.startsWith("https:")
      ? httpsRequest(url, { ...options, rejectUnauthorized: false })
      : httpRequest(url, options);
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0 });
    });
    outgoing.end();
  });
