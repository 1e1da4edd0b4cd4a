/** GET, PUT and PATCH of `/scale`: the number of replicas, without the need to know the kind behind it. */
import { formatApiVersion, type KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import { serverSideApply, updateManagedFields } from "../../apply/field-manager.ts";
import { managedEndpoint } from "../../apply/managed-endpoint.ts";
import { builtinReplicasPaths, managedFieldsAfterScale } from "../../apply/scale-managed-fields.ts";
import type { ApiHandler, ApiRequest, ApiResponse, RequestContext } from "../../http/api-request.ts";
import { requestFormat } from "../../http/negotiation.ts";
import { kindSchema } from "../../patch/table-schema.ts";
import { RequestAdmission, writeContext } from "../admit.ts";
import { chooseObjectForm } from "../forms/plain-object.ts";
import { type HandlerPorts, maxBodyBytes } from "../handler-ports.ts";
import { type DecodeRequest, decodeObjectBody, decodePatched, tableDecoder } from "../object-decoder.ts";
import { applyPatchTo, choosePatchType, readApplied } from "../patch-handler.ts";
import { readText } from "../query/read-query.ts";
import { parseWriteQuery, type WriteQuery } from "../query/write-query.ts";
import { gvkOfEndpoint, type ResourceEndpoint } from "../resource-endpoint.ts";
import { buildScale, type ScaleObject, validateScale, withReplicas } from "./scale-object.ts";

const scaleKind = { group: "autoscaling", version: "v1", kind: "Scale" };
const decoder = tableDecoder("autoscaling/v1.Scale", scaleKind);

/** Makes the wanted Scale out of the current one. */
type ScaleChange = (current: ScaleObject, nowMs: number) => Promise<ScaleObject> | ScaleObject;

export class ScaleHandlers {
  readonly #endpoint: ResourceEndpoint;
  readonly #ports: HandlerPorts;
  readonly #apiVersion: string;
  readonly #paths: ReturnType<typeof builtinReplicasPaths>;
  readonly #managed = managedEndpoint({ gvk: scaleKind, resource: "scales", subresource: "scale", hasStatus: false });

  constructor(endpoint: ResourceEndpoint, ports: HandlerPorts) {
    this.#endpoint = endpoint;
    this.#ports = ports;
    this.#apiVersion = formatApiVersion(gvkOfEndpoint(endpoint));
    this.#paths = builtinReplicasPaths(this.#apiVersion);
  }

  readonly get: ApiHandler = async (request, { info }) => {
    const form = await chooseObjectForm(request, scaleKind);
    const resourceVersion = readText(request.query, "resourceVersion");
    const entry = await this.#endpoint.registry.get(info.namespace, info.name, { resourceVersion });
    return form.respond(200, buildScale(entry.object, this.#paths));
  };

  readonly update: ApiHandler = async (request, context) => {
    const write = parseWriteQuery(request.query, request.headers["user-agent"], "UpdateOptions");
    const body = await request.readBody(maxBodyBytes);
    const decoding = this.#decoding(request, write, context);
    const scale = (await decodeObjectBody(body, decoding)) as ScaleObject;
    const { name } = context.info;
    if (scale.metadata.name && scale.metadata.name !== name) {
      throw StatusError.badRequest(
        `the name of the object (${scale.metadata.name}) does not match the name on the URL (${name})`,
      );
    }
    return this.#write(request, context, write, () => ({ ...scale, metadata: { ...scale.metadata } }));
  };

  readonly patch: ApiHandler = async (request, context) => {
    const type = choosePatchType(request.headers["content-type"], true);
    const write = parseWriteQuery(request.query, request.headers["user-agent"], "PatchOptions", type === "apply");
    const body = await request.readBody(maxBodyBytes);
    const decoding = this.#decoding(request, write, context);
    if (type !== "apply") {
      return this.#write(request, context, write, (current) => {
        return decodePatched(applyPatchTo(current, type, body, kindSchema(scaleKind)), decoding) as ScaleObject;
      });
    }
    const applied = readApplied(decoder, body, decoding);
    const force = write.force ?? false;
    const change: ScaleChange = (live, nowMs) => {
      const manager = write.fieldManager;
      return serverSideApply({ endpoint: this.#managed, live, applied, manager, force, nowMs }) as ScaleObject;
    };
    return this.#write(request, context, write, change, true);
  };

  async #write(
    request: ApiRequest,
    context: RequestContext,
    write: WriteQuery,
    change: ScaleChange,
    isApply = false,
  ): Promise<ApiResponse> {
    const { registry, resource } = this.#endpoint;
    const { namespace, name } = context.info;
    const form = await chooseObjectForm(request, scaleKind);
    const { dryRun, options } = write;
    const admission = new RequestAdmission(
      this.#ports.admission,
      { resource, kind: scaleKind, subresource: "scale", namespace, name, dryRun, options },
      context,
      this.#ports.clock,
    );
    const scaleOf = (object: KubeObject | undefined) => object && buildScale(object, this.#paths);
    const { entry } = await registry.update(
      {
        namespace,
        name,
        subresource: "scale",
        dryRun,
        createIfMissing: false,
        validateAdmission: (next, current) => admission.validate(scaleOf(next), scaleOf(current)),
      },
      async (current) => {
        if (!current) throw StatusError.notFound({ group: resource.group, resource: resource.plural }, name);
        const nowMs = this.#ports.clock.now();
        const live = buildScale(current, this.#paths);
        const scale = await change(live, nowMs);
        const errors = validateScale(scale);
        if (errors.length > 0) throw StatusError.invalid({ group: "autoscaling", resource: "Scale" }, name, errors);
        if (!isApply) {
          updateManagedFields({ endpoint: this.#managed, live, next: scale, manager: write.fieldManager, nowMs });
        }
        await admission.mutate(scale, live);
        return this.#merge(current, scale);
      },
      writeContext(context, request.signal),
    );
    return form.respond(200, buildScale(entry.object, this.#paths));
  }

  /** The workload as the wanted scale makes it; what the scale says of versions and identity are preconditions. */
  #merge(current: KubeObject, scale: ScaleObject): KubeObject {
    const next = withReplicas(current, scale);
    const { resourceVersion, uid } = scale.metadata;
    if (resourceVersion) next.metadata.resourceVersion = resourceVersion;
    if (uid) next.metadata.uid = uid;
    const parent = current.metadata.managedFields;
    const managed = managedFieldsAfterScale(parent, scale.metadata.managedFields, this.#apiVersion, this.#paths);
    if (managed) next.metadata.managedFields = managed;
    else delete next.metadata.managedFields;
    return next;
  }

  #decoding(request: ApiRequest, write: WriteQuery, context: RequestContext): DecodeRequest {
    const isPatch = request.method === "PATCH";
    return {
      decoder,
      format: isPatch ? "json" : requestFormat(request.headers["content-type"]),
      validation: write.fieldValidation,
      warn: (text) => context.warnings.add(text),
    };
  }
}
