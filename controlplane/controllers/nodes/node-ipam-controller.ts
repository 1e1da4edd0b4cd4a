/** Gives every node its part of the pods' addresses, once and for as long as the node exists. */
import { isStatus } from "#pkg/api/status.ts";
import { resources } from "#pkg/kube/resources.ts";
import { type ControllerContext, disposeAll, ignoringNotFound, startLoop } from "../controller-context.ts";
import { computePodCidr } from "./compute-pod-cidr.ts";

/** A node that waits for addresses is looked at again when another one goes, and now and then. */
const retryMs = 60_000;

export function startNodeIpamController(context: ControllerContext, clusterCidr: string): AsyncDisposable {
  const { client, informers, events } = context;
  const nodes = informers.for(resources.nodes);
  /** What was given and the informer does not show yet, by the uid of the node. */
  const given = new Map<string, string>();
  const reconcile = async (name: string, signal: AbortSignal) => {
    const node = nodes.get(name);
    if (!node || node.spec?.podCIDR || given.has(node.metadata.uid)) return {};
    const taken = nodes.list().flatMap(({ spec }) => spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []));
    const podCIDR = computePodCidr(clusterCidr, [...taken, ...given.values()]);
    if (podCIDR === undefined) {
      events.event(node, "Normal", "CIDRNotAvailable", `Node ${name} status is now: CIDRNotAvailable`);
      return { requeueAfterMs: retryMs };
    }
    const { uid } = node.metadata;
    given.set(uid, podCIDR);
    try {
      const body = { metadata: { uid }, spec: { podCIDR, podCIDRs: [podCIDR] } };
      await ignoringNotFound(client.nodes.patch(name, { type: "strategic", body }, { signal }));
    } catch (error) {
      // Refused for good (the node has one already, or was replaced); anything else may have been done all the same.
      if (isStatus(error, "Invalid") || isStatus(error, "Conflict")) given.delete(uid);
      throw error;
    }
    return {};
  };
  // One worker: two nodes at once would be given the same.
  const loop = startLoop(context, { name: "node-ipam", reconcile }, 1);
  const subscriptions = [
    nodes.addHandler({
      onAdd: ({ metadata, spec }) => {
        if (!spec?.podCIDR) loop.enqueue(metadata.name);
      },
      onUpdate: ({ metadata, spec }) => {
        if (spec?.podCIDR) given.delete(metadata.uid);
        else loop.enqueue(metadata.name);
      },
      onDelete: ({ metadata }) => {
        given.delete(metadata.uid);
        for (const node of nodes.list()) if (!node.spec?.podCIDR) loop.enqueue(node.metadata.name);
      },
    }),
  ];
  informers.start();
  return disposeAll(loop, subscriptions);
}
