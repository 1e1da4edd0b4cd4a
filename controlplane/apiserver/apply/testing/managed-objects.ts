/** For tests of field management: a few endpoints, objects, and writes as the server does them. */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { ManagedEndpoint } from "../field-manager.ts";
import { serverSideApply, updateManagedFields } from "../field-manager.ts";
import { managedEndpoint } from "../managed-endpoint.ts";

/** What the helpers take as now. */
export const start = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
export const deployments = managedEndpoint({
  gvk: { group: "apps", version: "v1", kind: "Deployment" },
  resource: "deployments",
  subresource: "",
  hasStatus: true,
});
export const deploymentStatus = managedEndpoint({
  gvk: { group: "apps", version: "v1", kind: "Deployment" },
  resource: "deployments",
  subresource: "status",
  hasStatus: true,
});
export const configMaps = managedEndpoint({
  gvk: { group: "", version: "v1", kind: "ConfigMap" },
  resource: "configmaps",
  subresource: "",
  hasStatus: false,
});

export const deployment = (spec: object, more: object = {}): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "default" },
  spec,
  ...more,
});
export const configMap = (data: object, metadata: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "c", namespace: "default", ...metadata },
  data,
});

/** As the store has it. */
export function stored(object: KubeObject): KubeObject {
  const copy = structuredClone(object);
  copy.metadata.uid = "u1";
  return copy;
}

export function write(
  endpoint: ManagedEndpoint,
  live: KubeObject | undefined,
  next: KubeObject,
  manager: string,
  at = start,
) {
  const copy = structuredClone(next);
  updateManagedFields({ endpoint, live, next: copy, manager, nowMs: at });
  return stored(copy);
}

interface ApplyOptions {
  readonly force?: boolean;
  readonly at?: number;
}

export function apply(
  endpoint: ManagedEndpoint,
  live: KubeObject | undefined,
  applied: KubeObject,
  manager: string,
  { force = false, at = start }: ApplyOptions = {},
) {
  return stored(serverSideApply({ endpoint, live, applied, manager, force, nowMs: at }));
}

export function refusal(run: () => unknown): StatusError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof StatusError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was refused");
}

/** "manager operation[/subresource]" to the fields, as text. */
export function owners(object: KubeObject): Record<string, string> {
  return Object.fromEntries(
    (object.metadata.managedFields ?? []).map((entry) => [
      `${entry.manager} ${entry.operation}${entry.subresource ? `/${entry.subresource}` : ""}`,
      JSON.stringify(entry.fieldsV1),
    ]),
  );
}
