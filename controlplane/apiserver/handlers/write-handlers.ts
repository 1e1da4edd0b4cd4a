/** POST and PUT of an object. */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { ApiHandler, ApiRequest, RequestContext } from "../http/api-request.ts";
import { buildAttributes } from "../http/filters/authorization.ts";
import { forbiddenError } from "../http/forbidden.ts";
import { requestFormat } from "../http/negotiation.ts";
import { matchNamespace } from "../registry/prepare-create.ts";
import { RequestAdmission, writeContext } from "./admit.ts";
import { chooseForm } from "./forms/choose-form.ts";
import { type HandlerPorts, maxBodyBytes } from "./handler-ports.ts";
import { type DecodeRequest, decodeObjectBody } from "./object-decoder.ts";
import { parseWriteQuery, type WriteQuery } from "./query/write-query.ts";
import type { ResourceEndpoint } from "./resource-endpoint.ts";
import { settleObject } from "./settle-object.ts";

export function createHandler(endpoint: ResourceEndpoint, ports: HandlerPorts): ApiHandler {
  const { resource, registry } = endpoint;
  return async (request, context) => {
    const { namespace } = context.info;
    const write = parseWriteQuery(request.query, request.headers["user-agent"], "CreateOptions");
    const form = await chooseForm(endpoint, request);
    const object = await decodeObjectBody(
      await request.readBody(maxBodyBytes),
      decodeRequest(endpoint, request, write, context),
    );
    matchNamespace(object, resource.namespaced ? namespace : "");
    const admission = openAdmission(endpoint, context, write, ports, object.metadata.name ?? "");
    const managed = endpoint.managed("");
    const settled = await settleObject(object, undefined, {
      endpoint,
      managed,
      manager: write.fieldManager,
      admission,
      nowMs: ports.clock.now(),
    });
    const entry = await registry.create(
      settled,
      { namespace, dryRun: write.dryRun, validateAdmission: admission.validate },
      writeContext(context, request.signal),
    );
    return { status: 201, headers: { "content-type": form.contentType }, body: form.entry(entry) };
  };
}

/** `subresource`: "" or one that is written like the object itself (status, ephemeralcontainers, resize, approval, finalize). */
export function updateHandler(endpoint: ResourceEndpoint, subresource: string, ports: HandlerPorts): ApiHandler {
  const { resource, registry } = endpoint;
  return async (request, context) => {
    const { namespace, name } = context.info;
    const write = parseWriteQuery(request.query, request.headers["user-agent"], "UpdateOptions");
    const form = await chooseForm(endpoint, request);
    const body = await request.readBody(maxBodyBytes);
    const decoding = decodeRequest(endpoint, request, write, context);
    // The first try uses the object that was decoded to check its name; a try after a conflict needs a fresh one.
    let decoded: KubeObject | undefined = await decodeObjectBody(body, decoding);
    checkName(decoded, name);
    const admission = openAdmission(endpoint, context, write, ports, name, subresource);
    const managed = endpoint.managed(subresource);
    const mayCreate = resource.createOnUpdate && subresource === "";
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
        const next = decoded ?? (await decodeObjectBody(body, decoding));
        decoded = undefined;
        matchNamespace(next, resource.namespaced ? namespace : "");
        next.metadata.name ||= name;
        return settleObject(next, current, {
          endpoint,
          managed,
          manager: write.fieldManager,
          admission,
          nowMs: ports.clock.now(),
        });
      },
      writeContext(context, request.signal),
    );
    return {
      status: created ? 201 : 200,
      headers: { "content-type": form.contentType },
      body: form.entry(entry),
    };
  };
}

export function decodeRequest(
  endpoint: ResourceEndpoint,
  request: ApiRequest,
  write: WriteQuery,
  context: RequestContext,
): DecodeRequest {
  const { decoder } = endpoint;
  return {
    decoder,
    format: requestFormat(request.headers["content-type"], decoder.protobuf ? undefined : ["json", "yaml"]),
    validation: write.fieldValidation,
    warn: (text) => context.warnings.add(text),
  };
}

export function openAdmission(
  endpoint: ResourceEndpoint,
  context: RequestContext,
  write: Pick<WriteQuery, "dryRun" | "options">,
  ports: HandlerPorts,
  name: string,
  subresource = "",
): RequestAdmission {
  const { resource } = endpoint;
  const { namespace } = context.info;
  const { dryRun, options } = write;
  return new RequestAdmission(
    ports.admission,
    { resource, subresource, namespace: resource.namespaced ? namespace : "", name, dryRun, options },
    context,
    ports.clock,
  );
}

/** A PUT or apply that creates needs the right to create, too. */
export async function authorizeCreate(
  request: ApiRequest,
  context: RequestContext,
  ports: HandlerPorts,
): Promise<void> {
  const attributes = buildAttributes(request, { ...context.info, verb: "create" }, context.user);
  const { decision, reason } = await ports.authorizer.authorize(attributes);
  if (decision !== "allow") throw forbiddenError(attributes, reason);
}

function checkName(object: KubeObject, name: string): void {
  const own = object.metadata.name ?? "";
  if (own !== "" && own !== name) {
    throw StatusError.badRequest(`the name of the object (${own}) does not match the name on the URL (${name})`);
  }
}
