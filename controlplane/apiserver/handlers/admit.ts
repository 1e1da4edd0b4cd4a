/** Admission as the handlers need it: the attributes of one request, filled in once. */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { Resource } from "#pkg/api/schema/resources.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { Admission, AdmissionAttributes, AdmissionOperation } from "../admission/admission.ts";
import type { RequestContext } from "../http/api-request.ts";
import type { ValidateAdmission, WriteContext } from "../registry/resource-registry.ts";

export interface AdmissionRequest {
  readonly resource: Pick<Resource, "group" | "version" | "kind" | "plural">;
  /** When it is not the resource's own: a Scale, an Eviction. */
  readonly kind?: AdmissionAttributes["kind"] | undefined;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly dryRun: boolean;
  readonly options: Readonly<Record<string, unknown>>;
}

/** One request's way through admission. */
export class RequestAdmission {
  readonly #admission: Admission;
  readonly #request: AdmissionRequest;
  readonly #context: RequestContext;
  readonly #nowMs: number;

  constructor(admission: Admission, request: AdmissionRequest, context: RequestContext, clock: Clock) {
    this.#admission = admission;
    this.#request = request;
    this.#context = context;
    this.#nowMs = clock.now();
  }

  /** May change `object`. Without `oldObject` it is a create. */
  async mutate(object: KubeObject, oldObject: KubeObject | undefined): Promise<void> {
    await this.#admission.mutate(this.attributes(oldObject ? "UPDATE" : "CREATE", object, oldObject));
  }

  /** For the registry, which calls it right before the write. */
  readonly validate: ValidateAdmission = async (next, current) => {
    await this.#admission.validate(this.attributes(operationOf(next, current), next, current));
  };

  /** Deletion is not announced by the handlers beforehand, so both kinds of plugin run here. */
  readonly validateDelete: ValidateAdmission = async (_next, current) => {
    const attributes = this.attributes("DELETE", undefined, current);
    await this.#admission.mutate(attributes);
    await this.#admission.validate(attributes);
  };

  /** Objects that are not stored: reviews, connections. */
  async admit(operation: AdmissionOperation, object: KubeObject | undefined): Promise<void> {
    const attributes = this.attributes(operation, object, undefined);
    await this.#admission.mutate(attributes);
    await this.#admission.validate(attributes);
  }

  attributes(
    operation: AdmissionOperation,
    object: KubeObject | undefined,
    oldObject: KubeObject | undefined,
  ): AdmissionAttributes {
    const { resource, kind, ...rest } = this.#request;
    const { group, version } = resource;
    return {
      ...rest,
      operation,
      kind: kind ?? { group, version, kind: resource.kind },
      resource: { group, version, resource: resource.plural },
      name: rest.name || (oldObject?.metadata.name ?? (operation === "CREATE" ? (object?.metadata.name ?? "") : "")),
      object,
      oldObject,
      user: this.#context.user,
      nowMs: this.#nowMs,
      warn: (text) => this.#context.warnings.add(text),
    };
  }
}

function operationOf(next: KubeObject | undefined, current: KubeObject | undefined): AdmissionOperation {
  if (next === undefined) return "DELETE";
  return current === undefined ? "CREATE" : "UPDATE";
}

export function writeContext(context: RequestContext, signal: AbortSignal): WriteContext {
  return { user: context.user, signal, warn: (text) => context.warnings.add(text) };
}
