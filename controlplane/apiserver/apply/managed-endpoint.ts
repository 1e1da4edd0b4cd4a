/**
 * The endpoints of built-in kinds as field management sees them: schema, versions, and which fields a write there can
 * change at all. The status of a kind is not written through its main endpoint, nor its spec through `/status`.
 * Source: GetResetFields of upstream's registry strategies.
 */
import { formatApiVersion, type GroupVersionKind, parseApiVersion } from "#pkg/api/meta/object.ts";
import { kindSchema } from "../patch/table-schema.ts";
import type { JsonObject, StructSchema } from "../patch/value-schema.ts";
import type { ManagedEndpoint } from "./field-manager.ts";
import { FieldSet } from "./field-set.ts";
import type { FieldFilter } from "./ownership.ts";
import { fieldElement } from "./path-element.ts";

export interface EndpointOptions {
  readonly gvk: GroupVersionKind;
  /** Plural. */
  readonly resource: string;
  /** "" for the resource itself. */
  readonly subresource: string;
  /** The resource has a status subresource. */
  readonly hasStatus: boolean;
  /** For kinds that are not in the table. */
  readonly schema?: StructSchema | undefined;
  /** Between served versions of the kind; absent: managers of other versions are forgotten. */
  readonly convert?: ((object: JsonObject, apiVersion: string) => JsonObject | undefined) | undefined;
}

/** Throws when the kind has no schema. Make one per endpoint and keep it. */
export function managedEndpoint(options: EndpointOptions): ManagedEndpoint {
  const { gvk, convert } = options;
  const schema = options.schema ?? kindSchema(gvk);
  if (!schema) throw new Error(`no schema for ${formatApiVersion(gvk)} ${gvk.kind}`);
  return {
    apiVersion: formatApiVersion(gvk),
    kind: gvk.kind,
    subresource: options.subresource,
    schema,
    schemaIn: (apiVersion) => (convert ? kindSchema({ ...parseApiVersion(apiVersion), kind: gvk.kind }) : undefined),
    convert: convert ?? (() => undefined),
    writable: writableFields(options),
  };
}

function writableFields({ gvk, resource, subresource, hasStatus }: EndpointOptions): FieldFilter {
  const special = specialFilters[[resource, gvk.group].join(".")]?.[subresource];
  if (special) return special;
  if (subresource === "status") return except("spec");
  return hasStatus ? except("status") : (set) => set;
}

/** Everything but what is at or below these dotted paths. */
function except(...paths: readonly string[]): FieldFilter {
  const excluded = FieldSet.of(...paths.map((path) => path.split(".").map(fieldElement)));
  return (set) => set.recursiveDifference(excluded);
}

/** Only what is at or below these paths, in which `*` stands for any one element, and the elements on the way. */
function only(...patterns: readonly string[]): FieldFilter {
  const steps = patterns.map((pattern) => pattern.split("."));
  return (set) => matching(set, steps);
}

function matching(set: FieldSet, patterns: readonly (readonly string[])[]): FieldSet {
  if (patterns.some((pattern) => pattern.length === 0)) return set;
  const result = new FieldSet();
  for (const node of set.nodes()) {
    const { element } = node;
    const rest = patterns
      .filter(([head]) => head === "*" || (element.type === "f" && element.name === head))
      .map((pattern) => pattern.slice(1));
    if (rest.length > 0) result.put(element, node.isMember, node.children && matching(node.children, rest));
  }
  return result;
}

const specAndMetadata: Readonly<Record<string, FieldFilter>> = { status: except("spec", "metadata") };

/** By `resource.group`, then subresource; the core group is "". */
const specialFilters: Readonly<Record<string, Readonly<Record<string, FieldFilter>>>> = {
  "pods.": {
    status: except("spec", "metadata.deletionTimestamp", "metadata.ownerReferences"),
    ephemeralcontainers: only("spec.ephemeralContainers"),
    resize: only("spec.containers.*.resources", "spec.initContainers.*.resources", "spec.containers.*.resizePolicy"),
  },
  "namespaces.": { finalize: except("status") },
  "deployments.apps": { status: except("spec", "metadata.labels") },
  "certificatesigningrequests.certificates.k8s.io": {
    "": except("spec", "status"),
    status: except("spec", "status.conditions"),
    approval: except("spec", "status.certificate"),
  },
  "volumeattachments.storage.k8s.io": specAndMetadata,
  "flowschemas.flowcontrol.apiserver.k8s.io": specAndMetadata,
  "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": specAndMetadata,
  "customresourcedefinitions.apiextensions.k8s.io": specAndMetadata,
  "apiservices.apiregistration.k8s.io": specAndMetadata,
  "validatingadmissionpolicies.admissionregistration.k8s.io": specAndMetadata,
};
