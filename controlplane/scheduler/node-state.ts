/**
 * The scheduler's picture of the nodes: what each can give, and what the pods on it (bound ones, and those it was just
 * promised to) take. Kept up to date pod by pod; reading it never scans all pods.
 */
import type { Node } from "#pkg/api/core/v1.ts";
import { parseQuantity } from "#pkg/api/quantity.ts";
import { type Amounts, type HostPort, type NamespaceLabels, type PodFacts, toNumbers } from "./pod-facts.ts";

/** Pods a node takes when it does not say. */
const defaultMaxPods = 110;

export class NodeState {
  node: Node;
  allocatable: Amounts;
  readonly pods = new Map<string, PodFacts>();
  readonly requested = new Map<string, number>();
  readonly scoredRequested = new Map<string, number>();
  /** Pods here that keep others away or want them near: the only ones that matter to an incoming pod's neighbours. */
  readonly podsWithAffinity = new Map<string, PodFacts>();

  constructor(node: Node) {
    this.node = node;
    this.allocatable = allocatableOf(node);
  }

  get name(): string {
    return this.node.metadata.name ?? "";
  }

  get labels(): Readonly<Record<string, string>> {
    return this.node.metadata.labels ?? {};
  }

  get maxPods(): number {
    return this.allocatable.get("pods") ?? defaultMaxPods;
  }

  setNode(node: Node): void {
    this.node = node;
    this.allocatable = allocatableOf(node);
  }

  add(pod: PodFacts): void {
    this.remove(pod.key);
    this.pods.set(pod.key, pod);
    addTo(this.requested, pod.requests, 1);
    addTo(this.scoredRequested, pod.scoredRequests, 1);
    if (hasPodAffinity(pod)) this.podsWithAffinity.set(pod.key, pod);
  }

  remove(key: string): void {
    const pod = this.pods.get(key);
    if (!pod) return;
    this.pods.delete(key);
    this.podsWithAffinity.delete(key);
    addTo(this.requested, pod.requests, -1);
    addTo(this.scoredRequested, pod.scoredRequests, -1);
  }

  /** A copy to try things on: for preemption. */
  clone(): NodeState {
    const copy = new NodeState(this.node);
    for (const pod of this.pods.values()) copy.add(pod);
    return copy;
  }

  usesPort(wanted: HostPort): boolean {
    for (const pod of this.pods.values()) if (pod.hostPorts.some((used) => conflicts(used, wanted))) return true;
    return false;
  }
}

export interface ClusterState {
  readonly nodes: readonly NodeState[];
  readonly namespaceLabels: NamespaceLabels;
  /** Pods of services and replica sets get soft spreading; undefined: this pod belongs to none. */
  readonly defaultSpreadSelector?:
    | ((pod: PodFacts) => ((labels: Readonly<Record<string, string>>) => boolean) | undefined)
    | undefined;
}

function allocatableOf(node: Node): Amounts {
  const list = node.status?.allocatable ?? node.status?.capacity ?? {};
  return toNumbers(new Map(Object.entries(list).map(([name, text]) => [name, parseQuantity(text)])));
}

function addTo(total: Map<string, number>, amounts: Amounts, sign: 1 | -1): void {
  for (const [name, amount] of amounts) total.set(name, (total.get(name) ?? 0) + sign * amount);
}

function conflicts(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return isAnyAddress(a.address) || isAnyAddress(b.address) || a.address === b.address;
}

function isAnyAddress(address: string): boolean {
  return address === "" || address === "0.0.0.0" || address === "::";
}

function hasPodAffinity(pod: PodFacts): boolean {
  return [pod.affinity, pod.antiAffinity, pod.preferredAffinity, pod.preferredAntiAffinity].some(
    (terms) => terms.length > 0,
  );
}
