/**
 * The pod-template-hash: the same for the same template, written with letters that spell no words.
 * Only stability matters, not the value: upstream hashes its own printed form of the template.
 */
import type { PodTemplateSpec } from "#pkg/api/core/v1.ts";
import { fnv32a } from "#pkg/api/fnv32a.ts";

const alphabet = "bcdfghjklmnpqrstvwxz2456789";

export function computeTemplateHash(template: PodTemplateSpec, collisionCount: number | undefined): string {
  const text = canonicalJson(template) + (collisionCount === undefined ? "" : `#${collisionCount}`);
  return encodeSafely(String(fnv32a(text)));
}

/** Spells digits with the alphabet that object names use. */
export function encodeSafely(text: string): string {
  return [...text].map((letter) => alphabet[letter.charCodeAt(0) % alphabet.length]).join("");
}

/** JSON with sorted keys and without what is empty, so that the order of fields does not matter. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value)
    .filter(([, field]) => field !== undefined && field !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(",")}}`;
}
