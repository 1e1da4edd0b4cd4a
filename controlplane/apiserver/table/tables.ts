/**
 * Tables of all built-in kinds: what `kubectl get` shows. Rows are worked out one object at a time; ages in them are as of
 * the time given, so that cells are not to be kept.
 * Column names and the contents of cells are upstream's, because people and scripts read them.
 */
import * as autoscalers from "./autoscaler-table.ts";
import { nameOf } from "./cell-text.ts";
import * as cluster from "./cluster-tables.ts";
import * as network from "./network-tables.ts";
import * as pods from "./pod-tables.ts";
import * as policy from "./policy-tables.ts";
import * as storage from "./storage-tables.ts";
import { type Cell, defineTable, type Row, type TableColumn, type TableKind } from "./table-kind.ts";
import * as workloads from "./workload-tables.ts";

export type { Cell, TableColumn, TableKind } from "./table-kind.ts";

/** For kinds without a table of their own: roles, limit ranges, custom resource definitions. */
const defaultTable = defineTable("Name | Created At:date", (object) => [
  nameOf(object),
  object.metadata.creationTimestamp ?? null,
]);

/** By group, then kind. */
const tables: Readonly<Record<string, Readonly<Record<string, TableKind>>>> = {
  "": {
    ComponentStatus: cluster.componentStatusTable,
    ConfigMap: cluster.configMapTable,
    Endpoints: network.endpointsTable,
    Event: cluster.coreEventTable,
    Namespace: cluster.namespaceTable,
    Node: cluster.nodeTable,
    PersistentVolume: storage.persistentVolumeTable,
    PersistentVolumeClaim: storage.persistentVolumeClaimTable,
    Pod: pods.podTable,
    PodTemplate: pods.podTemplateTable,
    ReplicationController: workloads.replicationControllerTable,
    ResourceQuota: cluster.resourceQuotaTable,
    Secret: cluster.secretTable,
    Service: network.serviceTable,
    ServiceAccount: cluster.serviceAccountTable,
  },
  apps: {
    ControllerRevision: workloads.controllerRevisionTable,
    DaemonSet: workloads.daemonSetTable,
    Deployment: workloads.deploymentTable,
    ReplicaSet: workloads.replicaSetTable,
    StatefulSet: workloads.statefulSetTable,
  },
  "admissionregistration.k8s.io": {
    MutatingAdmissionPolicy: policy.mutatingPolicyTable,
    MutatingAdmissionPolicyBinding: policy.policyBindingTable,
    MutatingWebhookConfiguration: policy.webhookTable,
    ValidatingAdmissionPolicy: policy.validatingPolicyTable,
    ValidatingAdmissionPolicyBinding: policy.policyBindingTable,
    ValidatingWebhookConfiguration: policy.webhookTable,
  },
  "apiregistration.k8s.io": { APIService: policy.apiServiceTable },
  autoscaling: { HorizontalPodAutoscaler: autoscalers.autoscalerTable, Scale: workloads.scaleTable },
  batch: { CronJob: workloads.cronJobTable, Job: workloads.jobTable },
  "certificates.k8s.io": { CertificateSigningRequest: policy.certificateSigningRequestTable },
  "coordination.k8s.io": { Lease: cluster.leaseTable },
  "discovery.k8s.io": { EndpointSlice: network.endpointSliceTable },
  "events.k8s.io": { Event: cluster.eventsEventTable },
  "flowcontrol.apiserver.k8s.io": {
    FlowSchema: policy.flowSchemaTable,
    PriorityLevelConfiguration: policy.priorityLevelTable,
  },
  "networking.k8s.io": {
    IPAddress: network.ipAddressTable,
    Ingress: network.ingressTable,
    IngressClass: network.ingressClassTable,
    NetworkPolicy: network.networkPolicyTable,
    ServiceCIDR: network.serviceCidrTable,
  },
  "node.k8s.io": { RuntimeClass: cluster.runtimeClassTable },
  policy: { PodDisruptionBudget: workloads.podDisruptionBudgetTable },
  "rbac.authorization.k8s.io": {
    ClusterRoleBinding: policy.roleBindingTable,
    RoleBinding: policy.roleBindingTable,
  },
  "resource.k8s.io": {
    DeviceClass: policy.nameAndAgeTable,
    ResourceClaim: policy.resourceClaimTable,
    ResourceClaimTemplate: policy.nameAndAgeTable,
    ResourceSlice: policy.resourceSliceTable,
  },
  "scheduling.k8s.io": { PriorityClass: cluster.priorityClassTable },
  "storage.k8s.io": {
    CSIDriver: storage.csiDriverTable,
    CSINode: storage.csiNodeTable,
    CSIStorageCapacity: storage.csiStorageCapacityTable,
    StorageClass: storage.storageClassTable,
    VolumeAttachment: storage.volumeAttachmentTable,
    VolumeAttributesClass: storage.volumeAttributesClassTable,
  },
};

export interface TableKey {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** The table of a kind in a version; the one with name and time of creation for kinds that have none of their own. */
export function tableOfKind({ group, version, kind }: TableKey): TableKind {
  if (group === "autoscaling" && version === "v1" && kind === "HorizontalPodAutoscaler")
    return autoscalers.autoscalerV1Table;
  const ofGroup = Object.hasOwn(tables, group) ? tables[group] : undefined;
  return (ofGroup && Object.hasOwn(ofGroup, kind) ? ofGroup[kind] : undefined) ?? defaultTable;
}

export function tableColumns(key: TableKey): readonly TableColumn[] {
  return tableOfKind(key).columns;
}

/** The cells of an object, one per column; `nowMs` is what ages count from. */
export function tableRow(key: TableKey, object: Row, nowMs: number): readonly Cell[] {
  return tableOfKind(key).cells(object, nowMs);
}

/** The table of a kind with a clock of its own, as the handlers want it. */
export function tableConverter(
  key: TableKey,
  clock: { now(): number },
): { readonly columns: readonly TableColumn[]; cells(object: Row): readonly Cell[] } {
  const table = tableOfKind(key);
  return { columns: table.columns, cells: (object) => table.cells(object, clock.now()) };
}
