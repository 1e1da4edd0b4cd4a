/** DELETE of an object and of a collection. */
import type { DeleteOptions as DeleteOptionsObject } from "#pkg/api/meta/v1.ts";
import type { StatusBody } from "#pkg/api/status.ts";
import type { ApiHandler, ApiRequest } from "../http/api-request.ts";
import { requestFormat } from "../http/negotiation.ts";
import type { StoredEntry } from "../registry/stored-entry.ts";
import { writeContext } from "./admit.ts";
import { chooseForm } from "./forms/choose-form.ts";
import { type HandlerPorts, maxBodyBytes } from "./handler-ports.ts";
import { decodeObjectBody, tableDecoder } from "./object-decoder.ts";
import { deleteOptionsOfQuery, toDeleteRequest } from "./query/delete-options.ts";
import { parseListQuery, toListOptions } from "./query/list-query.ts";
import type { ResourceEndpoint } from "./resource-endpoint.ts";
import { openAdmission } from "./write-handlers.ts";

/** Resources whose deletion answers with the object that is gone, for historical reasons; the rest answer with a Status. */
const returnsDeletedObject: ReadonlySet<string> = new Set([
  "namespaces.",
  "persistentvolumeclaims.",
  "persistentvolumes.",
  "pods.",
  "podtemplates.",
  "resourcequotas.",
  "serviceaccounts.",
  "services.",
  "csidrivers.storage.k8s.io",
  "csinodes.storage.k8s.io",
  "csistoragecapacities.storage.k8s.io",
  "storageclasses.storage.k8s.io",
  "volumeattachments.storage.k8s.io",
]);

const optionsDecoder = {
  ...tableDecoder("meta/v1.DeleteOptions", { group: "meta.k8s.io", version: "v1", kind: "DeleteOptions" }),
  anyVersion: true,
};

export function deleteHandler(endpoint: ResourceEndpoint, ports: HandlerPorts): ApiHandler {
  const { resource, registry } = endpoint;
  const returnsObject = returnsDeletedObject.has(`${resource.plural}.${resource.group}`);
  return async (request, context) => {
    const { namespace, name } = context.info;
    const options = await readDeleteOptions(request);
    const wanted = toDeleteRequest(options);
    const form = await chooseForm(endpoint, request);
    const admission = openAdmission(endpoint, context, { dryRun: wanted.dryRun, options: { ...options } }, ports, name);
    const { entry, deleted } = await registry.delete(
      { ...wanted, namespace, name, validateAdmission: admission.validateDelete },
      writeContext(context, request.signal),
    );
    // Upstream's 202: the client asked for a cascade in the foreground and the object waits for it.
    const waits =
      !deleted && (options.orphanDependents === false || wanted.propagationPolicy === "Foreground") ? 202 : 200;
    const headers = { "content-type": form.contentType };
    if (!deleted || returnsObject) return { status: waits, headers, body: form.entry(entry) };
    return { status: 200, headers: { "content-type": "application/json" }, body: deletedStatus(endpoint, entry) };
  };
}

export function deleteCollectionHandler(endpoint: ResourceEndpoint, ports: HandlerPorts): ApiHandler {
  const { registry } = endpoint;
  return async (request, context) => {
    const { namespace } = context.info;
    const list = toListOptions(parseListQuery(request.query), namespace);
    const options = await readDeleteOptions(request);
    const wanted = toDeleteRequest(options);
    const form = await chooseForm(endpoint, request);
    const admission = openAdmission(endpoint, context, { dryRun: wanted.dryRun, options: { ...options } }, ports, "");
    const entries = await registry.deleteCollection(
      list,
      { ...wanted, namespace, validateAdmission: admission.validateDelete },
      writeContext(context, request.signal),
    );
    const revision = entries.reduce((newest, one) => Math.max(newest, one.revision), 0);
    const body = form.list(entries, { revision, continueToken: "" });
    return { status: 200, headers: { "content-type": form.contentType }, body };
  };
}

async function readDeleteOptions(request: ApiRequest): Promise<DeleteOptionsObject> {
  const body = await request.readBody(maxBodyBytes);
  if (body.length === 0) return deleteOptionsOfQuery(request.query);
  const object = await decodeObjectBody(body, {
    decoder: optionsDecoder,
    format: requestFormat(request.headers["content-type"]),
    validation: "Ignore",
    warn: () => undefined,
  });
  const { metadata: _, ...options } = object;
  return options as DeleteOptionsObject;
}

function deletedStatus(endpoint: ResourceEndpoint, entry: StoredEntry): string {
  const { group, plural } = endpoint.resource;
  const { name, uid } = entry.object.metadata;
  const status: Omit<StatusBody, "code"> = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name, ...(group ? { group } : {}), kind: plural, uid },
  };
  return `${JSON.stringify(status)}\n`;
}
