/**
 * Keeps the Node object: makes it, or takes over the one of a former run; writes its status when it changed and every few
 * minutes anyway; hands on the pod CIDR it is given.
 */
import { isDeepStrictEqual } from "node:util";
import type { Node, NodeStatus } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { isStatus } from "#pkg/api/status.ts";
import type { ResourceClient } from "#pkg/kube/resource-client.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { buildNode, buildNodeStatus, type NodeFacts, standardLabels } from "./build-node-status.ts";
import type { NodeNetwork } from "./ports.ts";

export interface NodeRegistrarOptions {
  readonly nodes: ResourceClient<Node>;
  readonly clock: Clock;
  readonly facts: () => Promise<NodeFacts>;
  readonly network: NodeNetwork;
  /** False: the Node object is made by someone else. */
  readonly registers: boolean;
  readonly reportIntervalMs: number;
}

export class NodeRegistrar {
  readonly #options: NodeRegistrarOptions;
  #node: Stored<Node> | undefined;
  #reportedAtMs = -Infinity;
  #cidrs: readonly string[] = [];

  constructor(options: NodeRegistrarOptions) {
    this.#options = options;
  }

  /** The Node object as it was last seen. */
  get node(): Stored<Node> | undefined {
    return this.#node;
  }

  /** One run of the loop: registers when that is still to be done, else brings the status up to date. */
  async sync(signal: AbortSignal): Promise<void> {
    const facts = await this.#options.facts();
    if (!this.#node) await this.#register(facts, signal);
    else await this.#report(facts, signal);
    await this.#passOnCidrs();
  }

  /** The API has the Node like this now; undefined: it has none. */
  async noteApiState(node: Stored<Node> | undefined): Promise<void> {
    if (node) this.#node = node;
    else this.#node = undefined;
    await this.#passOnCidrs();
  }

  async #register(facts: NodeFacts, signal: AbortSignal): Promise<void> {
    const { nodes, clock, registers } = this.#options;
    const status = buildNodeStatus(facts, [], clock.now());
    if (registers) {
      try {
        this.#node = await nodes.create(buildNode(facts, status), { signal });
        // A server may take the status of a new object, or leave it out.
        this.#reportedAtMs = clock.monotonic();
        return await this.#report(facts, signal);
      } catch (error) {
        if (!isStatus(error, "AlreadyExists")) throw error;
      }
    }
    this.#node = await nodes.get(facts.name, { signal });
    await this.#mendLabels(facts, signal);
    this.#reportedAtMs = -Infinity;
    await this.#report(facts, signal);
  }

  /** The labels that say what the machine is follow the machine; others stay as people set them. */
  async #mendLabels(facts: NodeFacts, signal: AbortSignal): Promise<void> {
    const labels = this.#node?.metadata.labels ?? {};
    const wrong = Object.entries(standardLabels(facts)).filter(([key, value]) => labels[key] !== value);
    if (wrong.length === 0) return;
    const body = { metadata: { labels: Object.fromEntries(wrong) } };
    this.#node = await this.#options.nodes.patch(facts.name, { type: "merge", body }, { signal });
  }

  async #report(facts: NodeFacts, signal: AbortSignal): Promise<void> {
    const { nodes, clock, reportIntervalMs } = this.#options;
    const known = this.#node?.status ?? {};
    const status = buildNodeStatus(facts, known.conditions ?? [], clock.now());
    const isDue = clock.monotonic() - this.#reportedAtMs >= reportIntervalMs;
    if (!isDue && isDeepStrictEqual(comparable(status), comparable(pickSame(known, status)))) return;
    const body = { status: { ...status, addresses: replaceAddresses(known, status) } };
    this.#node = await nodes.patch(facts.name, { type: "strategic", body }, { subresource: "status", signal });
    this.#reportedAtMs = clock.monotonic();
  }

  async #passOnCidrs(): Promise<void> {
    const { spec = {} } = this.#node ?? {};
    const cidrs = spec.podCIDRs ?? (spec.podCIDR ? [spec.podCIDR] : []);
    if (cidrs.length === 0 || isDeepStrictEqual(cidrs, this.#cidrs)) return;
    await this.#options.network.setPodCidrs(cidrs);
    this.#cidrs = cidrs;
  }
}

/** Without the times at which nothing changed but the time. */
function comparable(status: NodeStatus): unknown {
  const conditions = (status.conditions ?? []).map(({ lastHeartbeatTime: _time, ...rest }) => rest);
  return JSON.parse(JSON.stringify({ ...status, conditions }));
}

/** Of what the API has, only what we write. */
function pickSame(known: NodeStatus, own: NodeStatus): NodeStatus {
  const types = (own.conditions ?? []).map(({ type }) => type);
  const picked = Object.fromEntries(Object.keys(own).map((key) => [key, known[key as keyof NodeStatus]]));
  const conditions = types.flatMap((type) => known.conditions?.find((condition) => condition.type === type) ?? []);
  return { ...picked, conditions };
}

/** Addresses are merged by type, so those of a type we no longer have are taken out by name. */
function replaceAddresses(known: NodeStatus, own: NodeStatus): readonly object[] {
  const types = new Set((own.addresses ?? []).map(({ type }) => type));
  const removed = (known.addresses ?? []).filter(({ type }) => !types.has(type));
  return [...removed.map(({ type }) => ({ type, $patch: "delete" })), ...(own.addresses ?? [])];
}
