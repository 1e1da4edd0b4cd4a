/**
 * Which form an answer of an endpoint takes: what the client accepts, of what the endpoint can give. Forms of an endpoint
 * are made once; those that are rarely asked for are loaded when they are.
 */
import type { ApiRequest } from "../../http/api-request.ts";
import {
  type AllowsTransform,
  type MediaFormat,
  negotiateResponse,
  notAcceptable,
  type ResponseForm,
} from "../../http/negotiation.ts";
import { isTrue } from "../../http/parse-request-info.ts";
import { readText } from "../query/read-query.ts";
import type { ResourceEndpoint } from "../resource-endpoint.ts";
import { JsonForm, JsonMetadataForm } from "./json-form.ts";
import type { ObjectForm } from "./object-form.ts";

const watchFormats: readonly MediaFormat[] = ["json", "protobuf"];
const jsonOnly: readonly MediaFormat[] = ["json", "yaml"];
const metaVersions: ReadonlySet<string> = new Set(["v1", "v1beta1"]);

const allows: AllowsTransform = (format, as) => {
  if (as.group !== "meta.k8s.io" || !metaVersions.has(as.version)) return false;
  if (as.kind === "Table") return format !== "protobuf";
  return as.kind === "PartialObjectMetadata" || as.kind === "PartialObjectMetadataList";
};

/** Throws StatusError 406. */
export async function chooseForm(endpoint: ResourceEndpoint, request: ApiRequest): Promise<ObjectForm> {
  const formats = endpoint.decoder.protobuf ? undefined : jsonOnly;
  const wanted = negotiateResponse(request.headers["accept"], wantsPretty(request), allows, formats);
  const form = formOf(endpoint, wanted, request);
  const ready = form instanceof Promise ? await form : form;
  const isText = wanted.format === "yaml" || (wanted.format === "json" && wanted.pretty);
  if (!isText) return ready;
  const { TextForm } = await import("./text-form.ts");
  return new TextForm(ready, wanted.format === "yaml" ? "yaml" : "pretty");
}

/** Throws StatusError 406 also for YAML: it has no frames. */
export async function chooseWatchForm(endpoint: ResourceEndpoint, request: ApiRequest): Promise<ObjectForm> {
  const formats = endpoint.decoder.protobuf ? watchFormats : watchFormats.slice(0, 1);
  return formOf(endpoint, negotiateResponse(request.headers["accept"], false, allows, formats), request);
}

function formOf(
  endpoint: ResourceEndpoint,
  wanted: ResponseForm,
  request: ApiRequest,
): ObjectForm | Promise<ObjectForm> {
  const { as } = wanted;
  if (as?.kind === "Table") return tableForm(endpoint, as.version, request);
  const isProtobuf = wanted.format === "protobuf";
  if (as) return keep(endpoint, `${isProtobuf} ${as.version}`, () => metadataForm(isProtobuf, as.version));
  return keep(endpoint, String(isProtobuf), () => (isProtobuf ? protobufForm(endpoint) : new JsonForm(endpoint)));
}

const forms = new WeakMap<ResourceEndpoint, Map<string, ObjectForm | Promise<ObjectForm>>>();

function keep(
  endpoint: ResourceEndpoint,
  key: string,
  make: () => ObjectForm | Promise<ObjectForm>,
): ObjectForm | Promise<ObjectForm> {
  let own = forms.get(endpoint);
  if (!own) {
    own = new Map();
    forms.set(endpoint, own);
  }
  let form = own.get(key);
  if (!form) {
    form = make();
    own.set(key, form);
    // The next request then need not wait a turn.
    if (form instanceof Promise) void form.then((ready) => own.set(key, ready));
  }
  return form;
}

async function protobufForm(endpoint: ResourceEndpoint): Promise<ObjectForm> {
  const { ProtobufForm } = await import("./protobuf-form.ts");
  return new ProtobufForm(endpoint);
}

function metadataForm(isProtobuf: boolean, version: string): ObjectForm | Promise<ObjectForm> {
  return isProtobuf ? protobufMetadataForm(version) : new JsonMetadataForm(version);
}

async function protobufMetadataForm(version: string): Promise<ObjectForm> {
  const { ProtobufMetadataForm } = await import("./protobuf-form.ts");
  return new ProtobufMetadataForm(version);
}

async function tableForm(endpoint: ResourceEndpoint, version: string, request: ApiRequest): Promise<ObjectForm> {
  const include = readText(request.query, "includeObject");
  if (include !== "" && include !== "None" && include !== "Metadata" && include !== "Object") throw notAcceptable();
  const { TableForm } = await import("./table-form.ts");
  return new TableForm(endpoint, version, include || "Metadata");
}

/** Asked for, or a person with curl or a browser is looking. */
function wantsPretty(request: ApiRequest): boolean {
  if (request.query.has("pretty")) return isTrue(request.query, "pretty");
  const agent = request.headers["user-agent"] ?? "";
  return agent.startsWith("curl") || agent.startsWith("Wget") || agent.startsWith("Mozilla/5.0");
}
