/** For accounts that insist on it: a pod may only use the secrets its account lists. Pure. */
import type { Container, EphemeralContainer, Pod, ServiceAccount } from "#pkg/api/core/v1.ts";

/** The first use that is not allowed, in upstream's words. Of a pod that gets debug containers only these are looked at. */
export function unmountableSecret(account: ServiceAccount, pod: Pod, onlyEphemeral: boolean): string | undefined {
  const allowed = new Set((account.secrets ?? []).map((ref) => ref.name ?? ""));
  const name = account.metadata.name ?? "";
  const inContainers = (kind: string, containers: readonly (Container | EphemeralContainer)[] | undefined) =>
    first(containers ?? [], (container) => inContainer(kind, container, allowed, name));
  if (onlyEphemeral) return inContainers("ephemeral container", pod.spec.ephemeralContainers);
  return (
    inVolumes(pod, allowed, name) ??
    inContainers("init container", pod.spec.initContainers) ??
    inContainers("container", pod.spec.containers) ??
    inPullSecrets(pod, account)
  );
}

function inVolumes(pod: Pod, allowed: ReadonlySet<string>, account: string): string | undefined {
  return first(pod.spec.volumes ?? [], ({ secret }) =>
    secret && !allowed.has(secret.secretName ?? "")
      ? `volume with secret.secretName="${secret.secretName ?? ""}" ${notReferenced(account)}`
      : undefined,
  );
}

function inContainer(
  kind: string,
  container: Container | EphemeralContainer,
  allowed: ReadonlySet<string>,
  account: string,
): string | undefined {
  const inVariable = first(container.env ?? [], ({ name, valueFrom }) => {
    const secret = valueFrom?.secretKeyRef?.name;
    return secret !== undefined && !allowed.has(secret)
      ? `${kind} ${container.name} with envVar ${name} referencing secret.secretName="${secret}" ${notReferenced(account)}`
      : undefined;
  });
  return (
    inVariable ??
    first(container.envFrom ?? [], ({ secretRef }) =>
      secretRef && !allowed.has(secretRef.name ?? "")
        ? `${kind} ${container.name} with envFrom referencing secret.secretName="${secretRef.name ?? ""}" ${notReferenced(account)}`
        : undefined,
    )
  );
}

function inPullSecrets(pod: Pod, account: ServiceAccount): string | undefined {
  const allowed = new Set((account.imagePullSecrets ?? []).map((ref) => ref.name ?? ""));
  const at = (pod.spec.imagePullSecrets ?? []).findIndex((ref) => !allowed.has(ref.name ?? ""));
  if (at < 0) return undefined;
  const name = pod.spec.imagePullSecrets?.[at]?.name ?? "";
  const who = account.metadata.name ?? "";
  return `imagePullSecrets[${at}].name="${name}" is not allowed because service account ${who} does not reference that imagePullSecret`;
}

function notReferenced(account: string): string {
  return `is not allowed because service account ${account} does not reference that secret`;
}

function first<T>(items: readonly T[], judge: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const problem = judge(item);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
