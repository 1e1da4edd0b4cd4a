/** How bodies become objects of one kind: by the schema table for built-in kinds; custom resources bring their own. */
import type { GroupVersionKind, KubeObject } from "#pkg/api/meta/object.ts";
import { formatApiVersion } from "#pkg/api/meta/object.ts";
import { type Decoded, DecodeError, decodeValue, type ParsedBody, parseBody } from "#pkg/api/schema/decode.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { MediaFormat } from "../http/negotiation.ts";
import type { FieldValidation } from "./query/write-query.ts";

export interface ObjectDecoder {
  readonly gvk: GroupVersionKind;
  /** The kind is known in every group and version (options objects), so a body may name any. */
  readonly anyVersion?: boolean | undefined;
  /** Throws DecodeError. */
  parsed(body: ParsedBody, findings: boolean): Decoded;
  /** Of a value in memory: the result of a patch. Throws DecodeError. */
  value(value: unknown, findings: boolean): Decoded;
  /** Of the `k8s\0` envelope; absent: the kind has no protobuf form. Throws DecodeError. */
  protobuf?(body: Uint8Array): Promise<ProtobufBody>;
}

export interface ProtobufBody {
  readonly apiVersion: string;
  readonly kind: string;
  decode(): Record<string, unknown>;
}

export interface DecodeRequest {
  readonly decoder: ObjectDecoder;
  readonly format: MediaFormat;
  readonly validation: FieldValidation;
  warn(text: string): void;
}

/** The decoder of a type of the schema table. */
export function tableDecoder(typeName: string, gvk: GroupVersionKind): ObjectDecoder {
  return {
    gvk,
    parsed: (body, findings) => body.decode(typeName, { findings }),
    value: (value, findings) => decodeValue(typeName, value, { findings }),
    protobuf: async (body) => {
      const { openEnvelope, decodeEnvelope } = await import("#pkg/api/schema/protobuf.ts");
      const envelope = openEnvelope(body);
      const { apiVersion, kind } = envelope;
      return { apiVersion, kind, decode: () => decodeEnvelope(typeName, envelope) };
    },
  };
}

/** The object of a request body. Throws StatusError 400 for a body that is not of the kind, or against strict validation. */
export async function decodeObjectBody(body: Uint8Array, request: DecodeRequest): Promise<KubeObject> {
  const { decoder, format } = request;
  let found: { readonly apiVersion: string; readonly kind: string } | undefined;
  try {
    if (format === "protobuf" && decoder.protobuf) {
      const parsed = await decoder.protobuf(body);
      found = parsed;
      checkKind(found, decoder);
      return complete(parsed.decode(), decoder.gvk);
    }
    const parsed = parseBody(body, format === "yaml" ? "yaml" : "json");
    found = parsed;
    checkKind(found, decoder);
    const { object, findings } = decoder.parsed(parsed, request.validation !== "Ignore");
    reportFindings(findings, request);
    return complete(object, decoder.gvk);
  } catch (error) {
    throw error instanceof DecodeError ? unrecognized(error, found, decoder.gvk, body) : error;
  }
}

/**
 * The object a patch made; `patchProblems` are findings in the patch itself. Throws StatusError 400 or, against strict
 * validation, 422 as upstream does for patches.
 */
export function decodePatched(
  value: unknown,
  request: Omit<DecodeRequest, "format">,
  patchProblems: readonly string[] = [],
): KubeObject {
  try {
    const decoded = request.decoder.value(value, request.validation !== "Ignore");
    const { object } = decoded;
    const findings = [...patchProblems, ...decoded.findings];
    if (findings.length > 0 && request.validation === "Strict") throw new DecodeError(strictText(findings));
    reportFindings(findings, request);
    return complete(object, request.decoder.gvk);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new StatusError({ code: 422, reason: "Invalid", message: `${error.message}`, details: {} });
  }
}

function reportFindings(findings: readonly string[], request: Omit<DecodeRequest, "format">): void {
  if (findings.length === 0) return;
  if (request.validation === "Strict") throw new DecodeError(strictText(findings));
  for (const finding of findings) request.warn(finding);
}

function strictText(findings: readonly string[]): string {
  return `strict decoding error: ${findings.join(", ")}`;
}

/** A body may leave out its kind; one that names another kind is refused. */
function checkKind(
  found: { readonly apiVersion: string; readonly kind: string },
  { gvk: wanted, anyVersion }: ObjectDecoder,
): void {
  const expected = formatApiVersion(wanted);
  if (found.kind !== "" && found.kind !== wanted.kind) {
    throw new DecodeError(`no kind ${JSON.stringify(found.kind)} is expected here, but ${wanted.kind}`);
  }
  if (!anyVersion && found.apiVersion !== "" && found.apiVersion !== expected) {
    throw StatusError.badRequest(
      `the API version in the data (${found.apiVersion}) does not match the expected API version (${expected})`,
    );
  }
}

function complete(object: Record<string, unknown>, gvk: GroupVersionKind): KubeObject {
  object["kind"] = gvk.kind;
  object["apiVersion"] = formatApiVersion(gvk);
  object["metadata"] ??= {};
  return object as KubeObject;
}

function unrecognized(
  error: DecodeError,
  found: { readonly apiVersion: string; readonly kind: string } | undefined,
  wanted: GroupVersionKind,
  body: Uint8Array,
): StatusError {
  if (found && found.kind !== "") {
    const version = found.apiVersion.slice(found.apiVersion.indexOf("/") + 1) || wanted.version;
    return StatusError.badRequest(
      `${found.kind} in version ${JSON.stringify(version)} cannot be handled as a ${wanted.kind}: ${error.message}`,
    );
  }
  return StatusError.badRequest(
    `the object provided is unrecognized (must be of type ${wanted.kind}): ${error.message} (${summarize(body)})`,
  );
}

const summaryBytes = 30;

function summarize(body: Uint8Array): string {
  if (body.length === 0) return "<empty>";
  const start = Buffer.from(body.subarray(0, summaryBytes));
  const text = body[0] === 0x7b ? start.toString("utf8") : start.toString("hex");
  return body.length > summaryBytes ? `${text} ...` : text;
}
