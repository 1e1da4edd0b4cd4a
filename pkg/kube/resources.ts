/**
 * The resources clients talk about: where each is served and which type its objects have. A custom resource needs no entry
 * here; `resourceRef` makes one on the spot.
 */
import type * as admissionregistration from "#pkg/api/admissionregistration/v1.ts";
import type * as apiextensions from "#pkg/api/apiextensions/v1.ts";
import type * as apiregistration from "#pkg/api/apiregistration/v1.ts";
import type * as apps from "#pkg/api/apps/v1.ts";
import type * as authentication from "#pkg/api/authentication/v1.ts";
import type * as authorization from "#pkg/api/authorization/v1.ts";
import type * as autoscaling from "#pkg/api/autoscaling/v2.ts";
import type * as batch from "#pkg/api/batch/v1.ts";
import type * as certificates from "#pkg/api/certificates/v1.ts";
import type * as coordination from "#pkg/api/coordination/v1.ts";
import type * as core from "#pkg/api/core/v1.ts";
import type * as discovery from "#pkg/api/discovery/v1.ts";
import type * as flowcontrol from "#pkg/api/flowcontrol/v1.ts";
import { formatApiVersion, type KubeObject } from "#pkg/api/meta/object.ts";
import type * as networking from "#pkg/api/networking/v1.ts";
import type * as node from "#pkg/api/node/v1.ts";
import type * as policy from "#pkg/api/policy/v1.ts";
import type * as rbac from "#pkg/api/rbac/v1.ts";
import type * as resource from "#pkg/api/resource/v1.ts";
import type * as scheduling from "#pkg/api/scheduling/v1.ts";
import type * as storage from "#pkg/api/storage/v1.ts";

export interface ResourceRef<T extends KubeObject = KubeObject> {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  /** The name in URLs: `pods`. */
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set: it only carries the type of the objects. */
  readonly objectType?: T;
}

/** The type of the objects of a resource. */
export type ObjectOf<R extends ResourceRef> = R extends ResourceRef<infer T> ? T : never;

export type Scope = "Namespaced" | "Cluster";

export function resourceRef<T extends KubeObject = KubeObject>(
  group: string,
  version: string,
  plural: string,
  kind: string,
  scope: Scope,
): ResourceRef<T> {
  return { group, version, plural, kind, namespaced: scope === "Namespaced" };
}

/** The path of a collection, of one object in it, or of a subresource: `/apis/apps/v1/namespaces/a/deployments/b/status`. */
export function resourcePath(ref: ResourceRef, namespace?: string, name?: string, subresource?: string): string {
  const root = ref.group === "" ? "/api" : "/apis";
  const parts = [root, formatApiVersion(ref)];
  if (ref.namespaced && namespace) parts.push("namespaces", encodeURIComponent(namespace));
  parts.push(ref.plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource !== undefined) parts.push(subresource);
  return parts.join("/");
}

/** `apps/v1/deployments`: one text per resource, usable as a map key. */
export function resourceKey(ref: ResourceRef): string {
  return `${formatApiVersion(ref)}/${ref.plural}`;
}

const namespaced = <T extends KubeObject>(group: string, version: string, plural: string, kind: string) =>
  resourceRef<T>(group, version, plural, kind, "Namespaced");
const cluster = <T extends KubeObject>(group: string, version: string, plural: string, kind: string) =>
  resourceRef<T>(group, version, plural, kind, "Cluster");

const coreResources = {
  configMaps: namespaced<core.ConfigMap>("", "v1", "configmaps", "ConfigMap"),
  endpoints: namespaced<core.Endpoints>("", "v1", "endpoints", "Endpoints"),
  events: namespaced<core.Event>("", "v1", "events", "Event"),
  limitRanges: namespaced<core.LimitRange>("", "v1", "limitranges", "LimitRange"),
  namespaces: cluster<core.Namespace>("", "v1", "namespaces", "Namespace"),
  nodes: cluster<core.Node>("", "v1", "nodes", "Node"),
  persistentVolumeClaims: namespaced<core.PersistentVolumeClaim>(
    "",
    "v1",
    "persistentvolumeclaims",
    "PersistentVolumeClaim",
  ),
  persistentVolumes: cluster<core.PersistentVolume>("", "v1", "persistentvolumes", "PersistentVolume"),
  pods: namespaced<core.Pod>("", "v1", "pods", "Pod"),
  podTemplates: namespaced<core.PodTemplate>("", "v1", "podtemplates", "PodTemplate"),
  replicationControllers: namespaced<core.ReplicationController>(
    "",
    "v1",
    "replicationcontrollers",
    "ReplicationController",
  ),
  resourceQuotas: namespaced<core.ResourceQuota>("", "v1", "resourcequotas", "ResourceQuota"),
  secrets: namespaced<core.Secret>("", "v1", "secrets", "Secret"),
  serviceAccounts: namespaced<core.ServiceAccount>("", "v1", "serviceaccounts", "ServiceAccount"),
  services: namespaced<core.Service>("", "v1", "services", "Service"),
};

const workloadResources = {
  controllerRevisions: namespaced<apps.ControllerRevision>("apps", "v1", "controllerrevisions", "ControllerRevision"),
  daemonSets: namespaced<apps.DaemonSet>("apps", "v1", "daemonsets", "DaemonSet"),
  deployments: namespaced<apps.Deployment>("apps", "v1", "deployments", "Deployment"),
  replicaSets: namespaced<apps.ReplicaSet>("apps", "v1", "replicasets", "ReplicaSet"),
  statefulSets: namespaced<apps.StatefulSet>("apps", "v1", "statefulsets", "StatefulSet"),
  cronJobs: namespaced<batch.CronJob>("batch", "v1", "cronjobs", "CronJob"),
  jobs: namespaced<batch.Job>("batch", "v1", "jobs", "Job"),
  horizontalPodAutoscalers: namespaced<autoscaling.HorizontalPodAutoscaler>(
    "autoscaling",
    "v2",
    "horizontalpodautoscalers",
    "HorizontalPodAutoscaler",
  ),
  podDisruptionBudgets: namespaced<policy.PodDisruptionBudget>(
    "policy",
    "v1",
    "poddisruptionbudgets",
    "PodDisruptionBudget",
  ),
  priorityClasses: cluster<scheduling.PriorityClass>("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass"),
  runtimeClasses: cluster<node.RuntimeClass>("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass"),
  leases: namespaced<coordination.Lease>("coordination.k8s.io", "v1", "leases", "Lease"),
};

const networkResources = {
  endpointSlices: namespaced<discovery.EndpointSlice>("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
  ingressClasses: cluster<networking.IngressClass>("networking.k8s.io", "v1", "ingressclasses", "IngressClass"),
  ingresses: namespaced<networking.Ingress>("networking.k8s.io", "v1", "ingresses", "Ingress"),
  ipAddresses: cluster<networking.IPAddress>("networking.k8s.io", "v1", "ipaddresses", "IPAddress"),
  networkPolicies: namespaced<networking.NetworkPolicy>("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
  serviceCIDRs: cluster<networking.ServiceCIDR>("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR"),
};

const storageResources = {
  csiDrivers: cluster<storage.CSIDriver>("storage.k8s.io", "v1", "csidrivers", "CSIDriver"),
  csiNodes: cluster<storage.CSINode>("storage.k8s.io", "v1", "csinodes", "CSINode"),
  csiStorageCapacities: namespaced<storage.CSIStorageCapacity>(
    "storage.k8s.io",
    "v1",
    "csistoragecapacities",
    "CSIStorageCapacity",
  ),
  storageClasses: cluster<storage.StorageClass>("storage.k8s.io", "v1", "storageclasses", "StorageClass"),
  volumeAttachments: cluster<storage.VolumeAttachment>("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment"),
  volumeAttributesClasses: cluster<storage.VolumeAttributesClass>(
    "storage.k8s.io",
    "v1",
    "volumeattributesclasses",
    "VolumeAttributesClass",
  ),
  deviceClasses: cluster<resource.DeviceClass>("resource.k8s.io", "v1", "deviceclasses", "DeviceClass"),
  resourceClaims: namespaced<resource.ResourceClaim>("resource.k8s.io", "v1", "resourceclaims", "ResourceClaim"),
  resourceClaimTemplates: namespaced<resource.ResourceClaimTemplate>(
    "resource.k8s.io",
    "v1",
    "resourceclaimtemplates",
    "ResourceClaimTemplate",
  ),
  resourceSlices: cluster<resource.ResourceSlice>("resource.k8s.io", "v1", "resourceslices", "ResourceSlice"),
};

const policyResources = {
  clusterRoleBindings: cluster<rbac.ClusterRoleBinding>(
    "rbac.authorization.k8s.io",
    "v1",
    "clusterrolebindings",
    "ClusterRoleBinding",
  ),
  clusterRoles: cluster<rbac.ClusterRole>("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole"),
  roleBindings: namespaced<rbac.RoleBinding>("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
  roles: namespaced<rbac.Role>("rbac.authorization.k8s.io", "v1", "roles", "Role"),
  certificateSigningRequests: cluster<certificates.CertificateSigningRequest>(
    "certificates.k8s.io",
    "v1",
    "certificatesigningrequests",
    "CertificateSigningRequest",
  ),
  flowSchemas: cluster<flowcontrol.FlowSchema>("flowcontrol.apiserver.k8s.io", "v1", "flowschemas", "FlowSchema"),
  priorityLevelConfigurations: cluster<flowcontrol.PriorityLevelConfiguration>(
    "flowcontrol.apiserver.k8s.io",
    "v1",
    "prioritylevelconfigurations",
    "PriorityLevelConfiguration",
  ),
};

const extensionResources = {
  customResourceDefinitions: cluster<apiextensions.CustomResourceDefinition>(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
  ),
  apiServices: cluster<apiregistration.APIService>("apiregistration.k8s.io", "v1", "apiservices", "APIService"),
  mutatingWebhookConfigurations: cluster<admissionregistration.MutatingWebhookConfiguration>(
    "admissionregistration.k8s.io",
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
  ),
  validatingWebhookConfigurations: cluster<admissionregistration.ValidatingWebhookConfiguration>(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
  ),
  validatingAdmissionPolicies: cluster<admissionregistration.ValidatingAdmissionPolicy>(
    "admissionregistration.k8s.io",
    "v1",
    "validatingadmissionpolicies",
    "ValidatingAdmissionPolicy",
  ),
  validatingAdmissionPolicyBindings: cluster<admissionregistration.ValidatingAdmissionPolicyBinding>(
    "admissionregistration.k8s.io",
    "v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
  ),
  mutatingAdmissionPolicies: cluster<admissionregistration.MutatingAdmissionPolicy>(
    "admissionregistration.k8s.io",
    "v1",
    "mutatingadmissionpolicies",
    "MutatingAdmissionPolicy",
  ),
  mutatingAdmissionPolicyBindings: cluster<admissionregistration.MutatingAdmissionPolicyBinding>(
    "admissionregistration.k8s.io",
    "v1",
    "mutatingadmissionpolicybindings",
    "MutatingAdmissionPolicyBinding",
  ),
};

/** Questions to the server: they are created, answered in their status, and never stored. */
const reviewResources = {
  tokenReviews: cluster<authentication.TokenReview>("authentication.k8s.io", "v1", "tokenreviews", "TokenReview"),
  selfSubjectReviews: cluster<authentication.SelfSubjectReview>(
    "authentication.k8s.io",
    "v1",
    "selfsubjectreviews",
    "SelfSubjectReview",
  ),
  localSubjectAccessReviews: namespaced<authorization.LocalSubjectAccessReview>(
    "authorization.k8s.io",
    "v1",
    "localsubjectaccessreviews",
    "LocalSubjectAccessReview",
  ),
  selfSubjectAccessReviews: cluster<authorization.SelfSubjectAccessReview>(
    "authorization.k8s.io",
    "v1",
    "selfsubjectaccessreviews",
    "SelfSubjectAccessReview",
  ),
  selfSubjectRulesReviews: cluster<authorization.SelfSubjectRulesReview>(
    "authorization.k8s.io",
    "v1",
    "selfsubjectrulesreviews",
    "SelfSubjectRulesReview",
  ),
  subjectAccessReviews: cluster<authorization.SubjectAccessReview>(
    "authorization.k8s.io",
    "v1",
    "subjectaccessreviews",
    "SubjectAccessReview",
  ),
};

/** Every built-in resource by the name of its accessor on the client. */
export const resources = {
  ...coreResources,
  ...workloadResources,
  ...networkResources,
  ...storageResources,
  ...policyResources,
  ...extensionResources,
  ...reviewResources,
};
