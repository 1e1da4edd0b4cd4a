/**
 * Who may ask the agent for what: identities by client certificate or by the API server's word on a token, rights by the
 * API server's word on `nodes/<subresource>`. Answers are kept for a while; without an answer nobody gets in.
 * Source: kubelet server/auth.go (v1.36).
 */
import { createHash } from "node:crypto";
import type { UserInfo } from "#pkg/api/authentication/v1.ts";
import type { KubeClient } from "#pkg/kube/client.ts";
import { LruCache } from "#pkg/kube/lru-cache.ts";
import type { Clock } from "#pkg/system/clock.ts";

export interface NodeUser {
  readonly name: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** What a request needs: one of the alternatives, each all of its verbs. */
export interface NeededAccess {
  readonly verbs: readonly string[];
  /** Best first. */
  readonly subresources: readonly string[];
}

const verbs: Readonly<Record<string, string>> = {
  GET: "get",
  HEAD: "get",
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};
/** Paths below which something runs or changes in a container: a WebSocket's GET needs more than reading there. */
const acting = /^\/(exec|attach|portForward|run)(\/|$)/;

/** Pure. */
export function neededAccess(method: string, path: string): NeededAccess {
  const verb = verbs[method] ?? "get";
  const needed = acting.test(path) && verb === "get" ? ["get", "create"] : [verb];
  return { verbs: needed, subresources: subresourcesOf(path) };
}

function subresourcesOf(path: string): readonly string[] {
  const [, first = ""] = path.split("/");
  switch (first) {
    case "stats":
      return ["stats"];
    case "metrics":
      return ["metrics"];
    case "logs":
      return ["log"];
    case "checkpoint":
      return ["checkpoint"];
    case "pods":
    case "runningpods":
      return ["pods", "proxy"];
    case "healthz":
    case "configz":
      return [first, "proxy"];
    default:
      return ["proxy"];
  }
}

export interface NodeAccessOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly nodeName: string;
}

const authenticatedGroup = "system:authenticated";
const tokenMs = 2 * 60_000;
const allowMs = 5 * 60_000;
const denyMs = 30_000;
const cacheSize = 1024;

interface Kept<V> {
  readonly value: V;
  readonly untilMs: number;
}

export class NodeAccess {
  readonly #options: NodeAccessOptions;
  readonly #tokens = new LruCache<Kept<NodeUser | undefined>>(cacheSize);
  readonly #rights = new LruCache<Kept<boolean>>(cacheSize);

  constructor(options: NodeAccessOptions) {
    this.#options = options;
  }

  /** The user of a verified client certificate. */
  certificateUser(commonName: string, organizations: readonly string[]): NodeUser | undefined {
    return commonName === "" ? undefined : { name: commonName, groups: [...organizations, authenticatedGroup] };
  }

  /** undefined: the token is nobody's. Throws when the API server cannot be asked. */
  async tokenUser(token: string): Promise<NodeUser | undefined> {
    const key = createHash("sha256").update(token).digest("hex");
    const now = this.#options.clock.monotonic();
    const kept = this.#tokens.get(key);
    if (kept && now < kept.untilMs) return kept.value;
    const review = await this.#options.client.tokenReviews.create({ metadata: {}, spec: { token } });
    const value = review.status?.authenticated ? nodeUser(review.status.user ?? {}) : undefined;
    this.#tokens.set(key, { value, untilMs: now + tokenMs });
    return value;
  }

  /** Throws when the API server cannot be asked. */
  async isAllowed(user: NodeUser, { verbs: needed, subresources }: NeededAccess): Promise<boolean> {
    for (const subresource of subresources) {
      const answers = await Promise.all(needed.map((verb) => this.#mayDo(user, verb, subresource)));
      if (answers.every((answer) => answer)) return true;
    }
    return false;
  }

  async #mayDo(user: NodeUser, verb: string, subresource: string): Promise<boolean> {
    const key = JSON.stringify([user.name, user.uid, user.groups, user.extra, verb, subresource]);
    const now = this.#options.clock.monotonic();
    const kept = this.#rights.get(key);
    if (kept && now < kept.untilMs) return kept.value;
    const { client, nodeName } = this.#options;
    const review = await client.subjectAccessReviews.create({
      metadata: {},
      spec: {
        user: user.name,
        groups: [...user.groups],
        ...(user.uid ? { uid: user.uid } : {}),
        ...(user.extra
          ? { extra: Object.fromEntries(Object.entries(user.extra).map(([name, values]) => [name, [...values]])) }
          : {}),
        resourceAttributes: { verb, group: "", version: "v1", resource: "nodes", subresource, name: nodeName },
      },
    });
    const value = review.status?.allowed === true && review.status.denied !== true;
    this.#rights.set(key, { value, untilMs: now + (value ? allowMs : denyMs) });
    return value;
  }
}

function nodeUser({ username = "", uid, groups = [], extra }: UserInfo): NodeUser | undefined {
  if (username === "") return undefined;
  return { name: username, uid, groups, extra };
}
