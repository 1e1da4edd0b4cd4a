/**
 * Says that ranges of service addresses are ready, and keeps a range that is being deleted until no address of it is in use
 * that no other range has too.
 * Source: pkg/controller/servicecidrs (v1.36).
 */
import { blockContains, parseAddress, parseBlock } from "#pkg/api/ip-address.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import type { IPAddress, ServiceCIDR } from "#pkg/api/networking/v1.ts";
import { resources } from "#pkg/kube/resources.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { withCondition } from "../conditions.ts";
import { type ControllerContext, disposeAll, ignoringNotFound, startLoop } from "../controller-context.ts";
import { canonicalJson } from "../template-hash.ts";

const finalizer = "networking.k8s.io/service-cidr-finalizer";
/** Whoever gives out addresses must have heard that the range is going. */
const deletionGraceMs = 10_000;

export function startServiceCidrController(context: ControllerContext): AsyncDisposable {
  const { informers } = context;
  const cidrs = informers.for(resources.serviceCIDRs);
  const addresses = informers.for(resources.ipAddresses);
  const loop = startLoop(context, new ServiceCidrReconciler(context), 2);
  const enqueueAll = (): void => {
    for (const cidr of cidrs.list()) loop.enqueue(cidr.metadata.name);
  };
  const enqueueLeaving = (): void => {
    for (const { metadata } of cidrs.list()) if (metadata.deletionTimestamp) loop.enqueue(metadata.name);
  };
  const subscriptions = [
    cidrs.addHandler({ onAdd: enqueueAll, onUpdate: enqueueAll, onDelete: enqueueAll }),
    addresses.addHandler({ onDelete: enqueueLeaving }),
  ];
  informers.start();
  return disposeAll(loop, subscriptions);
}

class ServiceCidrReconciler {
  readonly name = "service-cidr";
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  async reconcile(name: string, signal: AbortSignal): Promise<{ readonly requeueAfterMs?: number }> {
    const { informers, clock } = this.#context;
    const cidrs = informers.for(resources.serviceCIDRs);
    const cidr = cidrs.get(name);
    if (!cidr) return {};
    const { deletionTimestamp, finalizers = [] } = cidr.metadata;
    if (!deletionTimestamp) {
      if (!finalizers.includes(finalizer)) await this.#setFinalizers(cidr, [...finalizers, finalizer], signal);
      await this.#report(cidr, "True", "Ready", "Kubernetes Service CIDR is ready", signal);
      return {};
    }
    if (!finalizers.includes(finalizer)) return {};
    if (isHolding(cidr, cidrs.list(), informers.for(resources.ipAddresses).list())) {
      const message =
        "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
      await this.#report(cidr, "False", "Terminating", message, signal);
      return {};
    }
    const leftMs = Date.parse(deletionTimestamp) + deletionGraceMs - clock.now();
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    await this.#setFinalizers(
      cidr,
      finalizers.filter((one) => one !== finalizer),
      signal,
    );
    return {};
  }

  async #setFinalizers(cidr: Stored<ServiceCIDR>, finalizers: readonly string[], signal: AbortSignal): Promise<void> {
    const { name, uid, resourceVersion } = cidr.metadata;
    const body = { metadata: { uid, resourceVersion, finalizers: finalizers.length > 0 ? finalizers : null } };
    await ignoringNotFound(this.#context.client.serviceCIDRs.patch(name, { type: "merge", body }, { signal }));
  }

  async #report(
    cidr: Stored<ServiceCIDR>,
    status: "True" | "False",
    reason: string,
    message: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, clock } = this.#context;
    const lastTransitionTime = formatTime(clock.now());
    const known = cidr.status?.conditions ?? [];
    const wanted = { type: "Ready", status, reason, message, lastTransitionTime };
    const conditions = withCondition(known, wanted);
    if (canonicalJson(conditions) === canonicalJson(known)) return;
    const body = { metadata: { uid: cidr.metadata.uid }, status: { conditions } };
    await ignoringNotFound(
      client.serviceCIDRs.patch(cidr.metadata.name, { type: "merge", body }, { subresource: "status", signal }),
    );
  }
}

/** True when an address in use is in this range and in no other that stays. Pure. */
export function isHolding(
  cidr: ServiceCIDR,
  all: readonly ServiceCIDR[],
  addresses: readonly Stored<IPAddress>[],
): boolean {
  const blocksOf = ({ spec }: ServiceCIDR) => (spec?.cidrs ?? []).flatMap((text) => parseBlock(text) ?? []);
  const own = blocksOf(cidr);
  const staying = all
    .filter(({ metadata }) => metadata.name !== cidr.metadata.name && !metadata.deletionTimestamp)
    .flatMap(blocksOf);
  return addresses.some(({ metadata }) => {
    const address = parseAddress(metadata.name);
    if (!address) return false;
    const isIn = (blocks: typeof own): boolean => blocks.some((block) => blockContains(block, address));
    return isIn(own) && !isIn(staying);
  });
}
