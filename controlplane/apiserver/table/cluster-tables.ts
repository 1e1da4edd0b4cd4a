/** Tables of nodes, namespaces, events, leases, configuration and quotas. */
import type { Lease } from "#pkg/api/coordination/v1.ts";
import type {
  ComponentStatus,
  ConfigMap,
  Event as CoreEvent,
  Namespace,
  Node,
  ResourceQuota,
  Secret,
  ServiceAccount,
} from "#pkg/api/core/v1.ts";
import type { Event as EventsEvent } from "#pkg/api/events/v1.ts";
import type { RuntimeClass } from "#pkg/api/node/v1.ts";
import type { PriorityClass } from "#pkg/api/scheduling/v1.ts";
import { ageOf, nameOf, orNone } from "./cell-text.ts";
import { formatAge } from "./human-duration.ts";
import { type Cell, defineTable } from "./table-kind.ts";

export const nodeTable = defineTable<Node>(
  "Name | Status | Roles | Age | Version | Internal-IP* | External-IP* | OS-Image* | Kernel-Version* | Container-Runtime*",
  (node, nowMs) => {
    const info = node.status?.nodeInfo;
    const address = (type: string) => node.status?.addresses?.find((one) => one.type === type)?.address;
    return [
      nameOf(node),
      nodeStatus(node),
      orNone(nodeRoles(node).join(",")),
      ageOf(node, nowMs),
      info?.kubeletVersion ?? "",
      orNone(address("InternalIP")),
      orNone(address("ExternalIP")),
      info?.osImage || "<unknown>",
      info?.kernelVersion || "<unknown>",
      info?.containerRuntimeVersion || "<unknown>",
    ];
  },
);

function nodeStatus(node: Node): string {
  const ready = node.status?.conditions?.findLast((one) => one.type === "Ready");
  const status = ready ? (ready.status === "True" ? "Ready" : "NotReady") : "Unknown";
  return node.spec?.unschedulable ? `${status},SchedulingDisabled` : status;
}

const rolePrefix = "node-role.kubernetes.io/";

/** From labels `node-role.kubernetes.io/<role>` and `kubernetes.io/role=<role>`, sorted. */
function nodeRoles(node: Node): string[] {
  const labels = Object.entries(node.metadata.labels ?? {});
  const roles = labels.map(([key, value]) =>
    key.startsWith(rolePrefix) ? key.slice(rolePrefix.length) : key === "kubernetes.io/role" ? value : "",
  );
  return [...new Set(roles.filter((role) => role !== ""))].sort();
}

export const namespaceTable = defineTable<Namespace>("Name | Status | Age", (namespace, nowMs) => [
  nameOf(namespace),
  namespace.status?.phase ?? "",
  ageOf(namespace, nowMs),
]);

const eventColumns =
  "Last Seen | Type | Reason | Object | Subobject* | Source* | Message | First Seen* | Count* | Name*";

interface EventFacts {
  readonly name: string;
  readonly first: string | undefined;
  readonly last: string | undefined;
  readonly count: number | undefined;
  readonly type: string | undefined;
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly about: CoreEvent["involvedObject"] | undefined;
  readonly component: string | undefined;
  readonly host: string | undefined;
}

export const coreEventTable = defineTable<CoreEvent>(eventColumns, (event, nowMs) =>
  eventCells(
    {
      name: nameOf(event),
      first: event.firstTimestamp || event.eventTime,
      last: event.series ? event.series.lastObservedTime : event.lastTimestamp,
      count: event.series ? event.series.count : event.count,
      type: event.type,
      reason: event.reason,
      message: event.message,
      about: event.involvedObject,
      component: event.source?.component || event.reportingComponent,
      host: event.source?.host || event.reportingInstance,
    },
    nowMs,
  ),
);

export const eventsEventTable = defineTable<EventsEvent>(eventColumns, (event, nowMs) =>
  eventCells(
    {
      name: nameOf(event),
      first: event.deprecatedFirstTimestamp || event.eventTime,
      last: event.series ? event.series.lastObservedTime : event.deprecatedLastTimestamp,
      count: event.series ? event.series.count : event.deprecatedCount,
      type: event.type,
      reason: event.reason,
      message: event.note,
      about: event.regarding,
      component: event.deprecatedSource?.component || event.reportingController,
      host: event.deprecatedSource?.host || event.reportingInstance,
    },
    nowMs,
  ),
);

function eventCells(event: EventFacts, nowMs: number): Cell[] {
  const { kind = "", name, fieldPath = "" } = event.about ?? {};
  return [
    formatAge(event.last || event.first, nowMs),
    event.type ?? "",
    event.reason ?? "",
    name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase(),
    fieldPath,
    [event.component ?? "", ...(event.host ? [event.host] : [])].join(", "),
    (event.message ?? "").trim(),
    formatAge(event.first, nowMs),
    event.count || 1,
    event.name,
  ];
}

export const secretTable = defineTable<Secret>("Name | Type | Data | Age", (secret, nowMs) => [
  nameOf(secret),
  secret.type ?? "",
  Object.keys(secret.data ?? {}).length,
  ageOf(secret, nowMs),
]);

export const configMapTable = defineTable<ConfigMap>("Name | Data | Age", (map, nowMs) => [
  nameOf(map),
  Object.keys(map.data ?? {}).length + Object.keys(map.binaryData ?? {}).length,
  ageOf(map, nowMs),
]);

export const serviceAccountTable = defineTable<ServiceAccount>("Name | Age", (account, nowMs) => [
  nameOf(account),
  ageOf(account, nowMs),
]);

export const resourceQuotaTable = defineTable<ResourceQuota>("Name | Request | Limit | Age", (quota, nowMs) => {
  const { hard = {}, used = {} } = quota.status ?? {};
  const uses = Object.keys(hard)
    .sort()
    .map((name) => ({ isLimit: name.startsWith("limits."), text: `${name}: ${used[name] ?? "0"}/${hard[name]}` }));
  const join = (isLimit: boolean) =>
    uses
      .filter((use) => use.isLimit === isLimit)
      .map((use) => use.text)
      .join(", ");
  return [nameOf(quota), join(false), join(true), ageOf(quota, nowMs)];
});

export const leaseTable = defineTable<Lease>("Name | Holder | Age", (lease, nowMs) => [
  nameOf(lease),
  lease.spec?.holderIdentity ?? "",
  ageOf(lease, nowMs),
]);

export const priorityClassTable = defineTable<PriorityClass>(
  "Name | Value:integer | Global-Default:boolean | Age | PreemptionPolicy",
  (priorityClass, nowMs) => [
    nameOf(priorityClass),
    priorityClass.value ?? 0,
    priorityClass.globalDefault ?? false,
    ageOf(priorityClass, nowMs),
    priorityClass.preemptionPolicy ?? "",
  ],
);

export const runtimeClassTable = defineTable<RuntimeClass>("Name | Handler | Age", (runtimeClass, nowMs) => [
  nameOf(runtimeClass),
  runtimeClass.handler ?? "",
  ageOf(runtimeClass, nowMs),
]);

export const componentStatusTable = defineTable<ComponentStatus>("Name | Status | Message | Error", (component) => {
  const healthy = component.conditions?.find((one) => one.type === "Healthy");
  const status = healthy ? (healthy.status === "True" ? "Healthy" : "Unhealthy") : "Unknown";
  return [nameOf(component), status, healthy?.message ?? "", healthy?.error ?? ""];
});
