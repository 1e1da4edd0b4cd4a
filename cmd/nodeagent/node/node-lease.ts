/**
 * The sign of life: a Lease renewed four times within its duration. A renewal is one update without a read before it; only
 * when someone else has changed the Lease is it read again.
 */
import type { Lease } from "#pkg/api/coordination/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { isStatus } from "#pkg/api/status.ts";
import type { ResourceClient } from "#pkg/kube/resource-client.ts";
import { type Clock, formatMicroTime } from "#pkg/system/clock.ts";

export const leaseNamespace = "kube-node-lease";

export interface NodeLeaseOptions {
  readonly leases: ResourceClient<Lease>;
  readonly clock: Clock;
  readonly nodeName: string;
  readonly durationSeconds: number;
  /** The Lease goes with its node. */
  readonly nodeUid: () => string | undefined;
}

export class NodeLease {
  readonly #options: NodeLeaseOptions;
  #lease: Stored<Lease> | undefined;

  constructor(options: NodeLeaseOptions) {
    this.#options = options;
  }

  async renew(signal: AbortSignal): Promise<void> {
    const leases = this.#options.leases.in(leaseNamespace);
    try {
      const wanted = this.#build(this.#lease);
      this.#lease = this.#lease ? await leases.update(wanted, { signal }) : await leases.create(wanted, { signal });
    } catch (error) {
      if (isStatus(error, "NotFound") && this.#lease) {
        this.#lease = undefined;
        return await this.renew(signal);
      }
      if (!isStatus(error, "Conflict") && !isStatus(error, "AlreadyExists")) throw error;
      this.#lease = await leases.get(this.#options.nodeName, { signal });
      this.#lease = await leases.update(this.#build(this.#lease), { signal });
    }
  }

  #build(known: Stored<Lease> | undefined): Lease {
    const { clock, nodeName, durationSeconds, nodeUid } = this.#options;
    const uid = nodeUid();
    const owner = { apiVersion: "v1", kind: "Node", name: nodeName, uid: uid ?? "" };
    return {
      metadata: {
        ...known?.metadata,
        name: nodeName,
        namespace: leaseNamespace,
        ...(uid ? { ownerReferences: [owner] } : {}),
      },
      spec: {
        ...known?.spec,
        holderIdentity: nodeName,
        leaseDurationSeconds: durationSeconds,
        renewTime: formatMicroTime(clock.now()),
      },
    };
  }
}
