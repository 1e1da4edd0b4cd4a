/** Which pods a pod is spread against when it says nothing itself: those of the same services and controllers. */
import { type LabelMatcher, labelMapMatcher, labelSelectorMatcher } from "#pkg/api/labels.ts";
import type { Informers } from "#pkg/kube/informers.ts";
import { resources } from "#pkg/kube/resources.ts";
import type { ClusterState } from "./node-state.ts";
import type { PodFacts } from "./pod-facts.ts";

export function defaultSpreadSelector(informers: Informers): NonNullable<ClusterState["defaultSpreadSelector"]> {
  const services = informers.for(resources.services);
  const replicaSets = informers.for(resources.replicaSets);
  const statefulSets = informers.for(resources.statefulSets);
  const replicationControllers = informers.for(resources.replicationControllers);
  return (pod) => {
    const matchers = services
      .inNamespace(pod.namespace)
      .flatMap(({ spec }) =>
        spec?.selector && Object.keys(spec.selector).length > 0 ? labelMapMatcher(spec.selector) : [],
      )
      .filter((matcher) => matcher.matches(pod.labels));
    const own = controllerSelector(pod, (kind, key) => {
      if (kind === "ReplicaSet") return labelSelectorMatcher(replicaSets.get(key)?.spec?.selector);
      if (kind === "StatefulSet") return labelSelectorMatcher(statefulSets.get(key)?.spec?.selector);
      if (kind === "ReplicationController")
        return labelMapMatcher(replicationControllers.get(key)?.spec?.selector ?? {});
      return undefined;
    });
    const all = own ? [...matchers, own] : matchers;
    // A pod must match all of them to count as one of the same group.
    return all.length === 0 ? undefined : (labels) => all.every((matcher) => matcher.matches(labels));
  };
}

function controllerSelector(
  pod: PodFacts,
  find: (kind: string, key: string) => LabelMatcher | undefined,
): LabelMatcher | undefined {
  const owner = pod.pod.metadata.ownerReferences?.find(({ controller }) => controller);
  return owner ? find(owner.kind, `${pod.namespace}/${owner.name}`) : undefined;
}
