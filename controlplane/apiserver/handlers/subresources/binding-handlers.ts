/**
 * `pods/x/binding` and the older `bindings` collection: puts a pod on a node, once. Source: BindingREST of upstream's pod
 * registry.
 */
import type { Binding, Pod, PodCondition } from "#pkg/api/core/v1.ts";
import { FieldPath, fieldError } from "#pkg/api/field.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { StatusBody } from "#pkg/api/status.ts";
import { StatusError } from "#pkg/api/status.ts";
import { formatTime } from "#pkg/system/clock.ts";
import type { ApiHandler } from "../../http/api-request.ts";
import { requestFormat } from "../../http/negotiation.ts";
import { RequestAdmission, writeContext } from "../admit.ts";
import { chooseObjectForm } from "../forms/plain-object.ts";
import { type HandlerPorts, maxBodyBytes } from "../handler-ports.ts";
import { decodeObjectBody, tableDecoder } from "../object-decoder.ts";
import { parseWriteQuery } from "../query/write-query.ts";
import type { ResourceEndpoint } from "../resource-endpoint.ts";

const kind = { group: "", version: "v1", kind: "Binding" };
const statusKind = { group: "", version: "v1", kind: "Status" };
const decoder = tableDecoder("core/v1.Binding", kind);
const aboutBindings = { group: "", resource: "pods/binding" };

/** `pods` is the endpoint of core/v1 pods; `subresource` is "" for the collection of bindings. */
export function bindingHandler(pods: ResourceEndpoint, subresource: "binding" | "", ports: HandlerPorts): ApiHandler {
  return async (request, context) => {
    const write = parseWriteQuery(request.query, request.headers["user-agent"], "CreateOptions");
    const form = await chooseObjectForm(request, statusKind);
    const binding = (await decodeObjectBody(await request.readBody(maxBodyBytes), {
      decoder,
      format: requestFormat(request.headers["content-type"]),
      validation: write.fieldValidation,
      warn: (text) => context.warnings.add(text),
    })) as KubeObject & Binding;
    const { namespace } = context.info;
    const name = context.info.name || (binding.metadata.name ?? "");
    checkBinding(binding, name);
    binding.metadata.namespace ||= namespace;
    const resource = { ...pods.resource, ...(subresource === "" ? { plural: "bindings" } : {}) };
    const { dryRun, options } = write;
    const admission = new RequestAdmission(
      ports.admission,
      { resource, kind, subresource, namespace, name, dryRun, options },
      context,
      ports.clock,
    );
    await admission.admit("CREATE", binding);
    const { uid, resourceVersion } = binding.metadata;
    await pods.registry.update(
      {
        namespace,
        name,
        subresource: "binding",
        dryRun,
        preconditions: { uid, resourceVersion },
        createIfMissing: false,
        validateAdmission: async () => undefined,
      },
      async (current) => bindPod(current as Pod & KubeObject, binding, ports.clock.now()),
      writeContext(context, request.signal),
    );
    return form.respond(201, success);
  };
}

const success: StatusBody = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };

/** The pod on its node. Throws StatusError 409 when it cannot be bound any more. Does not change `current`. */
export function bindPod(current: Pod & KubeObject, binding: Binding, nowMs: number): KubeObject {
  const { metadata, spec, status } = current;
  const name = metadata.name ?? "";
  if (metadata.deletionTimestamp !== undefined) {
    throw StatusError.conflict(aboutBindings, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  }
  if (spec?.nodeName) {
    throw StatusError.conflict(aboutBindings, name, `pod ${name} is already assigned to node "${spec.nodeName}"`);
  }
  if ((spec?.schedulingGates?.length ?? 0) > 0) {
    throw StatusError.conflict(aboutBindings, name, `pod ${name} has non-empty .spec.schedulingGates`);
  }
  const annotations = { ...metadata.annotations, ...binding.metadata?.annotations };
  const labels = { ...metadata.labels, ...binding.metadata?.labels };
  return {
    ...current,
    metadata: {
      ...metadata,
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
    },
    spec: { ...spec, nodeName: binding.target.name },
    status: { ...status, conditions: withScheduled(status?.conditions ?? [], nowMs) },
  };
}

function withScheduled(conditions: readonly PodCondition[], nowMs: number): readonly PodCondition[] {
  const others = conditions.filter((one) => one.type !== "PodScheduled");
  const previous = conditions.find((one) => one.type === "PodScheduled");
  if (previous?.status === "True") return conditions;
  return [...others, { type: "PodScheduled", status: "True", lastTransitionTime: formatTime(nowMs) } as PodCondition];
}

function checkBinding(binding: KubeObject & Binding, name: string): void {
  if (name === "") throw StatusError.badRequest("name is required");
  if (binding.metadata.name && binding.metadata.name !== name) {
    throw StatusError.badRequest(
      `name in URL does not match name in Binding object: ${JSON.stringify(name)} and ${JSON.stringify(binding.metadata.name)}`,
    );
  }
  const target = new FieldPath("target");
  const errors = [];
  const { target: to } = binding;
  if (to?.kind && to.kind !== "Node")
    errors.push(fieldError.notSupported(target.child("kind"), to.kind, ["Node", "<empty>"]));
  if (!to?.name) errors.push(fieldError.required(target.child("name")));
  if (errors.length > 0) throw StatusError.invalid({ group: "", resource: "Binding" }, name, errors);
}
