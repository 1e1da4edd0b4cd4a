/** POST of what is asked and not stored: reviews, and tokens for service accounts. */
import type { GroupVersionKind } from "#pkg/api/meta/object.ts";
import type { Resource } from "#pkg/api/schema/resources.ts";
import { typeOf } from "#pkg/api/schema/schema.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { ApiHandler } from "../../http/api-request.ts";
import { requestFormat } from "../../http/negotiation.ts";
import type { VirtualResource } from "../../reviews/virtual-resource.ts";
import { RequestAdmission } from "../admit.ts";
import { chooseObjectForm } from "../forms/plain-object.ts";
import { type HandlerPorts, maxBodyBytes } from "../handler-ports.ts";
import { decodeObjectBody, tableDecoder } from "../object-decoder.ts";
import { parseWriteQuery } from "../query/write-query.ts";

/** `kind` is what is posted: the resource's own, or that of the subresource. */
export function virtualHandler(
  virtual: VirtualResource,
  resource: Resource,
  kind: GroupVersionKind,
  ports: HandlerPorts,
): ApiHandler {
  const typeName = typeOf(kind);
  if (!typeName) throw new BerthError("Internal", `the schema has no type for ${kind.kind}`);
  const decoder = tableDecoder(typeName, kind);
  return async (request, context) => {
    const { namespace, name } = context.info;
    const write = parseWriteQuery(request.query, request.headers["user-agent"], "CreateOptions");
    const form = await chooseObjectForm(request, kind);
    const object = await decodeObjectBody(await request.readBody(maxBodyBytes), {
      decoder,
      format: requestFormat(request.headers["content-type"]),
      validation: write.fieldValidation,
      warn: (text) => context.warnings.add(text),
    });
    const { dryRun, options } = write;
    const { subresource } = virtual;
    const admission = new RequestAdmission(
      ports.admission,
      { resource, kind, subresource, namespace, name, dryRun, options },
      context,
      ports.clock,
    );
    await admission.admit("CREATE", object);
    const warn = (text: string): unknown => context.warnings.add(text);
    return form.respond(201, await virtual.create(object, { user: context.user, namespace, name, warn }));
  };
}
