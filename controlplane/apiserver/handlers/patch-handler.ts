/** PATCH: JSON patch, merge patch, strategic merge patch, and server-side apply. */
import { formatGvk, type KubeObject } from "#pkg/api/meta/object.ts";
import { DecodeError, parseBody } from "#pkg/api/schema/decode.ts";
import { StatusError } from "#pkg/api/status.ts";
import { serverSideApply } from "../apply/field-manager.ts";
import type { ApiHandler } from "../http/api-request.ts";
import { mediaTypeOf, unsupportedMediaType } from "../http/negotiation.ts";
import { applyJsonPatch } from "../patch/json-patch.ts";
import { applyMergePatch } from "../patch/merge-patch.ts";
import { findPatchProblems } from "../patch/patch-document.ts";
import { applyStrategicMergePatch } from "../patch/strategic-merge-patch.ts";
import { writeContext } from "./admit.ts";
import { chooseForm } from "./forms/choose-form.ts";
import { type HandlerPorts, maxBodyBytes } from "./handler-ports.ts";
import { type DecodeRequest, decodePatched, type ObjectDecoder } from "./object-decoder.ts";
import { parseWriteQuery, type WriteQuery } from "./query/write-query.ts";
import type { ResourceEndpoint } from "./resource-endpoint.ts";
import { settleObject } from "./settle-object.ts";
import { authorizeCreate, openAdmission } from "./write-handlers.ts";

export type PatchType = "json" | "merge" | "strategic" | "apply";

const patchTypes: Readonly<Record<string, PatchType>> = {
  "application/json-patch+json": "json",
  "application/merge-patch+json": "merge",
  "application/strategic-merge-patch+json": "strategic",
  "application/apply-patch+yaml": "apply",
};

/** Makes the patched object out of the current one, which is not changed. Throws StatusError. */
export type Patcher = (current: KubeObject | undefined, nowMs: number) => KubeObject;

export function patchHandler(endpoint: ResourceEndpoint, subresource: string, ports: HandlerPorts): ApiHandler {
  const { registry } = endpoint;
  return async (request, context) => {
    const { namespace, name } = context.info;
    const type = choosePatchType(request.headers["content-type"], endpoint.schema !== undefined);
    const isApply = type === "apply";
    const write = parseWriteQuery(request.query, request.headers["user-agent"], "PatchOptions", isApply);
    const form = await chooseForm(endpoint, request);
    const body = await request.readBody(maxBodyBytes);
    const decoding = {
      decoder: endpoint.decoder,
      validation: write.fieldValidation,
      warn: (text: string) => context.warnings.add(text),
    };
    const patch = isApply
      ? buildApplier(endpoint, subresource, body, write, decoding, { namespace, name })
      : buildPatcher(endpoint, type, body, decoding);
    const admission = openAdmission(endpoint, context, write, ports, name, subresource);
    const managed = endpoint.managed(subresource);
    const mayCreate = isApply && subresource === "";
    const { entry, created } = await registry.update(
      {
        namespace,
        name,
        subresource,
        dryRun: write.dryRun,
        createIfMissing: mayCreate,
        validateAdmission: admission.validate,
      },
      async (current) => {
        if (!current && mayCreate) await authorizeCreate(request, context, ports);
        const nowMs = ports.clock.now();
        const next = patch(current, nowMs);
        const manager = isApply ? undefined : write.fieldManager;
        return settleObject(next, current, { endpoint, managed, manager, admission, nowMs });
      },
      writeContext(context, request.signal),
    );
    return { status: created ? 201 : 200, headers: { "content-type": form.contentType }, body: form.entry(entry) };
  };
}

/** Throws StatusError 415 with the types the endpoint takes. */
export function choosePatchType(contentType: string | undefined, hasSchema: boolean): PatchType {
  const mediaType = mediaTypeOf(contentType ?? "");
  const type = Object.hasOwn(patchTypes, mediaType) ? patchTypes[mediaType] : undefined;
  if (type !== undefined && (type !== "strategic" || hasSchema)) return type;
  const accepted = Object.keys(patchTypes).filter((one) => hasSchema || patchTypes[one] !== "strategic");
  throw unsupportedMediaType(mediaType, accepted);
}

function buildPatcher(
  endpoint: ResourceEndpoint,
  type: Exclude<PatchType, "apply">,
  body: Uint8Array,
  decoding: Omit<DecodeRequest, "format">,
): Patcher {
  const { resource, schema } = endpoint;
  return (current) => {
    // The registry says "not found" in its own words before it asks for a patch of nothing.
    if (!current) throw StatusError.notFound({ group: resource.group, resource: resource.plural }, "");
    const patched = applyPatchTo(current, type, body, schema);
    const problems = decoding.validation === "Ignore" ? [] : findPatchProblems(body, type);
    return decodePatched(patched, decoding, problems);
  };
}

export function applyPatchTo(
  current: KubeObject,
  type: Exclude<PatchType, "apply">,
  body: Uint8Array,
  schema: ResourceEndpoint["schema"],
): KubeObject {
  if (type === "json") return applyJsonPatch(current, body);
  if (type === "merge" || !schema) return applyMergePatch(current, body);
  return applyStrategicMergePatch(current, body, schema);
}

function buildApplier(
  endpoint: ResourceEndpoint,
  subresource: string,
  body: Uint8Array,
  write: WriteQuery,
  decoding: Omit<DecodeRequest, "format">,
  place: { readonly namespace: string; readonly name: string },
): Patcher {
  const applied = readApplied(endpoint.decoder, body, decoding);
  checkPlace(applied, place, endpoint.resource.namespaced);
  const managed = endpoint.managed(subresource);
  return (current, nowMs) => {
    const next = serverSideApply({
      endpoint: managed,
      live: current,
      applied,
      manager: write.fieldManager,
      force: write.force ?? false,
      nowMs,
    });
    next.metadata.name ??= place.name;
    if (endpoint.resource.namespaced) next.metadata.namespace ??= place.namespace;
    return decodePatched(next, { ...decoding, validation: "Ignore" });
  };
}

/** The configuration as sent: filling in absent fields would make the client their owner. */
export function readApplied(
  decoder: ObjectDecoder,
  body: Uint8Array,
  decoding: Omit<DecodeRequest, "format">,
): KubeObject {
  try {
    const parsed = parseBody(body, "yaml");
    const { findings } = decoder.parsed(parsed, decoding.validation !== "Ignore");
    if (findings.length > 0 && decoding.validation === "Strict") {
      throw StatusError.badRequest(`error decoding YAML: strict decoding error: ${findings.join(", ")}`);
    }
    for (const finding of findings) decoding.warn(finding);
    const applied = parsed.value as KubeObject;
    applied.metadata ??= {};
    return applied;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw StatusError.badRequest(`error decoding YAML of ${formatGvk(decoder.gvk)}: ${error.message}`);
  }
}

/** The body may leave its place out, which the path tells. */
function checkPlace(
  applied: KubeObject,
  place: { readonly namespace: string; readonly name: string },
  namespaced: boolean,
): void {
  const { name, namespace } = applied.metadata;
  if (name !== undefined && name !== place.name) {
    throw StatusError.badRequest(`the name of the object (${name}) does not match the name on the URL (${place.name})`);
  }
  if (namespaced && namespace !== undefined && namespace !== "" && namespace !== place.namespace) {
    throw StatusError.badRequest(
      `the namespace of the object (${namespace}) does not match the namespace on the request (${place.namespace})`,
    );
  }
}
