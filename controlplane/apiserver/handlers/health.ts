/**
 * /healthz, /livez and /readyz, each with `?verbose`, `?exclude=<check>` and `/<check>`. Text as upstream prints it, since
 * people and probes read it. What failed is told only to who may read the log: the page says "reason withheld".
 */
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { ApiRequest, ApiResponse } from "../http/api-request.ts";

export interface HealthCheck {
  /** "etcd", "informer-sync", "poststarthook/rbac/bootstrap-roles". */
  readonly name: string;
  /** Throws when not healthy. */
  check(): Promise<void>;
}

export type HealthEndpoint = "healthz" | "livez" | "readyz";

export const pingCheck: HealthCheck = { name: "ping", check: async () => undefined };

export class HealthHandler {
  readonly #checks: Readonly<Record<HealthEndpoint, readonly HealthCheck[]>>;
  readonly #log: Logger;

  constructor(checks: Readonly<Record<HealthEndpoint, readonly HealthCheck[]>>, log: Logger) {
    this.#checks = checks;
    this.#log = log;
  }

  /** Undefined when the path is none of health. */
  find(path: string): ((request: ApiRequest) => Promise<ApiResponse>) | undefined {
    const match = /^\/(healthz|livez|readyz)(?:\/(.*))?$/.exec(path.replace(/\/+$/, ""));
    if (!match) return undefined;
    const endpoint = match[1] as HealthEndpoint;
    const name = match[2];
    if (name === undefined) return (request) => this.#all(endpoint, request);
    const check = this.#checks[endpoint].find((one) => one.name === name);
    return check && (() => this.#one(check));
  }

  async #all(endpoint: HealthEndpoint, request: ApiRequest): Promise<ApiResponse> {
    const excluded = new Set(request.query.getAll("exclude"));
    const lines: string[] = [];
    const failed: string[] = [];
    for (const check of this.#checks[endpoint]) {
      if (excluded.delete(check.name)) {
        lines.push(`[+]${check.name} excluded: ok`);
        continue;
      }
      const error = await this.#run(check);
      if (error) failed.push(check.name);
      lines.push(error ? `[-]${check.name} failed: reason withheld` : `[+]${check.name} ok`);
    }
    for (const unknown of excluded)
      lines.push(`warn: some health checks cannot be excluded: no matches for "${unknown}"`);
    if (failed.length > 0) return text(500, `${lines.join("\n")}\n${endpoint} check failed\n`);
    if (!request.query.has("verbose")) return text(200, "ok");
    return text(200, `${lines.join("\n")}\n${endpoint} check passed\n`);
  }

  async #one(check: HealthCheck): Promise<ApiResponse> {
    const error = await this.#run(check);
    return error ? text(500, `internal server error: ${messageOf(error)}\n`) : text(200, "ok");
  }

  async #run(check: HealthCheck): Promise<Error | undefined> {
    try {
      await check.check();
      return undefined;
    } catch (error) {
      this.#log.warn("health check failed", { check: check.name, error });
      return BerthError.from(error);
    }
  }
}

function text(status: number, body: string): ApiResponse {
  return {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
    body,
  };
}
