/** Admission requests for tests: "CREATE pods shop/web" and what they carry. */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { AdmissionAttributes, AdmissionOperation, AdmissionPlugin } from "../admission.ts";

export interface TestRequest {
  /** "CREATE pods/status shop/web", "UPDATE deployments.apps shop/web", "DELETE namespaces shop". */
  readonly what: string;
  readonly object?: object | undefined;
  readonly oldObject?: object | undefined;
  readonly user?: AdmissionAttributes["user"] | undefined;
  readonly dryRun?: boolean | undefined;
  readonly nowMs?: number | undefined;
}

export interface TestAttributes extends AdmissionAttributes {
  readonly warnings: string[];
}

export function makeAttributes(request: TestRequest): TestAttributes {
  const [operation = "", what = "", where = ""] = request.what.split(" ");
  const [full = "", subresource = ""] = what.split("/");
  const dot = full.indexOf(".");
  const resource = dot < 0 ? full : full.slice(0, dot);
  const group = dot < 0 ? "" : full.slice(dot + 1);
  const slash = where.indexOf("/");
  const namespace = slash < 0 ? "" : where.slice(0, slash);
  const name = where.slice(slash + 1);
  const warnings: string[] = [];
  const complete = (object: object | undefined): KubeObject | undefined => {
    if (!object) return undefined;
    const { metadata, ...rest } = object as KubeObject;
    return { ...rest, metadata: { ...(namespace ? { namespace } : {}), ...(name ? { name } : {}), ...metadata } };
  };
  return {
    operation: operation as AdmissionOperation,
    kind: { group, version: "v1", kind: "" },
    resource: { group, version: "v1", resource },
    subresource,
    namespace,
    name,
    object: complete(request.object),
    oldObject: complete(request.oldObject),
    user: request.user ?? { name: "jane", groups: ["system:authenticated"] },
    dryRun: request.dryRun ?? false,
    nowMs: request.nowMs ?? Date.UTC(2026, 0, 1),
    options: {},
    warn: (text) => void warnings.push(text),
    warnings,
  };
}

/** Runs both phases as the server does; returns the object as it came out, or throws the refusal. */
export async function admit(plugin: AdmissionPlugin, request: TestRequest): Promise<TestAttributes> {
  const attributes = makeAttributes(request);
  if (!plugin.handles(attributes)) return attributes;
  await plugin.mutate?.(attributes);
  await plugin.validate?.(attributes);
  return attributes;
}

/** Why the request is refused, without the part that names the object; "" when it is let pass. */
export async function whyRefused(plugin: AdmissionPlugin, request: TestRequest): Promise<string> {
  try {
    await admit(plugin, request);
    return "";
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return error.reason === "Forbidden" ? error.message.replace(/^.*? is forbidden: /s, "") : error.message;
  }
}
