/** Defaults of the other kinds of the core group. Source: pkg/apis/core/v1/defaults.go (v1.36). */
import type * as core from "#pkg/api/core/v1.ts";
import { forType, setDefault, setIfZero, type TypeDefaulter } from "./defaulter.ts";
import { defaultService } from "./service-defaults.ts";

/** Plain text of a Secret goes into its data, over what is there. */
function defaultSecret(secret: core.Secret): void {
  setIfZero(secret, "type", "Opaque");
  if (!secret.stringData) return;
  for (const [key, text] of Object.entries(secret.stringData)) {
    secret.data ??= {};
    secret.data[key] = Buffer.from(text, "utf8").toString("base64");
  }
  delete secret.stringData;
}

function defaultNamespace({ metadata }: core.Namespace): void {
  if (metadata?.name) metadata.labels = { ...metadata.labels, "kubernetes.io/metadata.name": metadata.name };
}

function defaultReplicationController(controller: core.ReplicationController): void {
  const labels = controller.spec?.template?.metadata?.labels;
  if (!labels) return;
  if (Object.keys(controller.spec.selector ?? {}).length === 0) controller.spec.selector = { ...labels };
  if (Object.keys(controller.metadata.labels ?? {}).length === 0) controller.metadata.labels = { ...labels };
}

function defaultLimitRangeItem(item: core.LimitRangeItem): void {
  if (item.type !== "Container") return;
  item.default = { ...item.max, ...item.default };
  item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
}

/** The first pod CIDR has two names; the list is the newer one. */
function defaultNodeSpec(spec: core.NodeSpec): void {
  const first = spec.podCIDRs?.[0];
  if (spec.podCIDR && spec.podCIDR !== first) spec.podCIDRs = [spec.podCIDR];
  else if (first) spec.podCIDR = first;
}

export const coreDefaulters: readonly TypeDefaulter[] = [
  forType("core/v1.Secret", defaultSecret),
  forType("core/v1.Service", defaultService),
  forType("core/v1.Namespace", defaultNamespace),
  forType<core.NamespaceStatus>("core/v1.NamespaceStatus", (status) => setIfZero(status, "phase", "Active")),
  forType("core/v1.ReplicationController", defaultReplicationController),
  forType("core/v1.LimitRangeItem", defaultLimitRangeItem),
  forType("core/v1.NodeSpec", defaultNodeSpec),
  forType<core.NodeStatus>("core/v1.NodeStatus", (status) => {
    if (status.capacity) setDefault(status, "allocatable", { ...status.capacity });
  }),
  forType<core.PersistentVolumeSpec>("core/v1.PersistentVolumeSpec", (spec) => {
    setIfZero(spec, "persistentVolumeReclaimPolicy", "Retain");
    setDefault(spec, "volumeMode", "Filesystem");
  }),
  forType<core.PersistentVolumeStatus>("core/v1.PersistentVolumeStatus", (status) =>
    setIfZero(status, "phase", "Pending"),
  ),
  forType<core.PersistentVolumeClaimStatus>("core/v1.PersistentVolumeClaimStatus", (status) =>
    setIfZero(status, "phase", "Pending"),
  ),
  forType<core.EndpointPort>("core/v1.EndpointPort", (port) => setIfZero(port, "protocol", "TCP")),
];
