/** The strategies of the kinds around pods, services and workloads, by their resource. */
import type { Strategy } from "../registry/strategy.ts";
import * as admission from "./admission-kinds.ts";
import { apiServiceStrategy } from "./api-service.ts";
import { certificateSigningRequestStrategy } from "./certificate-signing-request.ts";
import {
  csiDriverStrategy,
  csiNodeStrategy,
  csiStorageCapacityStrategy,
  volumeAttachmentStrategy,
} from "./csi-kinds.ts";
import { customResourceDefinitionStrategy } from "./custom-resource-definition.ts";
import { endpointSliceStrategy } from "./endpoint-slice.ts";
import { endpointsStrategy } from "./endpoints.ts";
import { eventStrategy } from "./event.ts";
import { flowSchemaStrategy, priorityLevelConfigurationStrategy } from "./flow-control.ts";
import { horizontalPodAutoscalerStrategy } from "./horizontal-pod-autoscaler.ts";
import { ingressClassStrategy, ingressStrategy } from "./ingress.ts";
import { leaseStrategy } from "./lease.ts";
import { networkPolicyStrategy } from "./network-policy.ts";
import { nodeStrategy } from "./node.ts";
import { persistentVolumeStrategy } from "./persistent-volume.ts";
import { persistentVolumeClaimStrategy } from "./persistent-volume-claim.ts";
import { podDisruptionBudgetStrategy } from "./pod-disruption-budget.ts";
import { priorityClassStrategy } from "./priority-class.ts";
import { clusterRoleBindingStrategy, clusterRoleStrategy, roleBindingStrategy, roleStrategy } from "./rbac.ts";
import { limitRangeStrategy, resourceQuotaStrategy } from "./resource-quota.ts";
import { runtimeClassStrategy } from "./runtime-class.ts";
import { ipAddressStrategy, serviceCIDRStrategy } from "./service-ranges.ts";
import { storageClassStrategy, volumeAttributesClassStrategy } from "./storage-class.ts";

export const otherStrategies: Readonly<Record<string, Strategy>> = {
  endpoints: endpointsStrategy as Strategy,
  events: eventStrategy as Strategy,
  limitranges: limitRangeStrategy as Strategy,
  nodes: nodeStrategy as Strategy,
  persistentvolumeclaims: persistentVolumeClaimStrategy as Strategy,
  persistentvolumes: persistentVolumeStrategy as Strategy,
  resourcequotas: resourceQuotaStrategy as Strategy,
  "mutatingadmissionpolicies.admissionregistration.k8s.io": admission.mutatingAdmissionPolicyStrategy as Strategy,
  "mutatingadmissionpolicybindings.admissionregistration.k8s.io":
    admission.mutatingAdmissionPolicyBindingStrategy as Strategy,
  "mutatingwebhookconfigurations.admissionregistration.k8s.io":
    admission.mutatingWebhookConfigurationStrategy as Strategy,
  "validatingadmissionpolicies.admissionregistration.k8s.io": admission.validatingAdmissionPolicyStrategy as Strategy,
  "validatingadmissionpolicybindings.admissionregistration.k8s.io":
    admission.validatingAdmissionPolicyBindingStrategy as Strategy,
  "validatingwebhookconfigurations.admissionregistration.k8s.io":
    admission.validatingWebhookConfigurationStrategy as Strategy,
  "customresourcedefinitions.apiextensions.k8s.io": customResourceDefinitionStrategy as Strategy,
  "apiservices.apiregistration.k8s.io": apiServiceStrategy as Strategy,
  "horizontalpodautoscalers.autoscaling": horizontalPodAutoscalerStrategy as Strategy,
  "certificatesigningrequests.certificates.k8s.io": certificateSigningRequestStrategy as Strategy,
  "leases.coordination.k8s.io": leaseStrategy as Strategy,
  "endpointslices.discovery.k8s.io": endpointSliceStrategy as Strategy,
  "flowschemas.flowcontrol.apiserver.k8s.io": flowSchemaStrategy as Strategy,
  "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": priorityLevelConfigurationStrategy as Strategy,
  "ingressclasses.networking.k8s.io": ingressClassStrategy as Strategy,
  "ingresses.networking.k8s.io": ingressStrategy as Strategy,
  "ipaddresses.networking.k8s.io": ipAddressStrategy as Strategy,
  "networkpolicies.networking.k8s.io": networkPolicyStrategy as Strategy,
  "servicecidrs.networking.k8s.io": serviceCIDRStrategy as Strategy,
  "runtimeclasses.node.k8s.io": runtimeClassStrategy as Strategy,
  "poddisruptionbudgets.policy": podDisruptionBudgetStrategy as Strategy,
  "clusterrolebindings.rbac.authorization.k8s.io": clusterRoleBindingStrategy as Strategy,
  "clusterroles.rbac.authorization.k8s.io": clusterRoleStrategy as Strategy,
  "rolebindings.rbac.authorization.k8s.io": roleBindingStrategy as Strategy,
  "roles.rbac.authorization.k8s.io": roleStrategy as Strategy,
  "priorityclasses.scheduling.k8s.io": priorityClassStrategy as Strategy,
  "csidrivers.storage.k8s.io": csiDriverStrategy as Strategy,
  "csinodes.storage.k8s.io": csiNodeStrategy as Strategy,
  "csistoragecapacities.storage.k8s.io": csiStorageCapacityStrategy as Strategy,
  "storageclasses.storage.k8s.io": storageClassStrategy as Strategy,
  "volumeattachments.storage.k8s.io": volumeAttachmentStrategy as Strategy,
  "volumeattributesclasses.storage.k8s.io": volumeAttributesClassStrategy as Strategy,
};
