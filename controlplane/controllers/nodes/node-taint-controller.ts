/** Keeps the NoSchedule taints of every node as its conditions have it. */
import type { Node } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { resources } from "#pkg/kube/resources.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { type ControllerContext, disposeAll, ignoringNotFound, startLoop } from "../controller-context.ts";
import { computeNoScheduleTaints } from "./node-taints.ts";

export function startNodeTaintController(context: ControllerContext): AsyncDisposable {
  const { client, informers, clock } = context;
  const nodes = informers.for(resources.nodes);
  const reconcile = async (name: string, signal: AbortSignal) => {
    const node = nodes.get(name);
    const taints = node && computeNoScheduleTaints(node, formatTime(clock.now()));
    if (!taints) return {};
    const { uid, resourceVersion } = node.metadata;
    const body = { metadata: { uid, resourceVersion }, spec: { taints } };
    await ignoringNotFound(client.nodes.patch(name, { type: "merge", body }, { signal }));
    return {};
  };
  const loop = startLoop(context, { name: "node-taints", reconcile }, 8);
  const enqueue = (node: Stored<Node>): void => {
    // Most updates of a node are heartbeats.
    if (computeNoScheduleTaints(node, "")) loop.enqueue(node.metadata.name);
  };
  const subscriptions = [nodes.addHandler({ onAdd: enqueue, onUpdate: enqueue })];
  informers.start();
  return disposeAll(loop, subscriptions);
}
