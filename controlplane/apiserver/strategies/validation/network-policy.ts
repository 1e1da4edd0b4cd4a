/** Network policies. Source: pkg/apis/networking/validation (v1.36). */
import { FieldPath } from "#pkg/api/field.ts";
import { blockContains, legacyBlockProblems, parseBlock } from "#pkg/api/ip-address.ts";
import { portNameProblems, portNumberProblems } from "#pkg/api/names.ts";
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from "#pkg/api/networking/v1.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateLabelSelector } from "./label-selectors.ts";

const spec = new FieldPath("spec");
const protocols = ["TCP", "UDP", "SCTP"];
const policyTypes = ["Ingress", "Egress"];

export interface PolicyPeer {
  readonly at: FieldPath;
  readonly peer: NetworkPolicyPeer;
}

/** Every peer of every rule, ingress first. */
export function policyPeers(policy: NetworkPolicy): readonly PolicyPeer[] {
  return policyRules(policy).flatMap((rule) => rule.peers);
}

interface Rule {
  readonly peers: readonly PolicyPeer[];
  readonly ports: readonly { readonly at: FieldPath; readonly port: NetworkPolicyPort }[];
}

function policyRules({ spec: { ingress, egress } }: NetworkPolicy): readonly Rule[] {
  const rule = (
    at: FieldPath,
    list: string,
    peers: NetworkPolicyPeer[] = [],
    ports: NetworkPolicyPort[] = [],
  ): Rule => ({
    peers: peers.map((peer, index) => ({ at: at.child(list).index(index), peer })),
    ports: ports.map((port, index) => ({ at: at.child("ports").index(index), port })),
  });
  return [
    ...(ingress ?? []).map(({ from, ports }, index) => rule(spec.child("ingress").index(index), "from", from, ports)),
    ...(egress ?? []).map(({ to, ports }, index) => rule(spec.child("egress").index(index), "to", to, ports)),
  ];
}

/** `known`: ranges from before the rules, which may stay. */
export function validateNetworkPolicy(policy: NetworkPolicy, known: ReadonlySet<string> = new Set()): FieldErrors {
  const errors = new FieldErrors();
  validateLabelSelector(policy.spec.podSelector, spec.child("podSelector"), errors);
  for (const { peers, ports } of policyRules(policy)) {
    for (const { at, port } of ports) validatePort(port, at, errors);
    for (const { at, peer } of peers) validatePeer(peer, known, at, errors);
  }
  const types = policy.spec.policyTypes ?? [];
  const at = spec.child("policyTypes");
  if (types.length > policyTypes.length) errors.invalid(at, types, "may not specify more than two policyTypes");
  else {
    for (const [index, type] of types.entries()) {
      if (!policyTypes.includes(type)) errors.notSupported(at.index(index), type, policyTypes);
    }
  }
  return errors;
}

export function validateNetworkPolicyUpdate(next: NetworkPolicy, current: NetworkPolicy): FieldErrors {
  const blocks = policyPeers(current).flatMap(({ peer }) => peer.ipBlock ?? []);
  return validateNetworkPolicy(next, new Set(blocks.flatMap(({ cidr, except }) => [cidr, ...(except ?? [])])));
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, at: FieldPath, errors: FieldErrors): void {
  if (protocol != null && !protocols.includes(protocol)) {
    errors.notSupported(at.child("protocol"), protocol, protocols);
  }
  const end = at.child("endPort");
  if (port == null) {
    if (endPort != null) errors.invalid(end, endPort, "may not be specified when `port` is not specified");
  } else if (typeof port === "string") {
    if (endPort != null) errors.invalid(end, endPort, "may not be specified when `port` is non-numeric");
    errors.problems(at.child("port"), port, portNameProblems(port));
  } else {
    errors.problems(at.child("port"), port, portNumberProblems(port));
    if (endPort == null) return;
    if (endPort < port) errors.invalid(end, port, "must be greater than or equal to `port`");
    errors.problems(end, endPort, portNumberProblems(endPort));
  }
}

function validatePeer(peer: NetworkPolicyPeer, known: ReadonlySet<string>, at: FieldPath, errors: FieldErrors): void {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  validateLabelSelector(podSelector, at.child("podSelector"), errors);
  validateLabelSelector(namespaceSelector, at.child("namespaceSelector"), errors);
  if (ipBlock) validateBlock(ipBlock, known, at.child("ipBlock"), errors);
  if (!podSelector && !namespaceSelector && !ipBlock) errors.required(at, "must specify a peer");
  if (ipBlock && (podSelector || namespaceSelector)) {
    errors.forbidden(at, "may not specify both ipBlock and another peer");
  }
}

function validateBlock(block: IPBlock, known: ReadonlySet<string>, at: FieldPath, errors: FieldErrors): void {
  const { cidr, except } = block;
  if (!cidr) {
    errors.required(at.child("cidr"));
    return;
  }
  const problems = (text: string) => (known.has(text) ? [] : legacyBlockProblems(text));
  errors.problems(at.child("cidr"), cidr, problems(cidr));
  const whole = parseBlock(cidr);
  if (!whole) return;
  for (const [index, text] of (except ?? []).entries()) {
    const path = at.child("except").index(index);
    errors.problems(path, text, problems(text));
    const part = parseBlock(text);
    if (!part) continue;
    const isInside = blockContains(whole, { family: part.family, value: part.base });
    if (!isInside || whole.prefixLength >= part.prefixLength) {
      errors.invalid(path, text, "must be a strict subset of `cidr`");
    }
  }
}
