/**
 * EndpointSlices of Endpoints that people wrote for services without a selector, so that the network has one thing to read.
 * Source: pkg/controller/endpointslicemirroring (v1.36).
 */
import type { EndpointAddress, EndpointSubset, Endpoints, Service } from "#pkg/api/core/v1.ts";
import type { Endpoint, EndpointSlice } from "#pkg/api/discovery/v1.ts";
import { addressFamily } from "#pkg/api/ip-address.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { objectKey } from "#pkg/kube/object-store.ts";
import { resources } from "#pkg/kube/resources.ts";
import { controllerReference } from "../claim.ts";
import { type ControllerContext, disposeAll, ignoringNotFound, startLoop } from "../controller-context.ts";
import { LatestWrites } from "../latest-writes.ts";
import { canonicalJson } from "../template-hash.ts";
import type { EndpointGroup } from "./compute-endpoints-of-pods.ts";
import { computeSliceChanges, type NewSlice, type SliceChanges } from "./compute-slices.ts";
import { managedByLabel, serviceNameLabel } from "./endpoint-slice-controller.ts";
import { endpointsManagerLabel } from "./endpoints-controller.ts";
import { triggerTimeAnnotation } from "./trigger-times.ts";

const manager = "endpointslicemirroring-controller.k8s.io";
const skipLabel = "endpointslice.kubernetes.io/skip-mirror";
const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";
const maxPerSlice = 1000;
const maxPerSubset = 1000;

export function startEndpointSliceMirroringController(context: ControllerContext): AsyncDisposable {
  const { informers } = context;
  const reconciler = new MirroringReconciler(context);
  const loop = startLoop(context, reconciler, 5);
  const enqueue = (object: Stored<Endpoints> | Stored<Service>): void => loop.enqueue(objectKey(object));
  const enqueueOwner = ({ metadata }: Stored<EndpointSlice>): void => {
    const name = metadata.labels?.[serviceNameLabel];
    if (name && metadata.labels?.[managedByLabel] === manager) loop.enqueue(`${metadata.namespace}/${name}`);
  };
  const onSlice = (slice: Stored<EndpointSlice>): void => {
    if (reconciler.writes.seen(slice)) enqueueOwner(slice);
  };
  const subscriptions = [
    informers.for(resources.endpoints).addHandler({ onAdd: enqueue, onUpdate: enqueue, onDelete: enqueue }),
    informers.for(resources.services).addHandler({
      onAdd: enqueue,
      onUpdate: (service, previous) => {
        if ((service.spec?.selector === undefined) !== (previous.spec?.selector === undefined)) enqueue(service);
      },
      onDelete: enqueue,
    }),
    informers.for(resources.endpointSlices).addHandler({
      onAdd: onSlice,
      onUpdate: onSlice,
      onDelete: (slice) => {
        if (reconciler.writes.gone(slice)) enqueueOwner(slice);
      },
    }),
  ];
  informers.start();
  return disposeAll(loop, subscriptions);
}

class MirroringReconciler {
  readonly name = "endpointslicemirroring";
  readonly writes = new LatestWrites<EndpointSlice>();
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  async reconcile(key: string, signal: AbortSignal): Promise<object> {
    const { informers } = this.#context;
    const endpoints = informers.for(resources.endpoints).get(key);
    const service = informers.for(resources.services).get(key);
    const [namespace = "", name = ""] = key.split("/");
    const isMirrored = endpoints && service && service.spec?.selector === undefined && isMirrorable(endpoints);
    const existing = this.#slicesOf(namespace, name);
    if (!isMirrored) {
      await this.#apply(undefined, { create: [], update: [], delete: existing }, {}, {}, signal);
      return {};
    }
    const { [skipLabel]: _skip, ...own } = endpoints.metadata.labels ?? {};
    const labels = { ...own, [serviceNameLabel]: name, [managedByLabel]: manager };
    const {
      [triggerTimeAnnotation]: _time,
      "kubectl.kubernetes.io/last-applied-configuration": _applied,
      ...kept
    } = endpoints.metadata.annotations ?? {};
    const isStale = ({ metadata }: EndpointSlice): boolean =>
      canonicalJson([metadata.labels ?? {}, metadata.annotations ?? {}]) !== canonicalJson([labels, kept]);
    const changes = computeSliceChanges(existing, computeMirroredGroups(endpoints.subsets ?? []), maxPerSlice, isStale);
    await this.#apply(endpoints, changes, labels, kept, signal);
    return {};
  }

  #slicesOf(namespace: string, name: string): readonly Stored<EndpointSlice>[] {
    const belongs = ({ metadata }: EndpointSlice): boolean =>
      metadata.namespace === namespace &&
      metadata.labels?.[serviceNameLabel] === name &&
      metadata.labels?.[managedByLabel] === manager;
    const listed = this.#context.informers.for(resources.endpointSlices).inNamespace(namespace);
    return this.writes.view(listed.filter(belongs), belongs);
  }

  async #apply(
    endpoints: Stored<Endpoints> | undefined,
    changes: SliceChanges,
    labels: Record<string, string>,
    annotations: Record<string, string>,
    signal: AbortSignal,
  ): Promise<void> {
    const slices = this.#context.client.endpointSlices;
    for (const wanted of changes.create) {
      if (!endpoints) break;
      const slice = buildMirror(endpoints, wanted, labels, annotations);
      this.writes.wrote(await slices.in(slice.metadata.namespace).create(slice, { signal }));
    }
    for (const { slice, endpoints: wanted } of changes.update) {
      const metadata = { ...slice.metadata, labels, annotations };
      const body = { ...slice, metadata, endpoints: [...wanted] };
      try {
        this.writes.wrote(await slices.in(slice.metadata.namespace).update(body, { signal }));
      } catch (error) {
        this.writes.forget(slice);
        throw error;
      }
    }
    for (const slice of changes.delete) {
      const { namespace, name, uid } = slice.metadata;
      await ignoringNotFound(slices.in(namespace).delete(name, { preconditions: { uid }, signal }));
      this.writes.deleted(slice);
    }
  }
}

function isMirrorable({ metadata }: Endpoints): boolean {
  return (
    metadata.labels?.[skipLabel] !== "true" &&
    metadata.labels?.[endpointsManagerLabel] === undefined &&
    metadata.annotations?.[leaderAnnotation] === undefined &&
    metadata.deletionTimestamp === undefined
  );
}

/** One group per set of ports and family of addresses. */
export function computeMirroredGroups(subsets: readonly EndpointSubset[]): readonly EndpointGroup[] {
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) => {
    const all = [
      ...addresses.map((address) => mirrorAddress(address, true)),
      ...notReadyAddresses.map((address) => mirrorAddress(address, false)),
    ].slice(0, maxPerSubset);
    const named = ports.map(({ name = "", protocol = "TCP", ...port }) => ({ name, protocol, ...port }));
    return ([4, 6] as const).flatMap((family): readonly EndpointGroup[] => {
      const endpoints = all.filter((endpoint) => addressFamily(endpoint.addresses[0] ?? "") === family);
      return endpoints.length > 0 ? [{ addressType: `IPv${family}`, ports: named, endpoints }] : [];
    });
  });
}

function mirrorAddress({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(targetRef ? { targetRef } : {}),
  };
}

function buildMirror(
  owner: Stored<Endpoints>,
  { addressType, ports, endpoints }: NewSlice,
  labels: Record<string, string>,
  annotations: Record<string, string>,
): EndpointSlice {
  const { name, namespace } = owner.metadata;
  const ownerReferences = [controllerReference(owner, "v1", "Endpoints")];
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { generateName: `${name}-`, namespace, labels, annotations, ownerReferences },
    addressType,
    endpoints: [...endpoints],
    ports: [...ports],
  };
}
