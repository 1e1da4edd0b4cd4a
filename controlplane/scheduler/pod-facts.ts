/**
 * What scheduling needs to know of a pod, worked out once per pod object: requests as plain numbers, host ports, parsed
 * affinity terms. Pure; kept by object identity, so a changed pod gets new facts.
 */
import type {
  NodeSelectorTerm,
  Pod,
  PodAffinityTerm,
  TopologySpreadConstraint,
  WeightedPodAffinityTerm,
} from "#pkg/api/core/v1.ts";
import { type LabelMatcher, labelSelectorMatcher } from "#pkg/api/labels.ts";
import { podRequests } from "#pkg/api/pod-resources.ts";
import { Quantity } from "#pkg/api/quantity.ts";

/** Resource name to amount: cpu in millicores, everything else in its own unit. */
export type Amounts = ReadonlyMap<string, number>;

export interface HostPort {
  readonly protocol: string;
  /** "" or "0.0.0.0": every address. */
  readonly address: string;
  readonly port: number;
}

export interface AffinityTerm {
  readonly topologyKey: string;
  /** Matches a pod by its labels and namespace. */
  readonly matches: (pod: PodFacts, namespaceLabels: NamespaceLabels) => boolean;
}

export interface WeightedAffinityTerm extends AffinityTerm {
  readonly weight: number;
}

export interface SpreadConstraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly hard: boolean;
  readonly honorsAffinity: boolean;
  readonly honorsTaints: boolean;
  readonly selector: LabelMatcher;
}

/** Labels of a namespace; empty when it is not known. */
export type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>>;

export interface PodFacts {
  readonly pod: Pod;
  readonly key: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly priority: number;
  readonly requests: Amounts;
  /** With the scheduler's stand-ins for containers that ask for nothing: only for scores. */
  readonly scoredRequests: Amounts;
  readonly hostPorts: readonly HostPort[];
  readonly requiredNodeTerms: readonly NodeSelectorTerm[] | undefined;
  readonly affinity: readonly AffinityTerm[];
  readonly antiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly WeightedAffinityTerm[];
  readonly preferredAntiAffinity: readonly WeightedAffinityTerm[];
  readonly spread: readonly SpreadConstraint[];
}

/** What a container without a request counts as in scores. */
const missingRequests = new Map([
  ["cpu", Quantity.parse("100m")],
  ["memory", Quantity.parse("200Mi")],
]);

const known = new WeakMap<Pod, PodFacts>();

export function factsOf(pod: Pod): PodFacts {
  let facts = known.get(pod);
  if (!facts) {
    facts = computeFacts(pod);
    known.set(pod, facts);
  }
  return facts;
}

function computeFacts(pod: Pod): PodFacts {
  const namespace = pod.metadata.namespace ?? "";
  const labels = pod.metadata.labels ?? {};
  const { nodeAffinity, podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const terms = (list: readonly PodAffinityTerm[] | undefined) =>
    (list ?? []).map((term) => parseTerm(term, namespace, labels));
  const weighted = (list: readonly WeightedPodAffinityTerm[] | undefined) =>
    (list ?? []).map(({ weight, podAffinityTerm }) => ({ ...parseTerm(podAffinityTerm, namespace, labels), weight }));
  return {
    pod,
    key: `${namespace}/${pod.metadata.name ?? ""}`,
    namespace,
    labels,
    priority: pod.spec?.priority ?? 0,
    requests: toNumbers(podRequests(pod)),
    scoredRequests: toNumbers(podRequests(pod, { missingRequests })),
    hostPorts: hostPortsOf(pod),
    requiredNodeTerms: nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms,
    affinity: terms(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    antiAffinity: terms(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredAffinity: weighted(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAntiAffinity: weighted(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    spread: (pod.spec?.topologySpreadConstraints ?? []).map((constraint) => parseSpread(constraint, labels)),
  };
}

export function toNumbers(amounts: ReadonlyMap<string, Quantity>): Amounts {
  return new Map([...amounts].map(([name, amount]) => [name, name === "cpu" ? amount.toMilli() : amount.toBytes()]));
}

function hostPortsOf(pod: Pod): readonly HostPort[] {
  const ports: HostPort[] = [];
  for (const container of [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always"),
  ]) {
    for (const { hostPort, protocol, hostIP } of container.ports ?? []) {
      if (hostPort) ports.push({ protocol: protocol ?? "TCP", address: hostIP ?? "", port: hostPort });
    }
  }
  return ports;
}

/** No namespaces and no namespace selector means the pod's own namespace; an empty selector means all. */
function parseTerm(
  term: PodAffinityTerm,
  ownNamespace: string,
  ownLabels: Readonly<Record<string, string>>,
): AffinityTerm {
  const selector = term.labelSelector
    ? labelSelectorMatcher(withLabelKeys(term.labelSelector, term.matchLabelKeys, term.mismatchLabelKeys, ownLabels))
    : undefined;
  const namespaceSelector = term.namespaceSelector ? labelSelectorMatcher(term.namespaceSelector) : undefined;
  const listed = new Set(term.namespaces ?? (namespaceSelector ? [] : [ownNamespace]));
  if (listed.size === 0 && !namespaceSelector) listed.add(ownNamespace);
  return {
    topologyKey: term.topologyKey,
    matches: (pod, namespaceLabels) => {
      // A term without a label selector matches no pod.
      if (!selector?.matches(pod.labels)) return false;
      return listed.has(pod.namespace) || (namespaceSelector?.matches(namespaceLabels(pod.namespace)) ?? false);
    },
  };
}

function parseSpread(constraint: TopologySpreadConstraint, labels: Readonly<Record<string, string>>): SpreadConstraint {
  return {
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    hard: constraint.whenUnsatisfiable === "DoNotSchedule",
    honorsAffinity: (constraint.nodeAffinityPolicy ?? "Honor") === "Honor",
    honorsTaints: constraint.nodeTaintsPolicy === "Honor",
    selector: labelSelectorMatcher(
      withLabelKeys(constraint.labelSelector, constraint.matchLabelKeys, undefined, labels),
    ),
  };
}

/** matchLabelKeys and mismatchLabelKeys add the incoming pod's own values to the selector. */
function withLabelKeys(
  selector: TopologySpreadConstraint["labelSelector"],
  matchKeys: readonly string[] | undefined,
  mismatchKeys: readonly string[] | undefined,
  labels: Readonly<Record<string, string>>,
): TopologySpreadConstraint["labelSelector"] {
  const added = [
    ...(matchKeys ?? [])
      .filter((key) => key in labels)
      .map((key) => ({ key, operator: "In" as const, values: [labels[key] ?? ""] })),
    ...(mismatchKeys ?? [])
      .filter((key) => key in labels)
      .map((key) => ({ key, operator: "NotIn" as const, values: [labels[key] ?? ""] })),
  ];
  if (added.length === 0 || !selector) return selector;
  return { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...added] };
}
