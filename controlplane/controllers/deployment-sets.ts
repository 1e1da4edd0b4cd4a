/** Which replica sets belong to a deployment's template, and what a new one looks like. Pure. */
import type { Deployment, ReplicaSet } from "#pkg/api/apps/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { controllerReference } from "./claim.ts";
import { annotations, byAge, computeNewSetSize, type DeploymentSet, rollingLimits } from "./compute-deployment.ts";
import { canonicalJson, computeTemplateHash } from "./template-hash.ts";

const hashLabel = "pod-template-hash";

export function splitSets(
  deployment: Deployment,
  sets: readonly DeploymentSet[],
): { readonly newSet: DeploymentSet | undefined; readonly oldSets: readonly DeploymentSet[] } {
  // The oldest match is the one: after a rollback that is the set which was there before.
  const newSet = byAge(sets).find((set) => hasTemplateOf(set, deployment));
  return { newSet, oldSets: sets.filter((set) => set !== newSet) };
}

export function hasTemplateOf(set: ReplicaSet, deployment: Deployment): boolean {
  const { [hashLabel]: _hash, ...labels } = set.spec?.template?.metadata?.labels ?? {};
  const template = { ...set.spec?.template, metadata: { ...set.spec?.template?.metadata, labels } };
  const { [hashLabel]: _own, ...ownLabels } = deployment.spec?.template.metadata?.labels ?? {};
  const wanted = {
    ...deployment.spec?.template,
    metadata: { ...deployment.spec?.template.metadata, labels: ownLabels },
  };
  return canonicalJson(template) === canonicalJson(wanted);
}

export function buildReplicaSet(
  deployment: Stored<Deployment>,
  oldSets: readonly DeploymentSet[],
  revision: string,
): ReplicaSet {
  const template = deployment.spec?.template ?? { spec: { containers: [] } };
  const hash = computeTemplateHash(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  const selector = deployment.spec?.selector ?? {};
  const set: ReplicaSet = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace,
      labels,
      annotations: {
        ...inheritedAnnotations(deployment),
        ...scaleAnnotations(deployment),
        [annotations.revision]: revision,
      },
      ownerReferences: [controllerReference(deployment, "apps/v1", "Deployment")],
    },
    spec: {
      replicas: 0,
      minReadySeconds: deployment.spec?.minReadySeconds,
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
  const size = computeNewSetSize(deployment, set as DeploymentSet, oldSets);
  return { ...set, spec: { ...set.spec, selector: set.spec?.selector ?? {}, replicas: size } };
}

/** Everything but what kubectl and this controller keep for themselves. */
export function inheritedAnnotations(deployment: Deployment): Record<string, string> {
  const own = new Set<string>([
    "kubectl.kubernetes.io/last-applied-configuration",
    ...Object.values(annotations),
    "deprecated.deployment.rollback.to",
  ]);
  return Object.fromEntries(Object.entries(deployment.metadata.annotations ?? {}).filter(([name]) => !own.has(name)));
}

export function scaleAnnotations(deployment: Deployment): Record<string, string> {
  const replicas = deployment.spec?.replicas ?? 1;
  return {
    [annotations.desiredReplicas]: String(replicas),
    [annotations.maxReplicas]: String(replicas + rollingLimits(deployment).maxSurge),
  };
}

export function appendHistory(set: ReplicaSet): string {
  const known = set.metadata.annotations?.[annotations.revisionHistory];
  const revision = set.metadata.annotations?.[annotations.revision] ?? "";
  return known ? `${known},${revision}` : revision;
}
