/** Answers with objects that are not stored: a Scale, a review, a Status. They have no table and no metadata-only form. */
import type { GroupVersionKind, KubeObject } from "#pkg/api/meta/object.ts";
import type { StatusBody } from "#pkg/api/status.ts";
import type { ApiRequest, ApiResponse } from "../../http/api-request.ts";
import {
  type MediaFormat,
  mediaTypes,
  negotiateResponse,
  noTransform,
  type ResponseForm,
} from "../../http/negotiation.ts";
import { isTrue } from "../../http/parse-request-info.ts";
import { encodeJson } from "./json-bytes.ts";

export interface PlainForm {
  respond(status: number, object: KubeObject | StatusBody): ApiResponse;
}

/** Throws StatusError 406. `kind` is only asked about in its protobuf form. */
export async function chooseObjectForm(
  request: ApiRequest,
  kind: GroupVersionKind,
  formats?: readonly MediaFormat[],
): Promise<PlainForm> {
  const wanted = negotiateResponse(request.headers["accept"], isTrue(request.query, "pretty"), noTransform, formats);
  const encode = await encoderFor(wanted, kind);
  return {
    respond: (status, object) => ({
      status,
      headers: { "content-type": mediaTypes[wanted.format] },
      body: encode(object),
    }),
  };
}

/** Loads what a form other than JSON needs. */
export async function encoderFor(
  wanted: ResponseForm,
  kind: GroupVersionKind,
): Promise<(object: object) => Uint8Array | string> {
  if (wanted.format === "yaml") {
    const { writeText } = await import("./text-form.ts");
    return (object) => writeText(object, "yaml");
  }
  if (wanted.format === "protobuf") {
    const { encodeProtobufObject } = await import("./protobuf-bytes.ts");
    return (object) => encodeProtobufObject(object as KubeObject, kind);
  }
  return (object) => encodeJson(object, wanted.pretty);
}
