/** Volumes that no node can mount any more, and files that hide each other. */
import type { Volume, VolumeProjection } from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { claimSpecWarnings } from "./claim-warnings.ts";

const gone: Readonly<Partial<Record<keyof Volume, string>>> = {
  photonPersistentDisk: "deprecated in v1.11, non-functional in v1.16+",
  gitRepo: "deprecated in v1.11, and disabled by default in v1.33+",
  scaleIO: "deprecated in v1.16, non-functional in v1.22+",
  flocker: "deprecated in v1.22, non-functional in v1.25+",
  storageos: "deprecated in v1.22, non-functional in v1.25+",
  quobyte: "deprecated in v1.22, non-functional in v1.25+",
  glusterfs: "deprecated in v1.25, non-functional in v1.26+",
  cephfs: "deprecated in v1.28, non-functional in v1.31+",
  rbd: "deprecated in v1.28, non-functional in v1.31+",
};

export function volumeWarnings(volumes: readonly Volume[], at: FieldPath): readonly string[] {
  const warnings: string[] = [];
  for (const [index, volume] of volumes.entries()) {
    const path = at.index(index);
    for (const [source, text] of Object.entries(gone)) {
      if (volume[source as keyof Volume] == null) continue;
      warnings.push(`${path.child(source === "storageos" ? "storageOS" : source)}: ${text}`);
    }
    const template = volume.ephemeral?.volumeClaimTemplate;
    if (template) {
      warnings.push(...claimSpecWarnings(template.spec, path.child("ephemeral", "volumeClaimTemplate", "spec")));
    }
  }
  return [...warnings, ...volumes.flatMap(overlapWarnings)];
}

interface FilePath {
  readonly path: string;
  readonly source: string;
}

function overlapWarnings({ name, configMap, secret, downwardAPI, projected }: Volume): readonly string[] {
  const warn = (what: string, files: readonly FilePath[]): string[] =>
    overlaps(files).map((overlap) => `volume "${name}" (${what}): overlapping paths: ${overlap}`);
  const plain = (items: readonly { readonly path: string }[] | undefined): FilePath[] =>
    (items ?? []).map(({ path }) => ({ path, source: "" }));
  return [
    ...warn(`ConfigMap "${configMap?.name ?? ""}"`, plain(configMap?.items)),
    ...warn(`Secret "${secret?.secretName ?? ""}"`, plain(secret?.items)),
    ...warn("DownwardAPI", plain(downwardAPI?.items)),
    ...(projected?.sources ?? [])
      .filter((source) => Object.values(source).every((value) => value == null))
      .map(() => `volume "${name}" (Projected) has no sources provided`),
    ...warn("Projected", (projected?.sources ?? []).flatMap(filesOf)),
  ];
}

function filesOf(projection: VolumeProjection): FilePath[] {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = projection;
  const items = (list: readonly { readonly path: string }[] | undefined, source: string): FilePath[] =>
    (list ?? []).map(({ path }) => ({ path, source }));
  const certificate = [
    { path: podCertificate?.certificateChainPath, source: "PodCertificate chain" },
    { path: podCertificate?.keyPath, source: "PodCertificate key" },
    { path: podCertificate?.credentialBundlePath, source: "PodCertificate credential bundle" },
  ].filter((file): file is FilePath => Boolean(file.path));
  return [
    ...items(configMap?.items, `ConfigMap "${configMap?.name ?? ""}"`),
    ...items(secret?.items, `Secret "${secret?.name ?? ""}"`),
    ...items(downwardAPI?.items, "DownwardAPI"),
    ...(serviceAccountToken ? [{ path: serviceAccountToken.path, source: "ServiceAccountToken" }] : []),
    ...(clusterTrustBundle
      ? [
          {
            path: clusterTrustBundle.path,
            source: `ClusterTrustBundle "${clusterTrustBundle.name ?? clusterTrustBundle.signerName ?? ""}"`,
          },
        ]
      : []),
    ...certificate,
  ];
}

/** A file at the place of another, or of a directory of another. */
function overlaps(files: readonly FilePath[]): string[] {
  const found: string[] = [];
  const seen: FilePath[] = [];
  for (const file of files) {
    const path = (file.path ?? "").replace(/\/+$/, "");
    const one = { ...file, path };
    for (const other of path ? seen : []) {
      const meets = `${other.path}/`.startsWith(`${path}/`) || `${path}/`.startsWith(`${other.path}/`);
      if (other.path && meets) found.push(`${shown(one)} with ${shown(other)}`);
    }
    seen.push(one);
  }
  return found;
}

function shown({ path, source }: FilePath): string {
  return source ? `"${path}" (${source})` : `"${path}"`;
}
