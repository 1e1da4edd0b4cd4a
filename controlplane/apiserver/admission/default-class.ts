/** DefaultStorageClass and DefaultIngressClass: what names no class gets the one that is marked as default. */
import type { PersistentVolumeClaim } from "#pkg/api/core/v1.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { Ingress } from "#pkg/api/networking/v1.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { isRequest } from "./attributes.ts";

export function defaultStorageClass(reader: ObjectReader): AdmissionPlugin {
  return {
    name: "DefaultStorageClass",
    handles: (attributes) => isRequest(attributes, "persistentvolumeclaims", "CREATE"),
    async mutate({ object }) {
      const claim = object as PersistentVolumeClaim;
      // "" is a choice too: a claim for volumes without class.
      if (claim.spec?.storageClassName !== undefined) return;
      if (claim.metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] !== undefined) return;
      const found = newestDefault(reader.list("storage.k8s.io", "storageclasses", ""), [
        "storageclass.kubernetes.io/is-default-class",
        "storageclass.beta.kubernetes.io/is-default-class",
      ]);
      if (found) claim.spec = { ...claim.spec, storageClassName: found };
    },
  };
}

export function defaultIngressClass(reader: ObjectReader): AdmissionPlugin {
  return {
    name: "DefaultIngressClass",
    handles: (attributes) => isRequest(attributes, "ingresses.networking.k8s.io", "CREATE"),
    async mutate({ object }) {
      const ingress = object as Ingress;
      if (ingress.spec?.ingressClassName !== undefined) return;
      if (ingress.metadata.annotations?.["kubernetes.io/ingress.class"] !== undefined) return;
      const classes = reader.list("networking.k8s.io", "ingressclasses", "");
      const found = newestDefault(classes, ["ingressclass.kubernetes.io/is-default-class"]);
      if (found) ingress.spec = { ...ingress.spec, ingressClassName: found };
    },
  };
}

/** Of several the newest, so that adding another default takes effect; then by name. */
function newestDefault(classes: readonly KubeObject[], annotations: readonly string[]): string | undefined {
  const marked = classes.filter(({ metadata }) => annotations.some((one) => metadata.annotations?.[one] === "true"));
  const order = (a: KubeObject, b: KubeObject): number =>
    (b.metadata.creationTimestamp ?? "").localeCompare(a.metadata.creationTimestamp ?? "") ||
    (a.metadata.name ?? "").localeCompare(b.metadata.name ?? "");
  return marked.sort(order)[0]?.metadata.name;
}
