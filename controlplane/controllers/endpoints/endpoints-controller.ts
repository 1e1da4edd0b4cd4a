/** Endpoints objects of services that select pods: the older form of EndpointSlices, which many programs still read. */
import type { Endpoints, Service } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { isStatus } from "#pkg/api/status.ts";
import { splitKey } from "#pkg/kube/object-store.ts";
import { resources } from "#pkg/kube/resources.ts";
import { type ControllerContext, disposeAll, ignoringNotFound, startLoop } from "../controller-context.ts";
import { isNamespaceTerminating } from "../namespaces/namespace-state.ts";
import { canonicalJson } from "../template-hash.ts";
import { selectsPods } from "./compute-endpoints-of-pods.ts";
import { computeSubsets, type Subsets } from "./compute-subsets.ts";
import { headlessLabel } from "./endpoint-slice-controller.ts";
import { followServices, isSelected } from "./service-subscriptions.ts";
import { TriggerTimes, triggerTimeAnnotation } from "./trigger-times.ts";

export const endpointsManagerLabel = "endpoints.kubernetes.io/managed-by";
const manager = "endpoint-controller";
const overCapacityAnnotation = "endpoints.kubernetes.io/over-capacity";
const maxAddresses = 1000;

export function startEndpointsController(context: ControllerContext): AsyncDisposable {
  const { informers } = context;
  const loop = startLoop(context, new EndpointsReconciler(context), 5);
  const subscriptions = [
    ...followServices(context, (key) => loop.enqueue(key)),
    informers.for(resources.endpoints).addHandler({
      // Also those that were left behind by a service deleted while nobody was looking.
      onAdd: ({ metadata }) => loop.enqueue(`${metadata.namespace}/${metadata.name}`),
      onDelete: ({ metadata }) => loop.enqueue(`${metadata.namespace}/${metadata.name}`),
    }),
  ];
  informers.start();
  return disposeAll(loop, subscriptions);
}

class EndpointsReconciler {
  readonly name = "endpoints";
  readonly #context: ControllerContext;
  readonly #times = new TriggerTimes();

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  async reconcile(key: string, signal: AbortSignal): Promise<object> {
    const { informers } = this.#context;
    const service = informers.for(resources.services).get(key);
    const known = informers.for(resources.endpoints).get(key);
    if (!service) {
      this.#times.forget(key);
      if (known) await this.#deleteOwn(key, known, signal);
      return {};
    }
    if (!selectsPods(service)) return {};
    const pods = informers.for(resources.pods).inNamespace(service.metadata.namespace ?? "");
    const selected = pods.filter((pod) => isSelected(service, pod));
    const subsets = computeSubsets(service, selected, maxAddresses);
    const triggerTime = this.#times.next(key, service, selected);
    await this.#ensure(service, known, subsets, triggerTime, signal);
    return {};
  }

  async #ensure(
    service: Stored<Service>,
    known: Stored<Endpoints> | undefined,
    { subsets, isTruncated }: Subsets,
    triggerTime: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { name, namespace } = service.metadata;
    const labels = buildEndpointsLabels(service);
    const isSame =
      known &&
      canonicalJson(known.subsets ?? []) === canonicalJson(subsets) &&
      canonicalJson(known.metadata.labels ?? {}) === canonicalJson(labels);
    if (isSame) return;
    const {
      [overCapacityAnnotation]: _capacity,
      [triggerTimeAnnotation]: _time,
      ...others
    } = known?.metadata.annotations ?? {};
    const annotations = {
      ...others,
      ...(triggerTime === undefined ? {} : { [triggerTimeAnnotation]: triggerTime }),
      ...(isTruncated ? { [overCapacityAnnotation]: "truncated" } : {}),
    };
    const inNamespace = this.#context.client.endpoints.in(namespace);
    try {
      if (known) {
        const metadata = { ...known.metadata, labels, annotations };
        await inNamespace.update({ ...known, metadata, subsets: [...subsets] }, { signal });
      } else {
        const metadata = { name, namespace, labels, annotations };
        await inNamespace.create({ apiVersion: "v1", kind: "Endpoints", metadata, subsets: [...subsets] }, { signal });
      }
    } catch (error) {
      if (!isNamespaceTerminating(error)) throw error;
    }
  }

  /** Endpoints without a service may be somebody's own; only those that were made here go. */
  async #deleteOwn(key: string, { metadata }: Stored<Endpoints>, signal: AbortSignal): Promise<void> {
    const { namespace, name } = splitKey(key);
    const { client } = this.#context;
    if (metadata.labels?.[endpointsManagerLabel] !== manager) return;
    try {
      // The cache of services may be behind that of endpoints.
      await client.services.in(namespace).get(name, { signal });
      return;
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
    const preconditions = { uid: metadata.uid };
    await ignoringNotFound(client.endpoints.in(namespace).delete(name, { preconditions, signal }));
  }
}

function buildEndpointsLabels({ metadata, spec }: Service): Readonly<Record<string, string>> {
  const { [headlessLabel]: _headless, ...labels } = metadata.labels ?? {};
  const isHeadless = spec?.clusterIP === "None" || (spec?.clusterIP ?? "") === "";
  return { ...labels, ...(isHeadless ? { [headlessLabel]: "" } : {}), [endpointsManagerLabel]: manager };
}
