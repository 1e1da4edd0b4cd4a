/**
 * `pods/x/binding` and the older `bindings` collection: puts a pod on a node, once. Source: BindingREST of upstream's pod
 * registry.
 */
import type { Binding, Pod } from "#pkg/api/core/v1.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { StatusBody } from "#pkg/api/status.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { ApiHandler } from "../../http/api-request.ts";
import { requestFormat } from "../../http/negotiation.ts";
import { bindPod } from "../../strategies/bind-pod.ts";
import { RequestAdmission, writeContext } from "../admit.ts";
import { chooseObjectForm } from "../forms/plain-object.ts";
import { type HandlerPorts, maxBodyBytes } from "../handler-ports.ts";
import { decodeObjectBody, tableDecoder } from "../object-decoder.ts";
import { parseWriteQuery } from "../query/write-query.ts";
import type { ResourceEndpoint } from "../resource-endpoint.ts";

const kind = { group: "", version: "v1", kind: "Binding" };
const statusKind = { group: "", version: "v1", kind: "Status" };
const decoder = tableDecoder("core/v1.Binding", kind);

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
    await pods.registry.update(
      {
        namespace,
        name,
        subresource: "binding",
        dryRun,
        createIfMissing: false,
        validateAdmission: async () => undefined,
      },
      async (current) => bindPod(current as unknown as Pod, binding, ports.clock.now()) as unknown as KubeObject,
      writeContext(context, request.signal),
    );
    return form.respond(201, success);
  };
}

const success: StatusBody = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };

function checkBinding(binding: KubeObject & Binding, name: string): void {
  if (name === "") throw StatusError.badRequest("name is required");
  if (binding.metadata.name && binding.metadata.name !== name) {
    throw StatusError.badRequest(
      `name in URL does not match name in Binding object: ${JSON.stringify(name)} and ${JSON.stringify(binding.metadata.name)}`,
    );
  }
}
