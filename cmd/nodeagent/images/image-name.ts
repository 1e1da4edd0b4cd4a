/**
 * Image names: what is left out of them, and which registry they belong to. Pure.
 * Source: distribution/reference; the rules of docker.io.
 */
import { BerthError } from "#pkg/system/errors.ts";

export interface ImageName {
  /** "docker.io", "localhost:5000" */
  readonly registry: string;
  /** "library/nginx" */
  readonly repository: string;
  /** "latest" when the name has neither tag nor digest. */
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const repositoryPattern = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;

/** Throws "Invalid". */
export function parseImageName(text: string): ImageName {
  const [named = "", digest, ...more] = text.split("@");
  const slash = named.indexOf("/");
  const first = slash < 0 ? "" : named.slice(0, slash);
  const hasRegistry = first.includes(".") || first.includes(":") || first === "localhost";
  const rest = hasRegistry ? named.slice(slash + 1) : named;
  const colon = rest.lastIndexOf(":");
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const registry = hasRegistry ? (first === "index.docker.io" ? "docker.io" : first) : "docker.io";
  const repository = registry === "docker.io" && !path.includes("/") ? `library/${path}` : path;
  const isGood =
    more.length === 0 &&
    repositoryPattern.test(path) &&
    (tag === undefined || tagPattern.test(tag)) &&
    (digest === undefined || digestPattern.test(digest));
  if (!isGood)
    throw new BerthError(
      "Invalid",
      `Failed to apply default image tag "${text}": couldn't parse image name "${text}": invalid reference format`,
    );
  return { registry, repository, tag: tag ?? (digest === undefined ? "latest" : undefined), digest };
}

/** The name with the tag it has when it does not say so. Throws "Invalid". */
export function withDefaultTag(text: string): string {
  const { tag, digest } = parseImageName(text);
  const isImplied = digest === undefined && tag === "latest" && !text.endsWith(":latest");
  return isImplied ? `${text}:latest` : text;
}

/** What counts when the container does not say: images that may move are always asked for. */
export function defaultPullPolicy(text: string): "Always" | "IfNotPresent" {
  try {
    const { tag } = parseImageName(text);
    return tag === "latest" ? "Always" : "IfNotPresent";
  } catch {
    return "IfNotPresent";
  }
}
