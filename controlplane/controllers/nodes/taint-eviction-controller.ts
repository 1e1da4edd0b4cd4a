/**
 * Deletes pods from nodes whose NoExecute taints they do not tolerate, at once or when their time is up.
 * Source: pkg/controller/tainteviction (v1.36).
 */
import type { Node, Pod, Taint } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { objectKey } from "#pkg/kube/object-store.ts";
import { resources } from "#pkg/kube/resources.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { type ControllerContext, disposeAll, ignoringNotFound, startLoop } from "../controller-context.ts";
import { podsByNode } from "../pods-by-node.ts";
import { toleratedMs } from "./node-taints.ts";

export function startTaintEvictionController(context: ControllerContext): AsyncDisposable {
  const { informers } = context;
  const pods = informers.for(resources.pods);
  podsByNode.ensure(pods);
  const reconciler = new TaintEvictionReconciler(context);
  const loop = startLoop(context, reconciler, 8);
  const enqueue = (pod: Stored<Pod>): void => loop.enqueue(objectKey(pod));
  const onNode = (node: Stored<Node>): void => {
    for (const pod of podsByNode.of(pods, node.metadata.name)) enqueue(pod);
  };
  const subscriptions = [
    informers.for(resources.nodes).addHandler({
      onAdd: (node) => {
        if (noExecuteTaints(node).length > 0) onNode(node);
      },
      onUpdate: (node, previous) => {
        if (JSON.stringify(noExecuteTaints(node)) !== JSON.stringify(noExecuteTaints(previous))) onNode(node);
      },
    }),
    pods.addHandler({
      onAdd: enqueue,
      onUpdate: (pod, previous) => {
        const concern = ({ spec, metadata }: Pod) =>
          JSON.stringify([spec?.nodeName, spec?.tolerations, metadata.deletionTimestamp]);
        if (concern(pod) !== concern(previous)) enqueue(pod);
      },
      onDelete: (pod) => reconciler.forget(objectKey(pod)),
    }),
  ];
  informers.start();
  return disposeAll(loop, subscriptions);
}

class TaintEvictionReconciler {
  readonly name = "taint-eviction";
  readonly #context: ControllerContext;
  /** Since when the pod is on a node that it may have to leave. */
  readonly #since = new Map<string, { readonly uid: string; readonly atMs: number }>();

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  forget(key: string): void {
    this.#since.delete(key);
  }

  async reconcile(key: string, signal: AbortSignal): Promise<{ readonly requeueAfterMs?: number }> {
    const { informers, clock, events } = this.#context;
    const pod = informers.for(resources.pods).get(key);
    const node = pod?.spec?.nodeName ? informers.for(resources.nodes).get(pod.spec.nodeName) : undefined;
    const taints = node ? noExecuteTaints(node) : [];
    const allowedMs = pod ? toleratedMs(pod.spec?.tolerations ?? [], taints) : Number.POSITIVE_INFINITY;
    if (!pod || pod.metadata.deletionTimestamp || allowedMs === Number.POSITIVE_INFINITY) {
      const wasScheduled = this.#since.delete(key);
      if (pod && wasScheduled && !pod.metadata.deletionTimestamp)
        events.event(pod, "Normal", "TaintManagerEviction", `Cancelling deletion of Pod ${key}`);
      return {};
    }
    let since = this.#since.get(key);
    if (since?.uid !== pod.metadata.uid) {
      since = { uid: pod.metadata.uid, atMs: clock.monotonic() };
      this.#since.set(key, since);
    }
    const leftMs = since.atMs + allowedMs - clock.monotonic();
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    await this.#evict(pod, signal);
    this.#since.delete(key);
    return {};
  }

  async #evict(pod: Stored<Pod>, signal: AbortSignal): Promise<void> {
    const { client, clock, events } = this.#context;
    const { name, namespace, uid } = pod.metadata;
    events.event(pod, "Normal", "TaintManagerEviction", `Marking for deletion Pod ${objectKey(pod)}`);
    const condition = {
      type: "DisruptionTarget",
      status: "True",
      reason: "DeletionByTaintManager",
      message: "Taint manager: deleting due to NoExecute taint",
      lastTransitionTime: formatTime(clock.now()),
    };
    const pods = client.pods.in(namespace);
    const body = { metadata: { uid }, status: { conditions: [condition] } };
    await ignoringNotFound(pods.patch(name, { type: "strategic", body }, { subresource: "status", signal }));
    await ignoringNotFound(pods.delete(name, { preconditions: { uid }, signal }));
  }
}

function noExecuteTaints({ spec }: Node): readonly Taint[] {
  return (spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
}
