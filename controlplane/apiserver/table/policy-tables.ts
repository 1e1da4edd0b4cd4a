/** Tables of access rules, certificates, admission, flow control, aggregation and devices. */
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from "#pkg/api/admissionregistration/v1.ts";
import type { APIService } from "#pkg/api/apiregistration/v1.ts";
import type { CertificateSigningRequest } from "#pkg/api/certificates/v1.ts";
import type { FlowSchema, PriorityLevelConfiguration } from "#pkg/api/flowcontrol/v1.ts";
import type { ClusterRoleBinding, RoleBinding, Subject } from "#pkg/api/rbac/v1.ts";
import type { ResourceClaim, ResourceSlice } from "#pkg/api/resource/v1.ts";
import { ageOf, nameOf, orNone, selectorText } from "./cell-text.ts";
import { formatDuration } from "./human-duration.ts";
import { defineTable, type TableKind } from "./table-kind.ts";

/** Of RoleBindings and ClusterRoleBindings. */
export const roleBindingTable = defineTable<RoleBinding | ClusterRoleBinding>(
  "Name | Role | Age | Users* | Groups* | ServiceAccounts*",
  (binding, nowMs) => {
    const names = (kind: string, format: (subject: Subject) => string) =>
      (binding.subjects ?? [])
        .filter((subject) => subject.kind === kind)
        .map(format)
        .join(", ");
    return [
      nameOf(binding),
      `${binding.roleRef?.kind ?? ""}/${binding.roleRef?.name ?? ""}`,
      ageOf(binding, nowMs),
      names("User", (subject) => subject.name),
      names("Group", (subject) => subject.name),
      names("ServiceAccount", (subject) => `${subject.namespace ?? ""}/${subject.name}`),
    ];
  },
);

export const certificateSigningRequestTable = defineTable<CertificateSigningRequest>(
  "Name | Age | SignerName | Requestor | RequestedDuration | Condition",
  (request, nowMs) => {
    const seconds = request.spec?.expirationSeconds;
    return [
      nameOf(request),
      ageOf(request, nowMs),
      orNone(request.spec?.signerName),
      request.spec?.username ?? "",
      seconds === undefined ? "<none>" : formatDuration(seconds * 1000),
      certificateState(request),
    ];
  },
);

function certificateState({ status }: CertificateSigningRequest): string {
  const types = new Set(status?.conditions?.map((one) => one.type));
  const state = types.has("Denied") ? "Denied" : types.has("Approved") ? "Approved" : "Pending";
  return `${state}${types.has("Failed") ? ",Failed" : ""}${status?.certificate ? ",Issued" : ""}`;
}

/** Of both kinds of webhook configurations. */
export const webhookTable = defineTable<MutatingWebhookConfiguration | ValidatingWebhookConfiguration>(
  "Name | Webhooks:integer | Age",
  (configuration, nowMs) => [nameOf(configuration), (configuration.webhooks ?? []).length, ageOf(configuration, nowMs)],
);

export const validatingPolicyTable = defineTable<ValidatingAdmissionPolicy>(
  "Name | Validations:integer | ParamKind | Age",
  (policy, nowMs) => [
    nameOf(policy),
    (policy.spec?.validations ?? []).length,
    formatParamKind(policy.spec?.paramKind),
    ageOf(policy, nowMs),
  ],
);

export const mutatingPolicyTable = defineTable<MutatingAdmissionPolicy>(
  "Name | Mutations:integer | ParamKind | Age",
  (policy, nowMs) => [
    nameOf(policy),
    (policy.spec?.mutations ?? []).length,
    formatParamKind(policy.spec?.paramKind),
    ageOf(policy, nowMs),
  ],
);

function formatParamKind(kind: ParamKind | undefined): string {
  return kind ? `${kind.apiVersion ?? ""}/${kind.kind ?? ""}` : "<unset>";
}

/** Of the bindings of both kinds of admission policies. */
export const policyBindingTable = defineTable<ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding>(
  "Name | PolicyName | ParamRef | Age",
  (binding, nowMs) => [
    nameOf(binding),
    binding.spec?.policyName ?? "",
    formatParamRef(binding.spec?.paramRef),
    ageOf(binding, nowMs),
  ],
);

/** Whether the parameter has a namespace cannot be told from here. */
function formatParamRef(ref: ParamRef | undefined): string {
  if (ref?.name) return `${ref.namespace || "*"}/${ref.name}`;
  return ref?.selector ? selectorText(ref.selector, "<error>") : "<unset>";
}

export const flowSchemaTable = defineTable<FlowSchema>(
  "Name | PriorityLevel | MatchingPrecedence | DistinguisherMethod | Age | MissingPL",
  (schema, nowMs) => [
    nameOf(schema),
    schema.spec?.priorityLevelConfiguration?.name ?? "",
    schema.spec?.matchingPrecedence ?? 0,
    orNone(schema.spec?.distinguisherMethod?.type),
    ageOf(schema, nowMs),
    schema.status?.conditions?.find((one) => one.type === "Dangling")?.status ?? "?",
  ],
);

export const priorityLevelTable = defineTable<PriorityLevelConfiguration>(
  "Name | Type | NominalConcurrencyShares | Queues | HandSize | QueueLengthLimit | Age",
  (level, nowMs) => {
    const limited = level.spec?.limited;
    const queuing = limited?.limitResponse?.queuing;
    return [
      nameOf(level),
      level.spec?.type ?? "",
      limited?.nominalConcurrencyShares ?? "<none>",
      queuing?.queues ?? "<none>",
      queuing?.handSize ?? "<none>",
      queuing?.queueLengthLimit ?? "<none>",
      ageOf(level, nowMs),
    ];
  },
);

export const apiServiceTable = defineTable<APIService>("Name | Service | Available | Age", (service, nowMs) => {
  const target = service.spec?.service;
  const available = service.status?.conditions?.find((one) => one.type === "Available");
  const detail = available && available.status !== "True" ? ` (${available.reason ?? ""})` : "";
  return [
    nameOf(service),
    target ? `${target.namespace ?? ""}/${target.name ?? ""}` : "Local",
    available ? `${available.status}${detail}` : "Unknown",
    ageOf(service, nowMs),
  ];
});

/** Of kinds that have nothing but a name and an age to show. */
export const nameAndAgeTable: TableKind = defineTable("Name | Age", (object, nowMs) => [
  nameOf(object),
  ageOf(object, nowMs),
]);

export const resourceClaimTable = defineTable<ResourceClaim>("Name | State | Age", (claim, nowMs) => [
  nameOf(claim),
  claimState(claim),
  ageOf(claim, nowMs),
]);

function claimState({ metadata, status }: ResourceClaim): string {
  const states = metadata.deletionTimestamp ? ["deleted"] : [];
  if (status?.allocation) states.push("allocated", ...(status.reservedFor?.length ? ["reserved"] : []));
  else if (!metadata.deletionTimestamp) states.push("pending");
  return states.join(",");
}

export const resourceSliceTable = defineTable<ResourceSlice>("Name | Node | Driver | Pool | Age", (slice, nowMs) => [
  nameOf(slice),
  slice.spec?.nodeName ?? "",
  slice.spec?.driver ?? "",
  slice.spec?.pool?.name ?? "",
  ageOf(slice, nowMs),
]);
