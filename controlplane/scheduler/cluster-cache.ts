/**
 * The live ClusterState: nodes and pods as the informers report them, plus pods that were just promised a node and whose
 * binding the informers have not reported yet.
 */
import type { Node, Pod } from "#pkg/api/core/v1.ts";
import { type ClusterState, NodeState } from "./node-state.ts";
import { factsOf, type NamespaceLabels, type PodFacts } from "./pod-facts.ts";

export class ClusterCache {
  readonly #nodes = new Map<string, NodeState>();
  /** Pods on nodes that are not known (yet), so that they count as soon as the node appears. */
  readonly #strays = new Map<string, Map<string, PodFacts>>();
  readonly #nodeOfPod = new Map<string, string>();
  /** Pods that others were evicted for: they hold the room until they are scheduled. */
  readonly #nominated = new Map<string, { readonly facts: PodFacts; readonly node: string }>();
  readonly #context: Omit<ClusterState, "nodes">;
  #list: readonly NodeState[] | undefined;

  constructor(namespaceLabels: NamespaceLabels, defaultSpreadSelector: ClusterState["defaultSpreadSelector"]) {
    this.#context = { namespaceLabels, defaultSpreadSelector };
  }

  setNode(node: Node): void {
    const name = node.metadata.name ?? "";
    const known = this.#nodes.get(name);
    if (known) {
      known.setNode(node);
      return;
    }
    const state = new NodeState(node);
    for (const facts of this.#strays.get(name)?.values() ?? []) state.add(facts);
    this.#strays.delete(name);
    this.#nodes.set(name, state);
    this.#list = undefined;
  }

  removeNode(name: string): void {
    const known = this.#nodes.get(name);
    if (!known) return;
    this.#nodes.delete(name);
    this.#list = undefined;
    if (known.pods.size > 0) this.#strays.set(name, new Map(known.pods));
  }

  /** Counts the pod on its node. Also for a promise: the report of the binding replaces it. */
  place(pod: Pod, node: string): void {
    const facts = factsOf(pod);
    this.remove(facts.key);
    this.#nodeOfPod.set(facts.key, node);
    const state = this.#nodes.get(node);
    if (state) {
      state.add(facts);
      return;
    }
    const strays = this.#strays.get(node) ?? new Map<string, PodFacts>();
    strays.set(facts.key, facts);
    this.#strays.set(node, strays);
  }

  /** True when the pod counted on some node. */
  remove(key: string): boolean {
    const node = this.#nodeOfPod.get(key);
    if (node === undefined) return false;
    this.#nodeOfPod.delete(key);
    this.#nodes.get(node)?.remove(key);
    this.#strays.get(node)?.delete(key);
    return true;
  }

  nominate(pod: Pod, node: string): void {
    const facts = factsOf(pod);
    this.#nominated.set(facts.key, { facts, node });
  }

  unnominate(key: string): void {
    this.#nominated.delete(key);
  }

  /** The cluster as this pod sees it: room held for pods that are at least as important is taken. */
  stateFor(pod: PodFacts): ClusterState {
    this.#list ??= [...this.#nodes.values()];
    const holders = [...this.#nominated.values()].filter(
      ({ facts }) => facts.key !== pod.key && facts.priority >= pod.priority,
    );
    if (holders.length === 0) return { nodes: this.#list, ...this.#context };
    const nodes = this.#list.map((node) => {
      const here = holders.filter((holder) => holder.node === node.name);
      if (here.length === 0) return node;
      const copy = node.clone();
      for (const { facts } of here) copy.add(facts);
      return copy;
    });
    return { nodes, ...this.#context };
  }
}
