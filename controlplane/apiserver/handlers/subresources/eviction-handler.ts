/** `pods/x/eviction`: a delete that asks the pod's disruption budget first. */
import type { Pod } from "#pkg/api/core/v1.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { Eviction } from "#pkg/api/policy/v1.ts";
import { isStatus, type StatusBody, StatusError } from "#pkg/api/status.ts";
import type { ApiHandler, ApiRequest, RequestContext } from "../../http/api-request.ts";
import { requestFormat } from "../../http/negotiation.ts";
import type { ObjectReader, WriteContext } from "../../registry/resource-registry.ts";
import { RequestAdmission, writeContext } from "../admit.ts";
import { chooseObjectForm } from "../forms/plain-object.ts";
import { type HandlerPorts, maxBodyBytes } from "../handler-ports.ts";
import { decodeObjectBody, tableDecoder } from "../object-decoder.ts";
import { type DeleteRequest, toDeleteRequest } from "../query/delete-options.ts";
import { parseWriteQuery } from "../query/write-query.ts";
import type { ResourceEndpoint } from "../resource-endpoint.ts";
import { type Budget, judgeEviction, spendDisruption, withDisruptionTarget } from "./judge-eviction.ts";

const kind = { group: "policy", version: "v1", kind: "Eviction" };
const statusKind = { group: "", version: "v1", kind: "Status" };
const decoder = tableDecoder("policy/v1.Eviction", kind);
const success: StatusBody = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };

/** Tries when the pod changes between the judgement and the delete. */
const maxTries = 20;

export interface EvictionPorts extends HandlerPorts {
  readonly reader: ObjectReader;
  /** The endpoint of policy/v1 poddisruptionbudgets. */
  readonly budgets: Pick<ResourceEndpoint, "registry">;
}

export function evictionHandler(pods: ResourceEndpoint, ports: EvictionPorts): ApiHandler {
  return async (request, context) => {
    const { namespace, name } = context.info;
    const form = await chooseObjectForm(request, statusKind);
    const { eviction, options } = await readEviction(request, context);
    const admission = new RequestAdmission(
      ports.admission,
      { resource: pods.resource, kind, subresource: "eviction", namespace, name, dryRun: options.dryRun, options: {} },
      context,
      ports.clock,
    );
    await admission.admit("CREATE", eviction);
    await new PodEviction(pods, ports, namespace, name, options, writeContext(context, request.signal)).run();
    return form.respond(201, success);
  };
}

class PodEviction {
  readonly #pods: ResourceEndpoint;
  readonly #ports: EvictionPorts;
  readonly #namespace: string;
  readonly #name: string;
  readonly #options: DeleteRequest;
  readonly #context: WriteContext;
  #hasSpent = false;

  constructor(
    pods: ResourceEndpoint,
    ports: EvictionPorts,
    namespace: string,
    name: string,
    options: DeleteRequest,
    context: WriteContext,
  ) {
    this.#pods = pods;
    this.#ports = ports;
    this.#namespace = namespace;
    this.#name = name;
    this.#options = options;
    this.#context = context;
  }

  async run(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#try();
        return;
      } catch (error) {
        // The pod moved on since it was judged. A client that named a version wants to know; the others get a new judgement.
        const asked = this.#options.preconditions?.resourceVersion !== undefined;
        if (asked || tries === maxTries || !isStatus(error, "Conflict")) throw error;
      }
    }
  }

  async #try(): Promise<void> {
    const { registry } = this.#pods;
    const pod = (await registry.get(this.#namespace, this.#name, { resourceVersion: "" })).object as Pod & KubeObject;
    const budgets = this.#ports.reader.list("policy", "poddisruptionbudgets", this.#namespace) as readonly Budget[];
    const verdict = judgeEviction(pod, budgets);
    if (verdict.kind === "spend" && !this.#hasSpent) {
      await this.#spend(verdict.budget.metadata.name ?? "");
      this.#hasSpent = true;
    }
    const version = verdict.kind === "delete" ? pod.metadata.resourceVersion : undefined;
    await this.#delete(pod, version);
  }

  async #spend(budget: string): Promise<void> {
    const { registry } = this.#ports.budgets;
    const { dryRun } = this.#options;
    try {
      await registry.update(
        {
          namespace: this.#namespace,
          name: budget,
          subresource: "status",
          dryRun,
          createIfMissing: false,
          validateAdmission: async () => undefined,
        },
        async (current) => {
          const next = spendDisruption(current as Budget, this.#name, this.#ports.clock.now());
          return { ...next, metadata: { ...next.metadata } };
        },
        this.#context,
      );
    } catch (error) {
      if (!isStatus(error, "Conflict")) throw error;
      throw StatusError.timeout(`couldn't update PodDisruptionBudget "${budget}" due to conflicts`, 10);
    }
  }

  async #delete(pod: Pod & KubeObject, resourceVersion: string | undefined): Promise<void> {
    const { registry } = this.#pods;
    const { dryRun } = this.#options;
    const place = { namespace: this.#namespace, name: this.#name, dryRun };
    const nothing = async (): Promise<void> => undefined;
    let version = this.#options.preconditions?.resourceVersion ?? resourceVersion;
    if (!dryRun && pod.metadata.deletionTimestamp === undefined) {
      const { entry } = await registry.update(
        {
          ...place,
          subresource: "status",
          preconditions: { ...this.#options.preconditions, resourceVersion: version },
          createIfMissing: false,
          validateAdmission: nothing,
        },
        async (current) => withDisruptionTarget(current as Pod & KubeObject, this.#ports.clock.now()),
        this.#context,
      );
      if (version !== undefined) version = entry.object.metadata.resourceVersion;
    }
    const preconditions = { ...this.#options.preconditions, resourceVersion: version };
    await registry.delete({ ...this.#options, ...place, preconditions, validateAdmission: nothing }, this.#context);
  }
}

async function readEviction(
  request: ApiRequest,
  context: RequestContext,
): Promise<{ readonly eviction: KubeObject & Eviction; readonly options: DeleteRequest }> {
  const { name } = context.info;
  const write = parseWriteQuery(request.query, request.headers["user-agent"], "CreateOptions");
  const eviction = (await decodeObjectBody(await request.readBody(maxBodyBytes), {
    decoder,
    format: requestFormat(request.headers["content-type"]),
    validation: write.fieldValidation,
    warn: (text) => context.warnings.add(text),
  })) as KubeObject & Eviction;
  if (eviction.metadata.name && eviction.metadata.name !== name) {
    throw StatusError.badRequest("name in URL does not match name in Eviction object");
  }
  const options = toDeleteRequest(eviction.deleteOptions ?? {});
  return { eviction, options: { ...options, dryRun: options.dryRun || write.dryRun } };
}
