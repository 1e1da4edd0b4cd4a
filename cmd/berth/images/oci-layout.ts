/**
 * The JSON documents of an OCI image layout, as pure functions of digests and sizes.
 * Source: OCI image-spec v1.1 (image-layout.md, manifest.md, config.md).
 */
import type { ImageConfig } from "./image-recipe.ts";

export interface Blob {
  /** "sha256:…" */
  readonly digest: string;
  readonly size: number;
}

export const layerMediaType = "application/vnd.oci.image.layer.v1.tar";
const configMediaType = "application/vnd.oci.image.config.v1+json";
const manifestMediaType = "application/vnd.oci.image.manifest.v1+json";

export type OciArchitecture = "amd64" | "arm64";

export function buildConfig(config: ImageConfig, architecture: OciArchitecture, layerDigest: string): string {
  return JSON.stringify({
    architecture,
    os: "linux",
    config: {
      Entrypoint: config.entrypoint,
      ...(config.command ? { Cmd: config.command } : {}),
      Env: Object.entries({ PATH: "/usr/local/bin:/usr/bin:/bin", ...config.env }).map(
        ([name, value]) => `${name}=${value}`,
      ),
      ...(config.user ? { User: config.user } : {}),
      WorkingDir: config.workingDir ?? "/",
    },
    rootfs: { type: "layers", diff_ids: [layerDigest] },
    history: [{ created_by: "berth image builder" }],
  });
}

export function buildManifest(config: Blob, layer: Blob): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestMediaType,
    config: { mediaType: configMediaType, ...config },
    layers: [{ mediaType: layerMediaType, ...layer }],
  });
}

/** `index.json`: containerd takes the image's name from the annotation. */
export function buildIndex(manifest: Blob, reference: string): string {
  const tag = reference.slice(reference.lastIndexOf(":") + 1);
  const annotations = { "io.containerd.image.name": reference, "org.opencontainers.image.ref.name": tag };
  return JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: manifestMediaType, ...manifest, annotations }] });
}

export const layoutFile = JSON.stringify({ imageLayoutVersion: "1.0.0" });
