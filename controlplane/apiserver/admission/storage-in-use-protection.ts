/** StorageObjectInUseProtection: claims, volumes and their classes get a finalizer that a controller takes off when unused. */
import type { AdmissionPlugin } from "./admission.ts";
import { isRequest } from "./attributes.ts";

const finalizers: Readonly<Record<string, string>> = {
  persistentvolumes: "kubernetes.io/pv-protection",
  persistentvolumeclaims: "kubernetes.io/pvc-protection",
  "volumeattributesclasses.storage.k8s.io": "kubernetes.io/vac-protection",
};

export const storageObjectInUseProtection: AdmissionPlugin = {
  name: "StorageObjectInUseProtection",
  handles: (attributes) => Object.keys(finalizers).some((what) => isRequest(attributes, what, "CREATE")),
  async mutate(attributes) {
    const what = Object.keys(finalizers).find((one) => isRequest(attributes, one)) ?? "";
    const finalizer = finalizers[what];
    const metadata = attributes.object?.metadata;
    if (!finalizer || !metadata || metadata.finalizers?.includes(finalizer)) return;
    metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
  },
};
