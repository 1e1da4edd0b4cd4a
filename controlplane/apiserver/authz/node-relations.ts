/**
 * How nodes relate to other objects, through the pods bound to them. Only pods are indexed, by node; what a pod refers to
 * is worked out once per version of the pod, and only for nodes that ask. So a change of a pod costs one map entry, and a
 * question costs a walk over the hundred or so pods of one node.
 */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "#pkg/api/core/v1.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import { type PodReferences, podReferences } from "./pod-references.ts";

export type RelatedResource =
  | "secrets"
  | "configmaps"
  | "persistentvolumeclaims"
  | "persistentvolumes"
  | "resourceclaims"
  | "serviceaccounts"
  | "pods";

const mirrorAnnotation = "kubernetes.io/config.mirror";

export class NodeRelations implements Disposable {
  readonly #reader: ObjectReader;
  readonly #watch: Disposable;
  /** Node to "namespace/name" to pod. */
  readonly #podsByNode = new Map<string, Map<string, Pod>>();
  readonly #references = new WeakMap<Pod, PodReferences>();

  constructor(reader: ObjectReader) {
    this.#reader = reader;
    this.#watch = reader.onChange("", "pods", (next, previous) => {
      if (previous) this.#remove(previous as Pod);
      if (next) this.#add(next as Pod);
    });
    for (const pod of reader.list("", "pods", "")) this.#add(pod as Pod);
  }

  /** True when something that runs on the node needs the object. */
  isRelated(nodeName: string, resource: RelatedResource, namespace: string, name: string): boolean {
    switch (resource) {
      case "pods":
        return this.#podsByNode.get(nodeName)?.has(`${namespace}/${name}`) ?? false;
      case "serviceaccounts":
        return this.#somePod(nodeName, namespace, (references) => references.serviceAccount === name);
      case "configmaps":
        return this.#somePod(nodeName, namespace, (references) => references.configMaps.has(name));
      case "persistentvolumeclaims":
        return this.#somePod(nodeName, namespace, (references) => references.persistentVolumeClaims.has(name));
      case "resourceclaims":
        return this.#somePod(nodeName, namespace, (references) => references.resourceClaims.has(name));
      case "persistentvolumes":
        return this.#usesVolume(nodeName, name);
      case "secrets":
        return (
          this.#somePod(nodeName, namespace, (references) => references.secrets.has(name)) ||
          this.#usesVolumeSecret(nodeName, namespace, name)
        );
    }
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }

  #somePod(nodeName: string, namespace: string, holds: (references: PodReferences) => boolean): boolean {
    for (const pod of this.#podsByNode.get(nodeName)?.values() ?? []) {
      if (pod.metadata.namespace === namespace && holds(this.#referencesOf(pod))) return true;
    }
    return false;
  }

  #usesVolume(nodeName: string, volumeName: string): boolean {
    const volume = this.#reader.get("", "persistentvolumes", "", volumeName) as PersistentVolume | undefined;
    const claim = volume?.spec.claimRef;
    if (!claim?.namespace || !claim.name) return false;
    return this.isRelated(nodeName, "persistentvolumeclaims", claim.namespace, claim.name);
  }

  #usesVolumeSecret(nodeName: string, namespace: string, name: string): boolean {
    for (const pod of this.#podsByNode.get(nodeName)?.values() ?? []) {
      for (const claimName of this.#referencesOf(pod).persistentVolumeClaims) {
        const volume = this.#boundVolume(pod.metadata.namespace ?? "", claimName);
        if (volume && nodeSecretsOf(volume).some((ref) => ref.namespace === namespace && ref.name === name))
          return true;
      }
    }
    return false;
  }

  /** The volume that both sides agree is bound to the claim. */
  #boundVolume(namespace: string, claimName: string): PersistentVolume | undefined {
    const claim = this.#reader.get("", "persistentvolumeclaims", namespace, claimName) as
      | PersistentVolumeClaim
      | undefined;
    const volumeName = claim?.spec.volumeName;
    if (!volumeName) return undefined;
    const volume = this.#reader.get("", "persistentvolumes", "", volumeName) as PersistentVolume | undefined;
    const ref = volume?.spec.claimRef;
    return ref?.namespace === namespace && ref.name === claimName ? volume : undefined;
  }

  #referencesOf(pod: Pod): PodReferences {
    let references = this.#references.get(pod);
    if (!references) {
      // A node makes its own mirror pods: they must not open anything to it.
      const isMirror = pod.metadata.annotations?.[mirrorAnnotation] !== undefined;
      references = isMirror ? podReferences({ metadata: pod.metadata, spec: { containers: [] } }) : podReferences(pod);
      this.#references.set(pod, references);
    }
    return references;
  }

  #add(pod: Pod): void {
    const { nodeName } = pod.spec;
    if (!nodeName) return;
    const pods = this.#podsByNode.get(nodeName) ?? new Map<string, Pod>();
    this.#podsByNode.set(nodeName, pods.set(keyOf(pod), pod));
  }

  #remove(pod: Pod): void {
    const { nodeName } = pod.spec;
    const pods = nodeName ? this.#podsByNode.get(nodeName) : undefined;
    if (!nodeName || !pods) return;
    pods.delete(keyOf(pod));
    if (pods.size === 0) this.#podsByNode.delete(nodeName);
  }
}

function keyOf(pod: Pod): string {
  return `${pod.metadata.namespace}/${pod.metadata.name}`;
}

interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

/** Secrets of a volume that the node itself needs; those for attaching and expanding at the controller are not its business. */
function nodeSecretsOf({ spec }: PersistentVolume): readonly SecretName[] {
  const ofClaim = spec.claimRef?.namespace ?? "";
  const byReference = [
    spec.csi?.nodeStageSecretRef,
    spec.csi?.nodePublishSecretRef,
    spec.csi?.nodeExpandSecretRef,
    spec.cephfs?.secretRef,
    spec.cinder?.secretRef,
    spec.flexVolume?.secretRef,
    spec.rbd?.secretRef,
    spec.scaleIO?.secretRef,
    spec.iscsi?.secretRef,
    spec.storageos?.secretRef,
  ].flatMap((ref) => (ref?.name ? [{ namespace: ref.namespace || ofClaim, name: ref.name }] : []));
  const { azureFile } = spec;
  return azureFile
    ? [...byReference, { namespace: azureFile.secretNamespace || ofClaim, name: azureFile.secretName }]
    : byReference;
}
