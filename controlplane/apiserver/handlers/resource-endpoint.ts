/** One served resource in one version: what the handlers need to know and call. */
import type { GroupVersionKind } from "#pkg/api/meta/object.ts";
import type { Resource } from "#pkg/api/schema/resources.ts";
import type { ManagedEndpoint } from "../apply/field-manager.ts";
import type { StructSchema } from "../patch/value-schema.ts";
import type { ResourceRegistry } from "../registry/resource-registry.ts";
import type { Strategy } from "../registry/strategy.ts";
import type { TableConverter } from "./forms/table-form.ts";
import type { ObjectDecoder } from "./object-decoder.ts";

export interface ResourceEndpoint {
  readonly resource: Resource;
  /** Speaks the endpoint's version, also where objects are stored in another one. */
  readonly registry: ResourceRegistry;
  readonly strategy: Strategy;
  readonly decoder: ObjectDecoder;
  /** For strategic-merge patches; absent: that kind of patch is refused (custom resources). */
  readonly schema?: StructSchema | undefined;
  readonly table: TableConverter;
  /** How field management sees the endpoint of a subresource ("": the resource itself). */
  managed(subresource: string): ManagedEndpoint;
}

export function gvkOfEndpoint({ resource }: Pick<ResourceEndpoint, "resource">): GroupVersionKind {
  return { group: resource.group, version: resource.version, kind: resource.kind };
}
