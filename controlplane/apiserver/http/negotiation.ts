/**
 * Content negotiation: which form an answer takes (Accept) and which form a body has (Content-Type). Pure.
 *
 * Rules of upstream kept here: clauses are tried by quality and then by how exact they are; a clause may ask for a
 * transformed object (`as=Table;v=v1;g=meta.k8s.io`); a clause whose transformation an endpoint cannot give is passed
 * over; when none is left the answer is 406 with the list of types.
 * Source: k8s.io/apiserver/pkg/endpoints/handlers/negotiation.
 */
import { StatusError } from "#pkg/api/status.ts";

export type MediaFormat = "json" | "yaml" | "protobuf";

export const mediaTypes: Readonly<Record<MediaFormat, string>> = {
  json: "application/json",
  yaml: "application/yaml",
  protobuf: "application/vnd.kubernetes.protobuf",
};

/** In upstream's order: the first is the default. */
const allFormats: readonly MediaFormat[] = ["json", "yaml", "protobuf"];

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** How an answer is to be written. */
export interface ResponseForm {
  readonly format: MediaFormat;
  /** The kind asked for by `as=`; undefined: the object as it is. */
  readonly as?: GroupVersionKind | undefined;
  readonly pretty: boolean;
}

export const plainJson: ResponseForm = { format: "json", pretty: false };

export interface AcceptClause {
  /** Lower case, e.g. "application". "*" for any. */
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Which transformations an endpoint can give. */
export type AllowsTransform = (format: MediaFormat, as: GroupVersionKind) => boolean;

export const noTransform: AllowsTransform = () => false;

/** Accept headers longer than this are cut: no client sends one, and each clause costs time. */
const maxAcceptLength = 4096;

/** The clauses of an Accept header, best first; clauses that are not understood or have q=0 are left out. */
export function parseAccept(header: string): readonly AcceptClause[] {
  const clauses: AcceptClause[] = [];
  for (const text of header.slice(0, maxAcceptLength).split(",")) {
    const clause = parseClause(text);
    if (clause && clause.quality > 0) clauses.push(clause);
  }
  if (clauses.length < 2) return clauses;
  return clauses.sort((a, b) => b.quality - a.quality || exactness(b) - exactness(a));
}

/** Chooses the form of an answer; throws StatusError 406 when the client takes none that can be given. */
export function negotiateResponse(
  accept: string | undefined,
  pretty: boolean,
  allowsTransform: AllowsTransform,
  formats: readonly MediaFormat[] = allFormats,
): ResponseForm {
  const first = formats[0] ?? "json";
  if (accept === undefined || accept === "" || accept === "*/*" || accept === mediaTypes[first]) {
    return { format: first, pretty };
  }
  for (const clause of parseAccept(accept)) {
    for (const format of formats) {
      if (!matches(clause, format)) continue;
      const as = transformOf(clause);
      const stream = clause.parameters.get("stream") ?? "";
      if ((as && !allowsTransform(format, as)) || (stream !== "" && stream !== "watch")) continue;
      return { format, as, pretty: pretty || clause.parameters.get("pretty") === "1" };
    }
  }
  throw notAcceptable(formats);
}

/** 406 with upstream's text. */
export function notAcceptable(formats: readonly MediaFormat[] = allFormats): StatusError {
  const list = formats.map((format) => mediaTypes[format]).join(", ");
  return StatusError.notAcceptable(`only the following media types are accepted: ${list}`);
}

/** The media type of a Content-Type header, lower case and without parameters. */
export function mediaTypeOf(contentType: string): string {
  const end = contentType.indexOf(";");
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

/** The format of a request body. No Content-Type means JSON; an unknown one is 415 with the list of types. */
export function requestFormat(
  contentType: string | undefined,
  formats: readonly MediaFormat[] = allFormats,
): MediaFormat {
  const mediaType = mediaTypeOf(contentType ?? "");
  if (mediaType === "") return "json";
  for (const format of formats) {
    if (mediaType === mediaTypes[format]) return format;
  }
  throw unsupportedMediaType(
    mediaType,
    formats.map((format) => mediaTypes[format]),
  );
}

/** 415 with upstream's text. */
export function unsupportedMediaType(mediaType: string, accepted: readonly string[]): StatusError {
  return StatusError.unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}` +
      (mediaType ? ` (got ${JSON.stringify(mediaType.slice(0, 100))})` : ""),
  );
}

function matches(clause: AcceptClause, format: MediaFormat): boolean {
  if (clause.type === "*" && clause.subtype === "*") return true;
  if (clause.type !== "application") return false;
  return clause.subtype === "*" || clause.subtype === mediaTypes[format].slice("application/".length);
}

function transformOf(clause: AcceptClause): GroupVersionKind | undefined {
  const kind = clause.parameters.get("as");
  if (kind === undefined) return undefined;
  return { group: clause.parameters.get("g") ?? "", version: clause.parameters.get("v") ?? "", kind };
}

function parseClause(text: string): AcceptClause | undefined {
  const [range = "", ...rest] = text.split(";");
  const [type = "", subtype = "", more] = range.trim().toLowerCase().split("/");
  if (type === "" || subtype === "" || more !== undefined) return undefined;
  const parameters = new Map<string, string>();
  let quality = 1;
  for (const parameter of rest) {
    const equals = parameter.indexOf("=");
    if (equals < 0) continue;
    const name = parameter.slice(0, equals).trim();
    const value = parameter.slice(equals + 1).trim();
    if (name === "q") quality = parseQuality(value);
    else parameters.set(name, value);
  }
  return { type, subtype, quality, parameters };
}

function parseQuality(text: string): number {
  const value = Number(text);
  return Number.isFinite(value) && text !== "" ? Math.min(Math.max(value, 0), 1) : 1;
}

/** Of two clauses with the same quality the more exact one wins. */
function exactness(clause: AcceptClause): number {
  if (clause.type === "*") return 0;
  return clause.subtype === "*" ? 1 : 2;
}
