/** Which other objects a pod makes its node read: secrets, config maps, claims, its service account. Pure. */
import type { Container, EphemeralContainer, Pod, Volume } from "#pkg/api/core/v1.ts";

export interface PodReferences {
  readonly secrets: ReadonlySet<string>;
  readonly configMaps: ReadonlySet<string>;
  readonly persistentVolumeClaims: ReadonlySet<string>;
  readonly resourceClaims: ReadonlySet<string>;
  readonly serviceAccount: string;
}

/** All names are of objects in the pod's own namespace. */
export function podReferences(pod: Pod): PodReferences {
  const { spec } = pod;
  const volumes = spec.volumes ?? [];
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
  return {
    secrets: named([
      ...(spec.imagePullSecrets ?? []).map((ref) => ref.name),
      ...containers.flatMap((container) => environmentNames(container, "secret")),
      ...volumes.flatMap(volumeSecrets),
    ]),
    configMaps: named([
      ...containers.flatMap((container) => environmentNames(container, "configMap")),
      ...volumes.flatMap(volumeConfigMaps),
    ]),
    persistentVolumeClaims: named(volumes.map((volume) => claimNameOf(volume, pod.metadata.name ?? ""))),
    resourceClaims: resourceClaimNames(pod),
    serviceAccount: spec.serviceAccountName ?? "",
  };
}

/** The claim a volume uses: the one it names, or the one made for a generic ephemeral volume. */
export function claimNameOf(volume: Volume, podName: string): string | undefined {
  return volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral ? `${podName}-${volume.name}` : undefined);
}

function environmentNames(
  container: Container | EphemeralContainer,
  kind: "secret" | "configMap",
): readonly (string | undefined)[] {
  const isSecret = kind === "secret";
  return [
    ...(container.env ?? []).map(({ valueFrom }) =>
      isSecret ? valueFrom?.secretKeyRef?.name : valueFrom?.configMapKeyRef?.name,
    ),
    ...(container.envFrom ?? []).map((from) => (isSecret ? from.secretRef?.name : from.configMapRef?.name)),
  ];
}

function volumeSecrets(volume: Volume): readonly (string | undefined)[] {
  const { projected, csi } = volume;
  const byReference = [volume.cephfs, volume.cinder, volume.flexVolume, volume.rbd, volume.scaleIO, volume.iscsi];
  return [
    volume.secret?.secretName,
    volume.azureFile?.secretName,
    volume.storageos?.secretRef?.name,
    csi?.nodePublishSecretRef?.name,
    ...byReference.map((source) => source?.secretRef?.name),
    ...(projected?.sources ?? []).map((source) => source.secret?.name),
  ];
}

function volumeConfigMaps(volume: Volume): readonly (string | undefined)[] {
  return [volume.configMap?.name, ...(volume.projected?.sources ?? []).map((source) => source.configMap?.name)];
}

function resourceClaimNames(pod: Pod): ReadonlySet<string> {
  const made = new Map((pod.status?.resourceClaimStatuses ?? []).map((one) => [one.name, one.resourceClaimName]));
  return named([
    ...(pod.spec.resourceClaims ?? []).map((claim) => claim.resourceClaimName ?? made.get(claim.name)),
    pod.status?.extendedResourceClaimStatus?.resourceClaimName,
  ]);
}

function named(names: readonly (string | undefined)[]): ReadonlySet<string> {
  return new Set(names.filter((name): name is string => name !== undefined && name !== ""));
}
