/**
 * Defaults of the remaining groups. Source: pkg/apis/<group>/<version>/defaults.go and the defaults of
 * apiextensions-apiserver and kube-aggregator (v1.36).
 */
import type * as admission from "#pkg/api/admissionregistration/v1.ts";
import type * as apiextensions from "#pkg/api/apiextensions/v1.ts";
import type * as autoscaling1 from "#pkg/api/autoscaling/v1.ts";
import type * as autoscaling from "#pkg/api/autoscaling/v2.ts";
import type * as discovery from "#pkg/api/discovery/v1.ts";
import type * as flowcontrol from "#pkg/api/flowcontrol/v1.ts";
import type * as networking from "#pkg/api/networking/v1.ts";
import type * as rbac from "#pkg/api/rbac/v1.ts";
import type * as resource from "#pkg/api/resource/v1.ts";
import type * as scheduling from "#pkg/api/scheduling/v1.ts";
import type * as storage from "#pkg/api/storage/v1.ts";
import { forType, setDefault, setIfZero, type TypeDefaulter } from "./defaulter.ts";

const rbacGroup = "rbac.authorization.k8s.io";
const podsPolicy: autoscaling.HPAScalingPolicy = { type: "Pods", value: 4, periodSeconds: 15 };
const percentPolicy: autoscaling.HPAScalingPolicy = { type: "Percent", value: 100, periodSeconds: 15 };

function defaultAutoscaler(spec: autoscaling.HorizontalPodAutoscalerSpec): void {
  setDefault(spec, "minReplicas", 1);
  if (!spec.metrics?.length) {
    const target = { type: "Utilization", averageUtilization: 80 };
    spec.metrics = [{ type: "Resource", resource: { name: "cpu", target } }];
  }
  if (!spec.behavior) return;
  spec.behavior.scaleUp = {
    stabilizationWindowSeconds: 0,
    ...scalingRules(spec.behavior.scaleUp, [podsPolicy, percentPolicy]),
  };
  spec.behavior.scaleDown = scalingRules(spec.behavior.scaleDown, [percentPolicy]);
}

function scalingRules(
  given: autoscaling.HPAScalingRules | undefined,
  policies: readonly autoscaling.HPAScalingPolicy[],
): autoscaling.HPAScalingRules {
  const set = Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value != null));
  return { selectPolicy: "Max", policies: policies.map((policy) => ({ ...policy })), ...set };
}

function defaultNetworkPolicy(spec: networking.NetworkPolicySpec): void {
  if (spec.policyTypes?.length) return;
  spec.policyTypes = spec.egress?.length ? ["Ingress", "Egress"] : ["Ingress"];
}

interface Selective {
  matchPolicy?: admission.MatchPolicyType | undefined;
  namespaceSelector?: object | undefined;
  objectSelector?: object | undefined;
}

function defaultSelection(object: Selective): void {
  setDefault(object, "matchPolicy", "Equivalent");
  setDefault(object, "namespaceSelector", {});
  setDefault(object, "objectSelector", {});
}

function defaultWebhook(webhook: admission.ValidatingWebhook): void {
  setDefault(webhook, "failurePolicy", "Fail");
  defaultSelection(webhook);
  setDefault(webhook, "timeoutSeconds", 10);
}

const withFailurePolicy = (typeName: string): TypeDefaulter =>
  forType<{ failurePolicy?: string | undefined }>(typeName, (spec) => setDefault(spec, "failurePolicy", "Fail"));

const withPort = (typeName: string): TypeDefaulter =>
  forType<{ port?: number | undefined }>(typeName, (reference) => setDefault(reference, "port", 443));

function defaultCustomResourceDefinition({ spec, status }: apiextensions.CustomResourceDefinition): void {
  if (!spec || !status) return;
  spec.names ??= { plural: "", kind: "" };
  setIfZero(spec.names, "singular", (spec.names.kind ?? "").toLowerCase());
  if (spec.names.kind) setIfZero(spec.names, "listKind", `${spec.names.kind}List`);
  setDefault(spec, "conversion", { strategy: "None" });
  const stored = spec.versions?.find((version) => version.storage);
  if (!status.storedVersions?.length && stored) status.storedVersions = [stored.name];
}

function defaultCsiDriver(spec: storage.CSIDriverSpec): void {
  setDefault(spec, "attachRequired", true);
  setDefault(spec, "podInfoOnMount", false);
  setDefault(spec, "storageCapacity", false);
  setDefault(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
  if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ["Persistent"];
  setDefault(spec, "requiresRepublish", false);
  setDefault(spec, "seLinuxMount", false);
}

interface DeviceCount {
  allocationMode?: string | undefined;
  count?: number | undefined;
}

function defaultDeviceCount(request: DeviceCount): void {
  setIfZero(request, "allocationMode", "ExactCount");
  if (request.allocationMode === "ExactCount") setIfZero(request, "count", 1);
}

function defaultRoleRef({ roleRef }: rbac.RoleBinding): void {
  if (roleRef) setIfZero(roleRef, "apiGroup", rbacGroup);
}

export const otherDefaulters: readonly TypeDefaulter[] = [
  forType("autoscaling/v2.HorizontalPodAutoscalerSpec", defaultAutoscaler),
  forType<autoscaling1.HorizontalPodAutoscalerSpec>("autoscaling/v1.HorizontalPodAutoscalerSpec", (spec) =>
    setDefault(spec, "minReplicas", 1),
  ),
  forType("networking/v1.NetworkPolicySpec", defaultNetworkPolicy),
  forType<networking.NetworkPolicyPort>("networking/v1.NetworkPolicyPort", (port) =>
    setDefault(port, "protocol", "TCP"),
  ),
  forType<networking.IngressClassParametersReference>("networking/v1.IngressClassParametersReference", (reference) =>
    setDefault(reference, "scope", "Cluster"),
  ),
  forType<discovery.EndpointPort>("discovery/v1.EndpointPort", (port) => {
    setDefault(port, "name", "");
    setDefault(port, "protocol", "TCP");
  }),
  forType<storage.StorageClass>("storage/v1.StorageClass", (storageClass) => {
    setDefault(storageClass, "reclaimPolicy", "Delete");
    setDefault(storageClass, "volumeBindingMode", "Immediate");
  }),
  forType("storage/v1.CSIDriverSpec", defaultCsiDriver),
  forType("rbac/v1.RoleBinding", defaultRoleRef),
  forType("rbac/v1.ClusterRoleBinding", defaultRoleRef),
  forType<rbac.Subject>("rbac/v1.Subject", (subject) => {
    if (subject.kind === "User" || subject.kind === "Group") setIfZero(subject, "apiGroup", rbacGroup);
  }),
  forType<scheduling.PriorityClass>("scheduling/v1.PriorityClass", (priorityClass) =>
    setDefault(priorityClass, "preemptionPolicy", "PreemptLowerPriority"),
  ),
  forType<flowcontrol.FlowSchemaSpec>("flowcontrol/v1.FlowSchemaSpec", (spec) =>
    setIfZero(spec, "matchingPrecedence", 1000),
  ),
  forType<flowcontrol.ExemptPriorityLevelConfiguration>("flowcontrol/v1.ExemptPriorityLevelConfiguration", (exempt) => {
    setDefault(exempt, "nominalConcurrencyShares", 0);
    setDefault(exempt, "lendablePercent", 0);
  }),
  forType<flowcontrol.LimitedPriorityLevelConfiguration>(
    "flowcontrol/v1.LimitedPriorityLevelConfiguration",
    (limited) => {
      setDefault(limited, "nominalConcurrencyShares", 30);
      setDefault(limited, "lendablePercent", 0);
    },
  ),
  forType<flowcontrol.QueuingConfiguration>("flowcontrol/v1.QueuingConfiguration", (queuing) => {
    setIfZero(queuing, "handSize", 8);
    setIfZero(queuing, "queues", 64);
    setIfZero(queuing, "queueLengthLimit", 50);
  }),
  forType("admissionregistration/v1.ValidatingWebhook", defaultWebhook),
  forType<admission.MutatingWebhook>("admissionregistration/v1.MutatingWebhook", (webhook) => {
    defaultWebhook(webhook);
    setDefault(webhook, "reinvocationPolicy", "Never");
  }),
  forType<admission.RuleWithOperations>("admissionregistration/v1.RuleWithOperations", (rule) =>
    setDefault(rule, "scope", "*"),
  ),
  forType<admission.NamedRuleWithOperations>("admissionregistration/v1.NamedRuleWithOperations", (rule) =>
    setDefault(rule, "scope", "*"),
  ),
  forType("admissionregistration/v1.MatchResources", defaultSelection),
  withFailurePolicy("admissionregistration/v1.ValidatingAdmissionPolicySpec"),
  withFailurePolicy("admissionregistration/v1.MutatingAdmissionPolicySpec"),
  withPort("admissionregistration/v1.ServiceReference"),
  withPort("apiextensions/v1.ServiceReference"),
  withPort("apiregistration/v1.ServiceReference"),
  forType("apiextensions/v1.CustomResourceDefinition", defaultCustomResourceDefinition),
  forType<resource.ExactDeviceRequest>("resource/v1.ExactDeviceRequest", defaultDeviceCount),
  forType<resource.DeviceSubRequest>("resource/v1.DeviceSubRequest", defaultDeviceCount),
  forType<{ expirationSeconds?: number | undefined }>("authentication/v1.TokenRequestSpec", (spec) =>
    setDefault(spec, "expirationSeconds", 3600),
  ),
];
