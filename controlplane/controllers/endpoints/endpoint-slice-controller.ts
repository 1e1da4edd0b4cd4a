/**
 * EndpointSlices of services that select pods.
 * Source: pkg/controller/endpointslice and k8s.io/endpointslice (v1.36).
 */
import type { Service } from "#pkg/api/core/v1.ts";
import type { EndpointSlice } from "#pkg/api/discovery/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { isStatus } from "#pkg/api/status.ts";
import { resources } from "#pkg/kube/resources.ts";
import { controllerReference } from "../claim.ts";
import { type ControllerContext, disposeAll, ignoringNotFound, startLoop } from "../controller-context.ts";
import { LatestWrites } from "../latest-writes.ts";
import { isNamespaceTerminating } from "../namespaces/namespace-state.ts";
import { canonicalJson } from "../template-hash.ts";
import { computeEndpointGroups, selectsPods } from "./compute-endpoints-of-pods.ts";
import { computeSliceChanges, type NewSlice, type SliceChanges } from "./compute-slices.ts";
import { followServices, isSelected } from "./service-subscriptions.ts";
import { TriggerTimes, triggerTimeAnnotation } from "./trigger-times.ts";

export const serviceNameLabel = "kubernetes.io/service-name";
export const managedByLabel = "endpointslice.kubernetes.io/managed-by";
export const headlessLabel = "service.kubernetes.io/headless";
const manager = "endpointslice-controller.k8s.io";
const maxPerSlice = 100;

export function startEndpointSliceController(context: ControllerContext): AsyncDisposable {
  const { informers } = context;
  const reconciler = new EndpointSliceReconciler(context);
  const loop = startLoop(context, reconciler, 5);
  const enqueueOwner = ({ metadata }: Stored<EndpointSlice>): void => {
    const service = metadata.labels?.[serviceNameLabel];
    if (service && metadata.labels?.[managedByLabel] === manager) loop.enqueue(`${metadata.namespace}/${service}`);
  };
  const onSlice = (slice: Stored<EndpointSlice>): void => {
    if (reconciler.writes.seen(slice)) enqueueOwner(slice);
  };
  const subscriptions = [
    ...followServices(context, (key) => loop.enqueue(key)),
    informers.for(resources.endpointSlices).addHandler({
      onAdd: onSlice,
      onUpdate: (slice, previous) => {
        onSlice(slice);
        // Somebody took the label away: the service it was taken from makes another.
        if (slice.metadata.labels?.[serviceNameLabel] !== previous.metadata.labels?.[serviceNameLabel])
          enqueueOwner(previous);
      },
      onDelete: (slice) => {
        if (reconciler.writes.gone(slice)) enqueueOwner(slice);
      },
    }),
  ];
  informers.start();
  return disposeAll(loop, subscriptions);
}

class EndpointSliceReconciler {
  readonly name = "endpointslice";
  readonly writes = new LatestWrites<EndpointSlice>();
  readonly #context: ControllerContext;
  readonly #times = new TriggerTimes();

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  async reconcile(key: string, signal: AbortSignal): Promise<object> {
    const { informers } = this.#context;
    const service = informers.for(resources.services).get(key);
    // The slices of a service that is gone go with it: they name it as their owner.
    if (!service) this.#times.forget(key);
    if (!service || !selectsPods(service) || service.metadata.deletionTimestamp) return {};
    const namespace = service.metadata.namespace ?? "";
    const pods = informers.for(resources.pods).inNamespace(namespace);
    const selected = pods.filter((pod) => isSelected(service, pod));
    const nodes = informers.for(resources.nodes);
    const groups = computeEndpointGroups(service, selected, (name) => nodes.get(name));
    const labels = buildSliceLabels(service);
    const changes = computeSliceChanges(
      this.#slicesOf(service),
      groups,
      maxPerSlice,
      (slice) => canonicalJson(slice.metadata.labels ?? {}) !== canonicalJson(labels),
    );
    await this.#apply(service, changes, labels, this.#times.next(key, service, selected), signal);
    return {};
  }

  #slicesOf({ metadata }: Stored<Service>): readonly Stored<EndpointSlice>[] {
    const belongs = (slice: EndpointSlice): boolean =>
      slice.metadata.namespace === metadata.namespace &&
      slice.metadata.labels?.[serviceNameLabel] === metadata.name &&
      slice.metadata.labels?.[managedByLabel] === manager;
    const listed = this.#context.informers.for(resources.endpointSlices).inNamespace(metadata.namespace ?? "");
    return this.writes.view(listed.filter(belongs), belongs);
  }

  async #apply(
    service: Stored<Service>,
    changes: SliceChanges,
    labels: Readonly<Record<string, string>>,
    triggerTime: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const slices = this.#context.client.endpointSlices.in(service.metadata.namespace);
    const annotations = triggerTime === undefined ? undefined : { [triggerTimeAnnotation]: triggerTime };
    // New before old: an endpoint that moves is never missing.
    for (const wanted of changes.create) {
      try {
        this.writes.wrote(await slices.create(buildSlice(service, wanted, labels, annotations), { signal }));
      } catch (error) {
        if (isNamespaceTerminating(error)) return;
        throw error;
      }
    }
    for (const { slice, endpoints } of changes.update) {
      const metadata = { ...slice.metadata, labels, annotations };
      await this.#write(slice, slices.update({ ...slice, metadata, endpoints: [...endpoints] }, { signal }));
    }
    for (const slice of changes.delete) {
      const { name, uid } = slice.metadata;
      await ignoringNotFound(slices.delete(name, { preconditions: { uid }, signal }));
      this.writes.deleted(slice);
    }
  }

  async #write(slice: Stored<EndpointSlice>, update: Promise<Stored<EndpointSlice>>): Promise<void> {
    try {
      this.writes.wrote(await update);
    } catch (error) {
      if (isStatus(error, "NotFound") || isStatus(error, "Conflict")) this.writes.forget(slice);
      throw error;
    }
  }
}

/** The service's own labels and what marks the slice as belonging to it. */
export function buildSliceLabels({ metadata, spec }: Service): Readonly<Record<string, string>> {
  const { [headlessLabel]: _headless, ...labels } = metadata.labels ?? {};
  const isHeadless = spec?.clusterIP === "None" || (spec?.clusterIP ?? "") === "";
  return {
    ...labels,
    ...(isHeadless ? { [headlessLabel]: "" } : {}),
    [serviceNameLabel]: metadata.name ?? "",
    [managedByLabel]: manager,
  };
}

function buildSlice(
  service: Stored<Service>,
  { addressType, ports, endpoints }: NewSlice,
  labels: Readonly<Record<string, string>>,
  annotations: Record<string, string> | undefined,
): EndpointSlice {
  const { name, namespace } = service.metadata;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels,
      annotations,
      ownerReferences: [controllerReference(service, "v1", "Service")],
    },
    addressType,
    endpoints: [...endpoints],
    ports: [...ports],
  };
}
