/**
 * The annotation of client-side apply, for objects that move to server-side apply: kubectl takes over, without conflicts,
 * what it had applied before and nobody changed since.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { ObjectMeta } from "#pkg/api/meta/v1.ts";
import type { JsonObject } from "../patch/value-schema.ts";
import { isJsonObject } from "../patch/value-schema.ts";
import { comparePlain } from "./compare.ts";
import { FieldSet } from "./field-set.ts";
import { goForm } from "./go-form.ts";
import type { VersionedType } from "./ownership.ts";
import { toFieldSet } from "./to-field-set.ts";
import { findTypeErrors } from "./validate-typed.ts";

export const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";
/** Bytes of all annotations of an object together. */
const maxAnnotationsBytes = 256 * 1024;

/** The fields that the last client-side apply set to what they still are. Empty when there was none that can be read. */
export function allowedByLastApplied(live: KubeObject, type: VersionedType): FieldSet {
  const text = live.metadata.annotations?.[lastAppliedAnnotation];
  const lastApplied = text ? parseObject(text) : undefined;
  if (!lastApplied || lastApplied["apiVersion"] !== type.apiVersion) return FieldSet.empty;
  if (findTypeErrors(lastApplied, type.schema).length > 0) return FieldSet.empty;
  const comparison = comparePlain(lastApplied, goForm(live, type.schema), type.schema);
  return toFieldSet(lastApplied, type.schema).difference(comparison.changed).difference(comparison.removed);
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Makes an existing annotation say what was applied now, unless it would grow too large. Changes `metadata`. */
export function refreshLastApplied(metadata: ObjectMeta, applied: KubeObject): void {
  const annotations = metadata.annotations;
  if (!annotations?.[lastAppliedAnnotation]) return;
  const { [lastAppliedAnnotation]: _, ...others } = applied.metadata.annotations ?? {};
  const plain = { ...applied, metadata: { ...applied.metadata, annotations: others } };
  if (applied.metadata.annotations === undefined) delete (plain.metadata as ObjectMeta).annotations;
  const text = `${JSON.stringify(sortKeys(plain))}\n`;
  const bytes = Object.entries({ ...annotations, [lastAppliedAnnotation]: text })
    .map(([key, value]) => Buffer.byteLength(key) + Buffer.byteLength(value))
    .reduce((sum, size) => sum + size, 0);
  if (bytes > maxAnnotationsBytes) delete annotations[lastAppliedAnnotation];
  else annotations[lastAppliedAnnotation] = text;
}

/** As Go writes maps, so that kubectl's own comparison finds the same text. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sortKeys(value[key])]),
  );
}
