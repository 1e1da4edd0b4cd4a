/**
 * httpGet probes: 200 to 399 is success. Certificates are not checked, connections are not kept, a redirect to another
 * host counts as a warning and is not followed.
 * Source: k8s.io/kubernetes pkg/probe/http (v1.36).
 */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { messageOf } from "#pkg/system/errors.ts";
import { maxProbeOutput, type ProbeResult, probeResult } from "./probe.ts";

export interface HttpProbe {
  readonly scheme: "HTTP" | "HTTPS";
  readonly host: string;
  readonly port: number;
  /** With query; a missing leading slash is added. */
  readonly path: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly timeoutMs: number;
  /** e.g. "kube-probe/1.36" */
  readonly userAgent: string;
}

const maxRedirects = 10;

export async function probeHttp(probe: HttpProbe): Promise<ProbeResult> {
  const signal = AbortSignal.timeout(probe.timeoutMs);
  const path = probe.path.startsWith("/") ? probe.path : `/${probe.path}`;
  const host = probe.host.includes(":") ? `[${probe.host}]` : probe.host;
  let url: URL;
  try {
    url = new URL(`${probe.scheme.toLowerCase()}://${host}:${probe.port}${path}`);
  } catch (error) {
    return probeResult("unknown", `the probe's URL is not valid: ${messageOf(error)}`);
  }
  try {
    for (let redirects = 0; ; redirects++) {
      const { response, body } = await get(url, headersOf(probe), signal);
      const location = response.headers.location;
      if (!isRedirect(response.statusCode) || location === undefined) return judge(response.statusCode ?? 0, body);
      const next = new URL(location, url);
      if (next.hostname !== url.hostname) {
        return probeResult("warning", `Probe terminated redirects, Response body: ${body}`);
      }
      if (redirects >= maxRedirects) return probeResult("failure", `stopped after ${maxRedirects} redirects`);
      url = next;
    }
  } catch (error) {
    const what = signal.aborted ? `no answer within ${probe.timeoutMs} ms` : messageOf(error);
    return probeResult("failure", `Get "${url.href}": ${what}`);
  }
}

function judge(status: number, body: string): ProbeResult {
  if (status >= 200 && status < 400) return probeResult("success", body);
  return probeResult("failure", `HTTP probe failed with statuscode: ${status}`);
}

function isRedirect(status: number | undefined): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** User-Agent and Accept unless the probe says otherwise; an empty value removes a default. */
function headersOf(probe: HttpProbe): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {
    "user-agent": probe.userAgent,
    accept: "*/*",
    connection: "close",
  };
  const given = new Map<string, string[]>();
  for (const { name, value } of probe.headers) {
    const key = name.toLowerCase();
    given.set(key, [...(given.get(key) ?? []), value]);
  }
  for (const [name, values] of given) {
    const isDefault = name === "user-agent" || name === "accept";
    if (isDefault && values.every((value) => value === "")) delete headers[name];
    else headers[name] = values.length === 1 ? (values[0] ?? "") : values;
  }
  return headers;
}

function get(
  url: URL,
  headers: Record<string, string | string[]>,
  signal: AbortSignal,
): Promise<{ response: IncomingMessage; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { headers, signal, agent: false as const };
    const outgoing =
      url.protocol === "https:"
        ? httpsRequest(url, { ...options, rejectUnauthorized: false })
        : httpRequest(url, options);
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      let body = "";
      const finish = (): void => resolve({ response, body });
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
        if (body.length >= maxProbeOutput) {
          finish();
          response.destroy();
        }
      });
      response.on("end", finish);
      response.on("error", reject);
    });
    outgoing.end();
  });
}
