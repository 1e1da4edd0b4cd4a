/** The Pod Security policy of a namespace, read from its labels. Pure; texts and fallbacks are upstream's. */
import { type FieldError, FieldPath, fieldError } from "#pkg/api/field.ts";

export type Level = "privileged" | "baseline" | "restricted";

export interface LevelVersion {
  readonly level: Level;
  /** The minor of v1.x; "latest" for the newest there is. */
  readonly version: number | "latest";
}

export interface Policy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

const privileged: LevelVersion = { level: "privileged", version: "latest" };
export const privilegedPolicy: Policy = { enforce: privileged, audit: privileged, warn: privileged };

const order: Readonly<Record<Level, number>> = { privileged: 0, baseline: 1, restricted: 2 };

/** Negative when `a` asks less than `b`. */
export function compareLevels(a: Level, b: Level): number {
  return order[a] - order[b];
}

/** "restricted:latest", "baseline:v1.30". */
export function formatLevel({ level, version }: LevelVersion): string {
  return `${level}:${version === "latest" ? version : `v1.${version}`}`;
}

export function isSameLevel(a: LevelVersion, b: LevelVersion): boolean {
  return a.level === b.level && a.version === b.version;
}

export function isFullyPrivileged({ enforce, audit, warn }: Policy): boolean {
  return [enforce, audit, warn].every(({ level }) => level === "privileged");
}

export interface ParsedPolicy {
  readonly policy: Policy;
  readonly errors: readonly FieldError[];
}

/**
 * A label that cannot be read counts as the strictest level where it refuses pods, and as none where it only tells of
 * them. Who enforces a level is warned at that level too, unless they say otherwise.
 */
export function parsePolicy(labels: Readonly<Record<string, string>> | undefined, defaults: Policy): ParsedPolicy {
  const reader = new LabelReader(labels ?? {});
  const enforce = reader.read("enforce", defaults.enforce, "restricted");
  const audit = reader.read("audit", defaults.audit, "privileged");
  const warn = reader.read("warn", defaults.warn, "privileged");
  const policy = { enforce, audit, warn: withEnforcedWarning(reader, enforce, warn) };
  return { policy, errors: reader.errors };
}

function withEnforcedWarning(reader: LabelReader, enforce: LevelVersion, warn: LevelVersion): LevelVersion {
  const follows = !reader.has("warn") && reader.hasValidLevel("enforce");
  if (!follows || compareLevels(enforce.level, warn.level) <= 0) return warn;
  return { level: enforce.level, version: reader.has("warn-version") ? warn.version : enforce.version };
}

const prefix = "pod-security.kubernetes.io/";

class LabelReader {
  readonly errors: FieldError[] = [];
  readonly #labels: Readonly<Record<string, string>>;

  constructor(labels: Readonly<Record<string, string>>) {
    this.#labels = labels;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#labels, prefix + name);
  }

  hasValidLevel(name: string): boolean {
    return this.has(name) && parseLevel(this.#labels[prefix + name] ?? "") !== undefined;
  }

  read(mode: string, defaults: LevelVersion, fallback: Level): LevelVersion {
    const level = this.#parse(mode, parseLevel, "must be one of privileged, baseline, restricted", fallback);
    const version = this.#parse(`${mode}-version`, parseVersion, 'must be "latest" or "v1.x"', "latest");
    return { level: level ?? defaults.level, version: version ?? defaults.version };
  }

  #parse<T>(name: string, parse: (text: string) => T | undefined, detail: string, fallback: T): T | undefined {
    const label = prefix + name;
    if (!this.has(name)) return undefined;
    const text = this.#labels[label] ?? "";
    const value = parse(text);
    if (value !== undefined) return value;
    this.errors.push(fieldError.invalid(new FieldPath("metadata", "labels").key(label), text, detail));
    return fallback;
  }
}

export function parseLevel(text: string): Level | undefined {
  return text === "privileged" || text === "baseline" || text === "restricted" ? text : undefined;
}

function parseVersion(text: string): LevelVersion["version"] | undefined {
  if (text === "latest") return text;
  const [, minor] = /^v1\.([0-9]|[1-9][0-9]*)$/.exec(text) ?? [];
  return minor === undefined ? undefined : Number(minor);
}
