/**
 * Which credentials of pull secrets fit an image. Pure.
 * Source: kubelet credentialprovider/keyring.go (v1.36).
 */
import type { Secret } from "#pkg/api/core/v1.ts";
import type { ImageName } from "./image-name.ts";

export interface RegistryCredential {
  readonly username: string;
  readonly password: string;
  readonly identityToken: string;
  readonly registryToken: string;
}

interface Entry extends RegistryCredential {
  /** Host, maybe with a glob, and maybe a path: "*.example.com/team". */
  readonly pattern: string;
}

/** Those that fit, the most specific first; broken secrets are left out. */
export function credentialsFor(image: ImageName, secrets: readonly Secret[]): readonly RegistryCredential[] {
  const entries = secrets.flatMap(readEntries).filter(({ pattern }) => matches(pattern, image));
  return entries
    .sort((a, b) => b.pattern.length - a.pattern.length)
    .map(({ pattern: _pattern, ...credential }) => credential);
}

function readEntries(secret: Secret): readonly Entry[] {
  const isNew = secret.type === "kubernetes.io/dockerconfigjson";
  const data = secret.data?.[isNew ? ".dockerconfigjson" : ".dockercfg"];
  if (data === undefined) return [];
  try {
    const parsed: unknown = JSON.parse(Buffer.from(data, "base64").toString("utf8"));
    const auths = isNew ? (parsed as { auths?: unknown }).auths : parsed;
    return Object.entries((auths ?? {}) as Record<string, unknown>).map(([key, value]) => toEntry(key, value));
  } catch {
    return [];
  }
}

function toEntry(key: string, value: unknown): Entry {
  const fields = (value ?? {}) as Record<string, unknown>;
  const text = (name: string): string => (typeof fields[name] === "string" ? fields[name] : "");
  const [user = "", ...password] = Buffer.from(text("auth"), "base64").toString("utf8").split(":");
  return {
    pattern: key.replace(/^https?:\/\//, "").replace(/\/(v[12]\/?)?$/, ""),
    username: text("username") || user,
    password: text("password") || password.join(":"),
    identityToken: text("identitytoken"),
    registryToken: text("registrytoken"),
  };
}

function matches(pattern: string, { registry, repository }: ImageName): boolean {
  const [host = "", ...path] = pattern.split("/");
  const isHub = registry === "docker.io" && (host === "index.docker.io" || host === "docker.io");
  if (!isHub && !hostMatches(host, registry)) return false;
  const prefix = path.join("/");
  return prefix === "" || repository === prefix || repository.startsWith(`${prefix}/`);
}

/** A star stands for a part of one label of the name. */
function hostMatches(pattern: string, host: string): boolean {
  const [patternName = "", patternPort = ""] = pattern.split(":");
  const [name = "", port = ""] = host.split(":");
  if (patternPort !== port) return false;
  const [wanted, given] = [patternName.split("."), name.split(".")];
  return wanted.length === given.length && wanted.every((part, index) => globMatches(part, given[index] ?? ""));
}

function globMatches(glob: string, text: string): boolean {
  const source = glob
    .split("*")
    .map((part) => part.replace(/[^\w-]/g, "\\$&"))
    .join(".*");
  return new RegExp(`^${source}$`).test(text);
}
