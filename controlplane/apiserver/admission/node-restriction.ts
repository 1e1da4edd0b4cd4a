/**
 * NodeRestriction: looks at what a kubelet writes, where the node authorizer could only look at the request. A node writes
 * its own node, lease and CSINode, reports on pods bound to it, makes mirror pods that reach nothing, and asks for tokens
 * of its pods' accounts.
 */

import type { CertificateSigningRequest } from "#pkg/api/certificates/v1.ts";
import type { Node } from "#pkg/api/core/v1.ts";
import { nodeNameOf } from "../authn/user-names.ts";
import type { Authorizer } from "../authz/authorizer.ts";
import { equalJson } from "../registry/equal-json.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { refuse } from "./attributes.ts";
import { readRequest } from "./certificates.ts";
import { forbiddenNodeLabels } from "./node-labels.ts";
import { NodePodRestriction } from "./node-pod-restriction.ts";
import { NodeTokenRestriction } from "./node-token-restriction.ts";

type Judge = (nodeName: string, attributes: AdmissionAttributes) => void | Promise<void>;

export function nodeRestriction(reader: ObjectReader, authorizer: Authorizer): AdmissionPlugin {
  const pods = new NodePodRestriction(reader);
  const tokens = new NodeTokenRestriction(reader, authorizer);
  /** By "resource.group". */
  const judges: Readonly<Record<string, Judge>> = {
    "pods.": (nodeName, attributes) => pods.judge(nodeName, attributes),
    "nodes.": judgeNode,
    "persistentvolumeclaims.": judgeClaim,
    "serviceaccounts.": (nodeName, attributes) => tokens.judge(nodeName, attributes),
    "leases.coordination.k8s.io": judgeLease,
    "csinodes.storage.k8s.io": (nodeName, attributes) => checkOwnName(nodeName, attributes, "CSINode"),
    "resourceslices.resource.k8s.io": judgeSlice,
    "certificatesigningrequests.certificates.k8s.io": judgeRequest,
  };
  const judgeOf = ({ resource }: AdmissionAttributes) => judges[`${resource.resource}.${resource.group}`];
  return {
    name: "NodeRestriction",
    handles: (attributes) =>
      attributes.operation !== "CONNECT" &&
      nodeNameOf(attributes.user) !== undefined &&
      judgeOf(attributes) !== undefined,
    async mutate(attributes) {
      const nodeName = nodeNameOf(attributes.user) ?? "";
      if (nodeName === "") {
        throw refuse(attributes, `could not determine node from user ${JSON.stringify(attributes.user.name)}`);
      }
      await judgeOf(attributes)?.(nodeName, attributes);
    },
  };
}

function judgeNode(nodeName: string, attributes: AdmissionAttributes): void {
  const { name, operation } = attributes;
  if (name !== nodeName) throw refuse(attributes, `node "${nodeName}" is not allowed to modify node "${name}"`);
  const node = attributes.object as Node | undefined;
  if (operation === "CREATE" && node) {
    if (node.spec?.configSource) {
      throw refuse(attributes, `node "${nodeName}" is not allowed to create pods with a non-nil configSource`);
    }
    const labels = forbiddenNodeLabels(node.metadata.labels, undefined);
    if (labels.length === 0) return;
    throw refuse(attributes, `node "${nodeName}" is not allowed to set the following labels: ${labels.join(", ")}`);
  }
  if (operation === "UPDATE" && node) judgeNodeUpdate(nodeName, attributes, node, attributes.oldObject as Node);
}

function judgeNodeUpdate(nodeName: string, attributes: AdmissionAttributes, node: Node, old: Node): void {
  if (node.spec?.configSource && !equalJson(node.spec.configSource, old.spec?.configSource)) {
    throw refuse(attributes, `node "${nodeName}" is not allowed to update configSource to a new non-nil configSource`);
  }
  // Either would let a node draw pods to itself that were not meant for it.
  if (!equalJson(node.spec?.taints ?? [], old.spec?.taints ?? [])) {
    throw refuse(attributes, `node "${nodeName}" is not allowed to modify taints`);
  }
  if (!equalJson(node.metadata.ownerReferences ?? [], old.metadata.ownerReferences ?? [])) {
    throw refuse(attributes, `node "${nodeName}" is not allowed to modify ownerReferences`);
  }
  const labels = forbiddenNodeLabels(node.metadata.labels, old.metadata.labels);
  if (labels.length > 0) throw refuse(attributes, `is not allowed to modify labels: ${labels.join(", ")}`);
}

function judgeClaim(nodeName: string, attributes: AdmissionAttributes): void {
  if (attributes.subresource !== "status") throw refuse(attributes, "may only update PVC status");
  if (attributes.operation !== "UPDATE") throw refuse(attributes, `unexpected operation "${attributes.operation}"`);
  if (equalJson(withoutResizeStatus(attributes.object), withoutResizeStatus(attributes.oldObject))) return;
  const why = `node "${nodeName}" is not allowed to update fields other than status.quantity and status.conditions`;
  throw refuse(attributes, why);
}

/** A claim without what its node reports while it grows the volume. */
function withoutResizeStatus(claim: AdmissionAttributes["object"]): unknown {
  const { resourceVersion: _version, managedFields: _fields, ...metadata } = claim?.metadata ?? {};
  const status = (claim?.["status"] ?? {}) as Readonly<Record<string, unknown>>;
  const reported = ["capacity", "conditions", "allocatedResources", "allocatedResourceStatuses"];
  const rest = Object.fromEntries(Object.entries(status).filter(([name]) => !reported.includes(name)));
  return { ...claim, metadata, status: rest };
}

function judgeLease(nodeName: string, attributes: AdmissionAttributes): void {
  if (attributes.namespace !== "kube-node-lease") {
    throw refuse(attributes, 'can only access leases in the "kube-node-lease" system namespace');
  }
  const name = attributes.operation === "CREATE" ? attributes.object?.metadata.name : attributes.name;
  if (name === nodeName) return;
  throw refuse(attributes, "can only access node lease with the same name as the requesting node");
}

function checkOwnName(nodeName: string, attributes: AdmissionAttributes, kind: string): void {
  const name = attributes.operation === "CREATE" ? attributes.object?.metadata.name : attributes.name;
  if (name !== nodeName) throw refuse(attributes, `can only access ${kind} with the same name as the requesting node`);
}

function judgeSlice(nodeName: string, attributes: AdmissionAttributes): void {
  const { operation } = attributes;
  if (operation !== "CREATE" && operation !== "DELETE") return;
  const slice = operation === "CREATE" ? attributes.object : attributes.oldObject;
  if ((slice?.["spec"] as { nodeName?: string } | undefined)?.nodeName === nodeName) return;
  const verb = operation === "CREATE" ? "create" : "delete";
  throw refuse(attributes, `can only ${verb} ResourceSlice with the same NodeName as the requesting node`);
}

const nodeSigners = ["kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet"];

async function judgeRequest(nodeName: string, attributes: AdmissionAttributes): Promise<void> {
  if (attributes.operation !== "CREATE") return;
  const { spec } = attributes.object as CertificateSigningRequest;
  if (!nodeSigners.includes(spec.signerName)) return;
  const { commonName } = await readRequest(attributes, spec.request, "unable to parse csr");
  if (commonName === `system:node:${nodeName}`) return;
  throw refuse(attributes, `can only create a node CSR with CN=system:node:${nodeName}`);
}
