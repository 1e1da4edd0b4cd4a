/** Network policies: who may talk to a pod, and to whom it may talk. */
import { blockWarnings } from "#pkg/api/ip-address.ts";
import type { IPBlock, NetworkPolicy } from "#pkg/api/networking/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import { policyPeers, validateNetworkPolicy, validateNetworkPolicyUpdate } from "./validation/network-policy.ts";

export const networkPolicyStrategy = defineStrategy<NetworkPolicy>("networking/v1.NetworkPolicy", {
  hasGeneration: true,
  validate: (policy) => validateNetworkPolicy(policy),
  validateUpdate: validateNetworkPolicyUpdate,
  warnings: (policy) =>
    policyPeers(policy).flatMap(({ at, peer }) =>
      peer.ipBlock ? rangeWarnings(peer.ipBlock, at.child("ipBlock").toString()) : [],
    ),
});

function rangeWarnings({ cidr, except }: IPBlock, at: string): readonly string[] {
  const exceptions = (except ?? []).flatMap((text, index) => blockWarnings(`${at}.except[${index}]`, text));
  return [...blockWarnings(`${at}.cidr`, cidr ?? ""), ...exceptions];
}
