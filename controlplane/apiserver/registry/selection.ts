/**
 * Which objects of a resource a list or a watch is about: namespace, label selector and field selector, compiled once.
 * Unknown fields and malformed selectors are refused with 400 before anything is read.
 * Texts: k8s.io/apimachinery conversion of field labels.
 */
import { type FieldMatcher, FieldSelectorError, parseFieldSelector } from "#pkg/api/fields.ts";
import { type LabelMatcher, LabelSelectorError, parseLabelSelector } from "#pkg/api/labels.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import { namespaceBounds, objectKey } from "./object-key.ts";
import type { StoredEntry } from "./stored-entry.ts";

export interface SelectionRequest {
  /** "": all namespaces, or cluster scope. */
  readonly namespace: string;
  readonly labelSelector: string;
  readonly fieldSelector: string;
}

/** Values of a kind's own selectable fields; asked with an object that has only metadata to learn their names. */
export type SelectableFields = (object: KubeObject) => Readonly<Record<string, string>>;

export interface Selection {
  /** Keys within the resource, from `start` to `end` (exclusive; undefined: no bound), that can match. */
  readonly start: string;
  readonly end: string | undefined;
  /** The client gave a label or field selector. False: everything within the bounds matches. */
  readonly filters: boolean;
  /** Without the bounds. */
  matches(entry: StoredEntry): boolean;
}

export function compileSelection(
  request: SelectionRequest,
  namespaced: boolean,
  fieldsOf: SelectableFields | undefined,
): Selection {
  const labels = parseLabels(request.labelSelector);
  const fields = parseFields(request.fieldSelector, fieldsOf);
  const bounds = selectBounds(request.namespace, namespaced, fields);
  const rest = fields.requirements.length > 0 ? fields : undefined;
  const wanted = labels.isEverything ? undefined : labels;
  return {
    ...bounds,
    filters: rest !== undefined || wanted !== undefined,
    matches: ({ object }) =>
      (!wanted || wanted.matches(object.metadata.labels)) && (!rest || matchesFields(rest, object, fieldsOf)),
  };
}

/** True when `key` lies within the selection's bounds. */
export function covers(selection: Selection, key: string): boolean {
  return key >= selection.start && (selection.end === undefined || key < selection.end);
}

function parseLabels(text: string): LabelMatcher {
  try {
    return parseLabelSelector(text);
  } catch (error) {
    if (error instanceof LabelSelectorError)
      throw StatusError.badRequest(`unable to parse requirement: ${error.message}`);
    throw error;
  }
}

function parseFields(text: string, fieldsOf: SelectableFields | undefined): FieldMatcher {
  let fields: FieldMatcher;
  try {
    fields = parseFieldSelector(text);
  } catch (error) {
    if (error instanceof FieldSelectorError) throw StatusError.badRequest(error.message);
    throw error;
  }
  const known = fields.isEverything ? undefined : fieldsOf?.({ metadata: {} });
  for (const { field } of fields.requirements) {
    if (field === "metadata.name" || field === "metadata.namespace") continue;
    if (known === undefined) {
      throw StatusError.badRequest(
        `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
      );
    }
    if (!Object.hasOwn(known, field)) throw StatusError.badRequest(`field label not supported: ${field}`);
  }
  return fields;
}

/** A name or a namespace that must be equal narrows the range of keys. */
function selectBounds(namespace: string, namespaced: boolean, fields: FieldMatcher): Pick<Selection, "start" | "end"> {
  const wantedNamespace = namespaced ? namespace || fields.exactValue("metadata.namespace") || "" : "";
  const wantedName = fields.exactValue("metadata.name");
  if (wantedName && (wantedNamespace || !namespaced)) {
    const start = objectKey(wantedNamespace, wantedName);
    return { start, end: `${start}\0` };
  }
  return namespaceBounds(wantedNamespace);
}

function matchesFields(fields: FieldMatcher, object: KubeObject, fieldsOf: SelectableFields | undefined): boolean {
  let own: Readonly<Record<string, string>> | undefined;
  return fields.matches((field) => {
    if (field === "metadata.name") return object.metadata.name;
    if (field === "metadata.namespace") return object.metadata.namespace;
    own ??= fieldsOf?.(object) ?? {};
    return own[field];
  });
}
