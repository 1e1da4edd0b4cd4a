/** What a node may do with pods: make and delete mirror pods, report status, evict; all only of pods bound to it. */

import type { Pod, Volume } from "#pkg/api/core/v1.ts";
import type { OwnerReference } from "#pkg/api/meta/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import { podReferences } from "../authz/pod-references.ts";
import { equalJson } from "../registry/equal-json.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { AdmissionAttributes } from "./admission.ts";
import { refuse } from "./attributes.ts";
import { findPod } from "./find-pod.ts";

const mirrorAnnotation = "kubernetes.io/config.mirror";

export class NodePodRestriction {
  readonly #reader: ObjectReader;

  constructor(reader: ObjectReader) {
    this.#reader = reader;
  }

  async judge(nodeName: string, attributes: AdmissionAttributes): Promise<void> {
    const { subresource, operation } = attributes;
    const action = subresource === "" ? operation : `${operation} ${subresource}`;
    switch (action) {
      case "CREATE":
        return this.#judgeMirror(nodeName, attributes);
      case "DELETE":
        return this.#checkBound(
          nodeName,
          attributes,
          `node "${nodeName}" can only delete pods with spec.nodeName set to itself`,
        );
      case "UPDATE status":
        return judgeStatus(nodeName, attributes);
      case "CREATE eviction":
        return this.#checkBound(
          nodeName,
          attributes,
          `node ${nodeName} can only evict pods with spec.nodeName set to itself`,
        );
      case "UPDATE":
        throw refuse(
          attributes,
          `unexpected operation "UPDATE", node "${nodeName}" can only create and delete mirror pods`,
        );
      default:
        if (subresource === "status" || subresource === "eviction") {
          throw refuse(attributes, `unexpected operation "${operation}"`);
        }
        throw refuse(
          attributes,
          `unexpected pod subresource "${subresource}", only 'status' and 'eviction' are allowed`,
        );
    }
  }

  async #checkBound(nodeName: string, attributes: AdmissionAttributes, why: string): Promise<void> {
    const name = attributes.name || (attributes.object?.metadata.name ?? "");
    if (name === "") throw refuse(attributes, "could not determine pod from request data");
    const pod = await findPod(this.#reader, attributes.namespace, name);
    if (pod.spec.nodeName !== nodeName) throw refuse(attributes, why);
  }

  #judgeMirror(nodeName: string, attributes: AdmissionAttributes): void {
    const pod = attributes.object as Pod;
    if (pod.metadata.annotations?.[mirrorAnnotation] === undefined) {
      const why = `pod does not have "${mirrorAnnotation}" annotation, node "${nodeName}" can only create mirror pods`;
      throw refuse(attributes, why);
    }
    if (pod.spec.nodeName !== nodeName) {
      throw refuse(attributes, `node "${nodeName}" can only create pods with spec.nodeName set to itself`);
    }
    this.#judgeOwner(nodeName, attributes, pod.metadata.ownerReferences ?? []);
    const reference = referencedKind(pod);
    if (reference) throw refuse(attributes, `node "${nodeName}" can not create pods that reference ${reference}`);
  }

  #judgeOwner(nodeName: string, attributes: AdmissionAttributes, owners: readonly OwnerReference[]): void {
    const [owner, ...more] = owners;
    const only = `node "${nodeName}" can only create pods with`;
    if (more.length > 0) throw refuse(attributes, `${only} a single owner reference set to itself`);
    if (owner?.apiVersion !== "v1" || owner.kind !== "Node" || owner.name !== nodeName) {
      throw refuse(attributes, `${only} an owner reference set to itself`);
    }
    if (!owner.controller) throw refuse(attributes, `${only} a controller owner reference set to itself`);
    if (owner.blockOwnerDeletion) {
      throw refuse(attributes, `node "${nodeName}" must not set blockOwnerDeletion on an owner reference`);
    }
    const node = this.#reader.get("", "nodes", "", nodeName);
    if (!node) throw StatusError.notFound({ group: "", resource: "nodes" }, nodeName);
    if (owner.uid !== node.metadata.uid) {
      throw refuse(attributes, `node ${nodeName} UID mismatch: expected ${owner.uid} got ${node.metadata.uid ?? ""}`);
    }
  }
}

function judgeStatus(nodeName: string, attributes: AdmissionAttributes): void {
  const old = attributes.oldObject as Pod;
  const next = attributes.object as Pod;
  if (old.spec.nodeName !== nodeName) {
    throw refuse(attributes, `node "${nodeName}" can only update pod status for pods with spec.nodeName set to itself`);
  }
  if (!equalJson(old.metadata.labels ?? {}, next.metadata.labels ?? {})) {
    throw refuse(attributes, `node "${nodeName}" cannot update labels through pod status`);
  }
  // Claims named in the status are open to the node, so it must not name them itself.
  if (!equalJson(old.status?.resourceClaimStatuses ?? [], next.status?.resourceClaimStatuses ?? [])) {
    throw refuse(attributes, `node "${nodeName}" cannot update resource claim statues`);
  }
  if (!equalJson(old.status?.extendedResourceClaimStatus, next.status?.extendedResourceClaimStatus)) {
    throw refuse(attributes, `node "${nodeName}" cannot update extended resource claim status`);
  }
}

/** What of the API a pod refers to, in upstream's words; undefined for a pod that runs by itself. */
export function referencedKind(pod: Pod): string | undefined {
  if (pod.spec.serviceAccountName || pod.spec.serviceAccount) return "serviceaccounts";
  const references = podReferences(pod);
  if (references.secrets.size > 0) return "secrets";
  if (references.configMaps.size > 0) return "configmaps";
  if (pod.spec.resourceClaims?.length) return "resourceclaims";
  for (const volume of pod.spec.volumes ?? []) {
    const kind = referencedByVolume(volume);
    if (kind) return kind;
  }
  return undefined;
}

/** Sources a node can mount by itself; a kind that is not known here counts as one that needs the API. */
const ownSources: ReadonlySet<string> = new Set([
  ...[
    "awsElasticBlockStore",
    "azureDisk",
    "cephfs",
    "cinder",
    "downwardAPI",
    "emptyDir",
    "fc",
    "flexVolume",
    "flocker",
  ],
  ...["gcePersistentDisk", "gitRepo", "hostPath", "image", "iscsi", "nfs", "photonPersistentDisk", "portworxVolume"],
  ...["quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume"],
]);
const sourceKinds: Readonly<Record<string, string>> = {
  configMap: "configmaps (via configmap volumes)",
  secret: "secrets (via secret volumes)",
  csi: "csidrivers (via CSI volumes)",
  glusterfs: "endpoints (via glusterFS volumes)",
  persistentVolumeClaim: "persistentvolumeclaims",
  ephemeral: "persistentvolumeclaims (via ephemeral volumes)",
  azureFile: "secrets (via azureFile volumes)",
};
const projectedKinds: Readonly<Record<string, string>> = {
  configMap: "configmaps (via projected volumes)",
  secret: "secrets (via projected volumes)",
  serviceAccountToken: "serviceaccounts (via projected volumes)",
  clusterTrustBundle: "clustertrustbundles",
  podCertificate: "podcertificates",
};

function referencedByVolume(volume: Volume): string | undefined {
  for (const [source, value] of Object.entries(volume)) {
    if (source === "name" || value === undefined || ownSources.has(source)) continue;
    if (source !== "projected") return sourceKinds[source] ?? `unknown volume type for volume "${volume.name}"`;
    const projections = volume.projected?.sources?.flatMap((one) => Object.keys(one)) ?? [];
    const kind = projections.find((one) => one !== "downwardAPI");
    if (kind) return projectedKinds[kind] ?? `unknown source for projected volume "${volume.name}"`;
  }
  return undefined;
}
