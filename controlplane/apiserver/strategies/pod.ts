/** Pods: what the server decides when one is made, and what each of its subresources may change. */
import type { Pod, PodStatus } from "#pkg/api/core/v1.ts";
import { qosClass } from "#pkg/api/pod-resources.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { syncServiceAccountName } from "./defaults/pod-defaults.ts";
import { defineStrategy, keepMetadata } from "./define-strategy.ts";
import { dropDisabledFields, mergeLabelKeys, readAppArmorAnnotations } from "./prepare-pod.ts";
import { validatePod } from "./validation/pod.ts";
import { validatePodResize } from "./validation/pod-resize.ts";
import { validatePodStatusUpdate } from "./validation/pod-status.ts";
import { validateEphemeralContainersUpdate, validatePodUpdate } from "./validation/pod-update.ts";
import { podWarnings } from "./warnings/pod-warnings.ts";

export const podStrategy = defineStrategy<Pod>("core/v1.Pod", {
  prepareForCreate(pod, { nowMs }) {
    const { spec } = pod;
    pod.status = { phase: "Pending", qosClass: qosClass(pod) };
    if (spec.schedulingGates?.length) pod.status.conditions = [gatedCondition(nowMs)];
    dropDisabledFields(spec);
    // Admission may have set the service account after the defaults were applied.
    syncServiceAccountName(spec);
    mergeLabelKeys(pod);
    readAppArmorAnnotations(pod);
  },
  validate: validatePod,
  prepareForUpdate(next) {
    dropDisabledFields(next.spec);
  },
  validateUpdate: validatePodUpdate,
  warnings: podWarnings,
  subresources: {
    status: { prepareForUpdate: prepareStatus, validateUpdate: validatePodStatusUpdate },
    ephemeralcontainers: {
      prepareForUpdate(next, current) {
        const { ephemeralContainers } = next.spec;
        next.spec = { ...current.spec, ephemeralContainers };
        next.status = current.status;
        keepMetadata(next, current);
      },
      validateUpdate: validateEphemeralContainersUpdate,
    },
    resize: { prepareForUpdate: keepAllButResources, validateUpdate: validatePodResize },
    // bindPod has decided already.
    binding: { keepsGeneration: true },
  },
  gracePeriodSeconds(pod, requested) {
    const isUnscheduled = !pod.spec?.nodeName;
    const isOver = pod.status?.phase === "Failed" || pod.status?.phase === "Succeeded";
    return isUnscheduled || isOver ? 0 : (requested ?? pod.spec?.terminationGracePeriodSeconds ?? 0);
  },
  selectableFields(pod) {
    const { spec, status } = pod as Partial<Pod>;
    const podIP = status?.podIPs?.[0]?.ip ?? status?.podIP ?? "";
    return {
      "spec.nodeName": spec?.nodeName ?? "",
      // The name of spec.nodeName in very old clients.
      "spec.host": spec?.nodeName ?? "",
      "spec.restartPolicy": spec?.restartPolicy ?? "",
      "spec.schedulerName": spec?.schedulerName ?? "",
      "spec.serviceAccountName": spec?.serviceAccountName ?? "",
      "spec.hostNetwork": String(spec?.hostNetwork ?? false),
      "status.phase": status?.phase ?? "",
      "status.podIP": podIP,
      "status.podIPs": podIP,
      "status.nominatedNodeName": status?.nominatedNodeName ?? "",
    };
  },
});

function gatedCondition(nowMs: number): NonNullable<PodStatus["conditions"]>[number] {
  return {
    type: "PodScheduled",
    status: "False",
    lastTransitionTime: formatTime(nowMs),
    reason: "SchedulingGated",
    message: "Scheduling is blocked due to non-empty scheduling gates",
  };
}

/** Old agents leave out what the server decided; owners are none of their business. */
function prepareStatus(next: Pod, current: Pod): void {
  const status: PodStatus = { ...next.status };
  const { ownerReferences } = current.metadata;
  if (ownerReferences) next.metadata.ownerReferences = ownerReferences;
  else delete next.metadata.ownerReferences;
  if (!status.qosClass && current.status?.qosClass) status.qosClass = current.status.qosClass;
  if (!status.observedGeneration && current.status?.observedGeneration) {
    status.observedGeneration = current.status.observedGeneration;
  }
  keepObservedGenerations(status, current.status ?? {});
  syncAddresses(status);
  next.status = status;
}

/** Conditions that come without a generation keep the one they had. */
function keepObservedGenerations(next: PodStatus, current: PodStatus): void {
  const known = Map.groupBy(current.conditions ?? [], (condition) => condition.type);
  next.conditions = next.conditions?.map((condition) => {
    const before = known.get(condition.type)?.shift()?.observedGeneration;
    return condition.observedGeneration || !before ? condition : { ...condition, observedGeneration: before };
  });
  if (!next.conditions) delete next.conditions;
}

/** The first address has two names; the older one wins when they differ, since old agents know no other. */
function syncAddresses(status: PodStatus): void {
  const { podIP, podIPs = [], hostIPs = [] } = status;
  if (podIP && podIP !== podIPs[0]?.ip) status.podIPs = [{ ip: podIP }];
  else if (!podIP && podIPs[0]) status.podIP = podIPs[0].ip;
  if (!status.hostIP && hostIPs[0]) status.hostIP = hostIPs[0].ip;
}

/** Containers that were added, removed or moved are left as they are: validation refuses them by name. */
function keepAllButResources(next: Pod, current: Pod): void {
  const lists = ["containers", "initContainers"] as const;
  const isSame = lists.every((list) => {
    const [after, before] = [next.spec[list] ?? [], current.spec[list] ?? []];
    return after.length === before.length && after.every((container, index) => container.name === before[index]?.name);
  });
  if (!isSame) return;
  const spec = { ...current.spec };
  if (next.spec.resources === undefined) delete spec.resources;
  else spec.resources = next.spec.resources;
  for (const list of lists) {
    const before = current.spec[list];
    if (!before) continue;
    spec[list] = before.map((container, index) => {
      const { resources, resizePolicy } = next.spec[list]?.[index] ?? {};
      const { resources: _resources, resizePolicy: _resizePolicy, ...others } = container;
      return { ...others, ...(resources ? { resources } : {}), ...(resizePolicy ? { resizePolicy } : {}) };
    });
  }
  next.spec = spec;
  next.status = current.status;
  keepMetadata(next, current);
}
