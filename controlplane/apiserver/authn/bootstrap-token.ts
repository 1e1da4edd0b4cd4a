/**
 * Bootstrap tokens, with which a new node first asks for a certificate: `<id>.<secret>`, kept as Secrets named
 * bootstrap-token-<id> in kube-system.
 */
import { timingSafeEqual } from "node:crypto";
import type { Secret } from "#pkg/api/core/v1.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { TokenAuthenticator } from "./authenticator.ts";
import { groups } from "./user-names.ts";

const shape = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const extraGroupShape = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

export class BootstrapTokenAuthenticator implements TokenAuthenticator {
  readonly #reader: ObjectReader;
  readonly #clock: Clock;

  constructor(reader: ObjectReader, clock: Clock) {
    this.#reader = reader;
    this.#clock = clock;
  }

  async authenticateToken(token: string, audiences: readonly string[]) {
    const [, id, secretPart] = shape.exec(token) ?? [];
    if (!id || !secretPart) return undefined;
    const secret = this.#reader.get("", "secrets", "kube-system", `bootstrap-token-${id}`) as Secret | undefined;
    if (!secret || !isUsable(secret, id, secretPart, this.#clock.now())) return undefined;
    const userGroups = bootstrapGroups(secret);
    return userGroups && { user: { name: `system:bootstrap:${id}`, groups: userGroups }, audiences };
  }
}

function isUsable(secret: Secret, id: string, secretPart: string, nowMs: number): boolean {
  if (secret.metadata.deletionTimestamp || secret.type !== "bootstrap.kubernetes.io/token") return false;
  if (!isEqual(dataOf(secret, "token-secret"), secretPart) || dataOf(secret, "token-id") !== id) return false;
  if (dataOf(secret, "usage-bootstrap-authentication") !== "true") return false;
  const expiration = dataOf(secret, "expiration");
  // A time that cannot be read counts as past.
  return expiration === "" || Date.parse(expiration) > nowMs;
}

/** Undefined when a group lies outside the tokens' own corner of names. */
function bootstrapGroups(secret: Secret): readonly string[] | undefined {
  const extra = dataOf(secret, "auth-extra-groups");
  const names = extra === "" ? [] : extra.split(",");
  return names.every((name) => extraGroupShape.test(name))
    ? [groups.bootstrappers, ...new Set(names)].sort()
    : undefined;
}

function dataOf(secret: Secret, key: string): string {
  const data: Readonly<Record<string, unknown>> = secret.data ?? {};
  const value = Object.hasOwn(data, key) ? data[key] : undefined;
  return typeof value === "string" ? Buffer.from(value, "base64").toString("utf8") : "";
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
