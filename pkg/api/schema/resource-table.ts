/**
 * The facts behind resources.ts, group by group in the order discovery lists them: names, scope, short names, subresources,
 * where objects are stored, and how PUT behaves. What most resources have in common is left out and filled in there.
 */
import type { GroupVersionKind } from "../meta/object.ts";

export interface SubresourceRow {
  readonly verbs: readonly string[];
  /** When it differs from the kind of the resource. */
  readonly kind?: GroupVersionKind;
}

export interface ResourceRow {
  readonly kind: string;
  readonly plural: string;
  /** Default: the kind in lower case. */
  readonly singular?: string;
  readonly clusterScoped?: true;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Default: all eight. */
  readonly verbs?: readonly string[];
  readonly subresources?: Readonly<Record<string, SubresourceRow>>;
  /** Below "/registry/"; default: the plural. */
  readonly storagePrefix?: string;
  /** When objects are stored in the form of another kind or version. */
  readonly storedAs?: GroupVersionKind;
  /** Nothing of it is ever stored. */
  readonly virtual?: true;
  /** PUT of a name that is not there creates it. Default: no. */
  readonly createOnUpdate?: true;
  /** PUT without a resourceVersion is refused. Default: it overwrites. */
  readonly conditionalUpdate?: true;
}

export interface GroupVersionRows {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly ResourceRow[];
}

const readWrite: SubresourceRow = { verbs: ["get", "patch", "update"] };
const status = { status: readWrite };
const scale = { scale: { ...readWrite, kind: { group: "autoscaling", version: "v1", kind: "Scale" } } };
const createOnly = ["create"];
const proxyVerbs = ["create", "delete", "get", "patch", "update"];
const core = (kind: string): GroupVersionKind => ({ group: "", version: "v1", kind });
const all = ["all"];
const extension = { clusterScoped: true, categories: ["api-extensions"], conditionalUpdate: true } as const;

const coreV1: readonly ResourceRow[] = [
  { kind: "Binding", plural: "bindings", verbs: createOnly, virtual: true },
  {
    kind: "ComponentStatus",
    plural: "componentstatuses",
    clusterScoped: true,
    shortNames: ["cs"],
    verbs: ["get", "list"],
    virtual: true,
  },
  { kind: "ConfigMap", plural: "configmaps", shortNames: ["cm"] },
  {
    kind: "Endpoints",
    plural: "endpoints",
    shortNames: ["ep"],
    storagePrefix: "services/endpoints",
    createOnUpdate: true,
  },
  { kind: "Event", plural: "events", shortNames: ["ev"], createOnUpdate: true },
  { kind: "LimitRange", plural: "limitranges", shortNames: ["limits"], createOnUpdate: true },
  {
    kind: "Namespace",
    plural: "namespaces",
    clusterScoped: true,
    shortNames: ["ns"],
    verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
    subresources: { finalize: { verbs: ["update"] }, ...status },
  },
  {
    kind: "Node",
    plural: "nodes",
    clusterScoped: true,
    shortNames: ["no"],
    subresources: { proxy: { verbs: proxyVerbs, kind: core("NodeProxyOptions") }, ...status },
    storagePrefix: "minions",
  },
  { kind: "PersistentVolumeClaim", plural: "persistentvolumeclaims", shortNames: ["pvc"], subresources: status },
  {
    kind: "PersistentVolume",
    plural: "persistentvolumes",
    clusterScoped: true,
    shortNames: ["pv"],
    subresources: status,
  },
  {
    kind: "Pod",
    plural: "pods",
    shortNames: ["po"],
    categories: all,
    subresources: {
      attach: { verbs: ["create", "get"], kind: core("PodAttachOptions") },
      binding: { verbs: createOnly, kind: core("Binding") },
      ephemeralcontainers: readWrite,
      eviction: { verbs: createOnly, kind: { group: "policy", version: "v1", kind: "Eviction" } },
      exec: { verbs: ["create", "get"], kind: core("PodExecOptions") },
      log: { verbs: ["get"] },
      portforward: { verbs: ["create", "get"], kind: core("PodPortForwardOptions") },
      proxy: { verbs: proxyVerbs, kind: core("PodProxyOptions") },
      resize: readWrite,
      ...status,
    },
  },
  { kind: "PodTemplate", plural: "podtemplates" },
  {
    kind: "ReplicationController",
    plural: "replicationcontrollers",
    shortNames: ["rc"],
    categories: all,
    subresources: { ...scale, ...status },
    storagePrefix: "controllers",
  },
  { kind: "ResourceQuota", plural: "resourcequotas", shortNames: ["quota"], subresources: status },
  { kind: "Secret", plural: "secrets" },
  {
    kind: "ServiceAccount",
    plural: "serviceaccounts",
    shortNames: ["sa"],
    subresources: {
      token: { verbs: createOnly, kind: { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" } },
    },
  },
  {
    kind: "Service",
    plural: "services",
    shortNames: ["svc"],
    categories: all,
    subresources: { proxy: { verbs: proxyVerbs, kind: core("ServiceProxyOptions") }, ...status },
    storagePrefix: "services/specs",
    createOnUpdate: true,
  },
];

const appsV1: readonly ResourceRow[] = [
  { kind: "ControllerRevision", plural: "controllerrevisions" },
  { kind: "DaemonSet", plural: "daemonsets", shortNames: ["ds"], categories: all, subresources: status },
  {
    kind: "Deployment",
    plural: "deployments",
    shortNames: ["deploy"],
    categories: all,
    subresources: { ...scale, ...status },
  },
  {
    kind: "ReplicaSet",
    plural: "replicasets",
    shortNames: ["rs"],
    categories: all,
    subresources: { ...scale, ...status },
  },
  {
    kind: "StatefulSet",
    plural: "statefulsets",
    shortNames: ["sts"],
    categories: all,
    subresources: { ...scale, ...status },
  },
];

const horizontalPodAutoscaler: ResourceRow = {
  kind: "HorizontalPodAutoscaler",
  plural: "horizontalpodautoscalers",
  shortNames: ["hpa"],
  categories: all,
  subresources: status,
};

const review = (kind: string): ResourceRow => ({
  kind,
  plural: `${kind.toLowerCase()}s`,
  clusterScoped: true,
  verbs: createOnly,
  virtual: true,
});

/** In the order of discovery; of a group with more than one version, the preferred one comes first. */
export const groupVersionRows: readonly GroupVersionRows[] = [
  { group: "", version: "v1", resources: coreV1 },
  {
    group: "apiregistration.k8s.io",
    version: "v1",
    resources: [
      {
        ...extension,
        kind: "APIService",
        plural: "apiservices",
        subresources: status,
        storagePrefix: "apiregistration.k8s.io/apiservices",
      },
    ],
  },
  { group: "apps", version: "v1", resources: appsV1 },
  {
    group: "events.k8s.io",
    version: "v1",
    resources: [{ kind: "Event", plural: "events", shortNames: ["ev"], storedAs: core("Event"), createOnUpdate: true }],
  },
  {
    group: "authentication.k8s.io",
    version: "v1",
    resources: [review("SelfSubjectReview"), review("TokenReview")],
  },
  {
    group: "authorization.k8s.io",
    version: "v1",
    resources: [
      { kind: "LocalSubjectAccessReview", plural: "localsubjectaccessreviews", verbs: createOnly, virtual: true },
      review("SelfSubjectAccessReview"),
      review("SelfSubjectRulesReview"),
      review("SubjectAccessReview"),
    ],
  },
  { group: "autoscaling", version: "v2", resources: [horizontalPodAutoscaler] },
  {
    group: "autoscaling",
    version: "v1",
    resources: [
      {
        ...horizontalPodAutoscaler,
        storedAs: { group: "autoscaling", version: "v2", kind: "HorizontalPodAutoscaler" },
      },
    ],
  },
  {
    group: "batch",
    version: "v1",
    resources: [
      { kind: "CronJob", plural: "cronjobs", shortNames: ["cj"], categories: all, subresources: status },
      { kind: "Job", plural: "jobs", categories: all, subresources: status },
    ],
  },
  {
    group: "certificates.k8s.io",
    version: "v1",
    resources: [
      {
        kind: "CertificateSigningRequest",
        plural: "certificatesigningrequests",
        clusterScoped: true,
        shortNames: ["csr"],
        subresources: { approval: readWrite, ...status },
      },
    ],
  },
  {
    group: "networking.k8s.io",
    version: "v1",
    resources: [
      { kind: "IngressClass", plural: "ingressclasses", clusterScoped: true },
      {
        kind: "Ingress",
        plural: "ingresses",
        shortNames: ["ing"],
        subresources: status,
        storagePrefix: "ingress",
      },
      { kind: "IPAddress", plural: "ipaddresses", clusterScoped: true, shortNames: ["ip"] },
      { kind: "NetworkPolicy", plural: "networkpolicies", shortNames: ["netpol"] },
      { kind: "ServiceCIDR", plural: "servicecidrs", clusterScoped: true, subresources: status },
    ],
  },
  {
    group: "policy",
    version: "v1",
    resources: [
      {
        kind: "PodDisruptionBudget",
        plural: "poddisruptionbudgets",
        shortNames: ["pdb"],
        subresources: status,
        conditionalUpdate: true,
      },
    ],
  },
  {
    group: "rbac.authorization.k8s.io",
    version: "v1",
    resources: [
      { kind: "ClusterRoleBinding", plural: "clusterrolebindings", clusterScoped: true, createOnUpdate: true },
      { kind: "ClusterRole", plural: "clusterroles", clusterScoped: true, createOnUpdate: true },
      { kind: "RoleBinding", plural: "rolebindings", createOnUpdate: true },
      { kind: "Role", plural: "roles", createOnUpdate: true },
    ],
  },
  {
    group: "storage.k8s.io",
    version: "v1",
    resources: [
      { kind: "CSIDriver", plural: "csidrivers", clusterScoped: true, conditionalUpdate: true },
      { kind: "CSINode", plural: "csinodes", clusterScoped: true, conditionalUpdate: true },
      { kind: "CSIStorageCapacity", plural: "csistoragecapacities", conditionalUpdate: true },
      { kind: "StorageClass", plural: "storageclasses", clusterScoped: true, shortNames: ["sc"] },
      {
        kind: "VolumeAttachment",
        plural: "volumeattachments",
        clusterScoped: true,
        subresources: status,
        conditionalUpdate: true,
      },
      { kind: "VolumeAttributesClass", plural: "volumeattributesclasses", clusterScoped: true, shortNames: ["vac"] },
    ],
  },
  {
    group: "admissionregistration.k8s.io",
    version: "v1",
    resources: [
      { ...extension, kind: "MutatingAdmissionPolicy", plural: "mutatingadmissionpolicies" },
      { ...extension, kind: "MutatingAdmissionPolicyBinding", plural: "mutatingadmissionpolicybindings" },
      { ...extension, kind: "MutatingWebhookConfiguration", plural: "mutatingwebhookconfigurations" },
      {
        ...extension,
        kind: "ValidatingAdmissionPolicy",
        plural: "validatingadmissionpolicies",
        subresources: status,
      },
      { ...extension, kind: "ValidatingAdmissionPolicyBinding", plural: "validatingadmissionpolicybindings" },
      { ...extension, kind: "ValidatingWebhookConfiguration", plural: "validatingwebhookconfigurations" },
    ],
  },
  {
    group: "apiextensions.k8s.io",
    version: "v1",
    resources: [
      {
        ...extension,
        kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions",
        shortNames: ["crd", "crds"],
        subresources: status,
        storagePrefix: "apiextensions.k8s.io/customresourcedefinitions",
      },
    ],
  },
  {
    group: "scheduling.k8s.io",
    version: "v1",
    resources: [{ kind: "PriorityClass", plural: "priorityclasses", clusterScoped: true, shortNames: ["pc"] }],
  },
  {
    group: "coordination.k8s.io",
    version: "v1",
    resources: [{ kind: "Lease", plural: "leases", createOnUpdate: true, conditionalUpdate: true }],
  },
  {
    group: "node.k8s.io",
    version: "v1",
    resources: [
      {
        kind: "RuntimeClass",
        plural: "runtimeclasses",
        clusterScoped: true,
        createOnUpdate: true,
        conditionalUpdate: true,
      },
    ],
  },
  {
    group: "discovery.k8s.io",
    version: "v1",
    resources: [{ kind: "EndpointSlice", plural: "endpointslices" }],
  },
  {
    group: "flowcontrol.apiserver.k8s.io",
    version: "v1",
    resources: [
      { kind: "FlowSchema", plural: "flowschemas", clusterScoped: true, subresources: status },
      {
        kind: "PriorityLevelConfiguration",
        plural: "prioritylevelconfigurations",
        clusterScoped: true,
        subresources: status,
      },
    ],
  },
  {
    group: "resource.k8s.io",
    version: "v1",
    resources: [
      { kind: "DeviceClass", plural: "deviceclasses", clusterScoped: true },
      { kind: "ResourceClaim", plural: "resourceclaims", subresources: status },
      { kind: "ResourceClaimTemplate", plural: "resourceclaimtemplates" },
      { kind: "ResourceSlice", plural: "resourceslices", clusterScoped: true },
    ],
  },
];
