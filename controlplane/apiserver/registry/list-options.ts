/**
 * What the query of a list or a watch may combine, and what it asks for. Pure.
 * Rules and texts: k8s.io/apimachinery/pkg/apis/meta/internalversion/validation, and "Resource versions" of the API
 * reference for the meaning.
 */
import { type FieldError, FieldPath, fieldError } from "#pkg/api/field.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { ListOptions, WatchOptions } from "./resource-registry.ts";

/** Which state a list is answered from. `exact` and `notOlderThan` carry the revision. */
export type Freshness =
  | { readonly kind: "newest" }
  | { readonly kind: "any" }
  | { readonly kind: "notOlderThan"; readonly revision: number }
  | { readonly kind: "exact"; readonly revision: number };

const matchPath = new FieldPath("resourceVersionMatch");

/** Throws StatusError: 422 for options that exclude each other, 400 for a resourceVersion that is no number. */
export function computeListFreshness(options: ListOptions): Freshness {
  assertValid(validateListOptions(options));
  const { resourceVersion: text, resourceVersionMatch: match } = options;
  if (options.continueToken && text !== "" && text !== "0") {
    throw StatusError.badRequest("specifying resource version is not allowed when using continue");
  }
  const revision = parseResourceVersion(text);
  if (text === "") return { kind: "newest" };
  if (revision === 0) return { kind: "any" };
  // A limit with a revision and no match means exactly that revision, as it did before there was a match.
  if (match === "Exact" || (match === "" && options.limit > 0)) return { kind: "exact", revision };
  return { kind: "notOlderThan", revision };
}

/** Throws StatusError like computeListFreshness. "any" and "newest" begin with the current objects. */
export function computeWatchStart(options: WatchOptions): Freshness {
  assertValid(validateWatchOptions(options));
  const revision = parseResourceVersion(options.resourceVersion);
  if (options.resourceVersion === "") return { kind: "newest" };
  if (revision === 0) return { kind: "any" };
  return options.sendInitialEvents ? { kind: "notOlderThan", revision } : { kind: "exact", revision };
}

/** 0 for "". Throws 400. */
export function parseResourceVersion(text: string): number {
  if (text === "") return 0;
  const revision = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(revision)) return revision;
  const why = Number.isNaN(revision) ? "invalid syntax" : "value out of range";
  const quoted = JSON.stringify(text);
  throw StatusError.badRequest(
    `resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: ${why}`,
  );
}

export function validateListOptions(options: ListOptions): readonly FieldError[] {
  const { resourceVersion, resourceVersionMatch: match } = options;
  if (match === "") return [];
  const errors: FieldError[] = [];
  if (resourceVersion === "") {
    errors.push(
      fieldError.forbidden(matchPath, "resourceVersionMatch is forbidden unless resourceVersion is provided"),
    );
  }
  if (options.continueToken) {
    errors.push(fieldError.forbidden(matchPath, "resourceVersionMatch is forbidden when continue is provided"));
  }
  if (match !== "Exact" && match !== "NotOlderThan") {
    errors.push(fieldError.notSupported(matchPath, match, ["Exact", "NotOlderThan", ""]));
  }
  if (match === "Exact" && resourceVersion === "0") {
    errors.push(fieldError.forbidden(matchPath, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  return errors;
}

export function validateWatchOptions(options: WatchOptions): readonly FieldError[] {
  const { resourceVersionMatch: match, sendInitialEvents } = options;
  const errors: FieldError[] = [];
  if (sendInitialEvents !== undefined && match !== "NotOlderThan") {
    errors.push(
      fieldError.forbidden(matchPath, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
    );
  }
  if (match !== "" && sendInitialEvents === undefined) {
    errors.push(
      fieldError.forbidden(
        matchPath,
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
      ),
    );
  }
  if (match !== "" && match !== "NotOlderThan") {
    errors.push(fieldError.notSupported(matchPath, match, ["NotOlderThan"]));
  }
  return errors;
}

function assertValid(errors: readonly FieldError[]): void {
  if (errors.length === 0) return;
  throw StatusError.invalid({ group: "meta.k8s.io", resource: "ListOptions" }, "", errors);
}
