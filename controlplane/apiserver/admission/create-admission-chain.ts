/**
 * The admission chain in upstream's order (pkg/kubeapiserver/options/plugins.go, v1.36). Plugins of later work have their
 * places marked: they go into `webhooksAndPolicies`, between the built-in plugins and ResourceQuota, so that quota is
 * charged last, for what all others let pass.
 */

import type { Clock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { Random } from "#pkg/system/random.ts";
import type { Authorizer } from "../authz/authorizer.ts";
import type { RoleEscalationCheck } from "../authz/role-escalation.ts";
import type { ObjectReader, ObjectWriter } from "../registry/resource-registry.ts";
import type { Admission, AdmissionPlugin } from "./admission.ts";
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from "./certificates.ts";
import { persistentVolumeClaimResize } from "./claim-resize.ts";
import { createAdmission } from "./create-admission.ts";
import { defaultIngressClass, defaultStorageClass } from "./default-class.ts";
import { defaultTolerationSeconds, type TolerationDefaults } from "./default-toleration-seconds.ts";
import { limitRanger } from "./limit-ranger.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { podResizeValidator } from "./pod-resize.ts";
import { defaultPodSecurity, type PodSecurityOptions, podSecurity } from "./pod-security/pod-security.ts";
import { podTopologyLabels } from "./pod-topology-labels.ts";
import { priority } from "./priority.ts";
import { resourceQuota } from "./quota/resource-quota.ts";
import { roleEscalation } from "./role-escalation.ts";
import { runtimeClass } from "./runtime-class.ts";
import { serviceAccount } from "./service-account.ts";
import { storageObjectInUseProtection } from "./storage-in-use-protection.ts";
import { taintNodesByCondition } from "./taint-nodes.ts";

export interface AdmissionOptions {
  /** By upstream's names, e.g. "ServiceAccount". */
  readonly disabledPlugins?: readonly string[] | undefined;
  readonly podSecurity?: PodSecurityOptions | undefined;
  readonly tolerations?: TolerationDefaults | undefined;
}

export interface AdmissionPorts {
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly authorizer: Authorizer;
  readonly escalation: RoleEscalationCheck;
  /** MutatingAdmissionPolicy, MutatingAdmissionWebhook, ValidatingAdmissionPolicy, ValidatingAdmissionWebhook, in this order. */
  readonly webhooksAndPolicies?: readonly AdmissionPlugin[] | undefined;
}

const defaultTolerations: TolerationDefaults = { notReadySeconds: 300, unreachableSeconds: 300 };

/** Throws "Invalid" when a disabled plugin is not one of these. */
export function createAdmissionChain(options: AdmissionOptions, ports: AdmissionPorts): Admission {
  const plugins = orderedPlugins(options, ports);
  const disabled = options.disabledPlugins ?? [];
  const unknown = disabled.find((name) => !plugins.some((plugin) => plugin.name === name));
  if (unknown !== undefined) {
    const known = plugins.map((plugin) => plugin.name).join(", ");
    throw new BerthError("Invalid", `there is no admission plugin ${JSON.stringify(unknown)}; there are ${known}`);
  }
  return createAdmission(plugins.filter((plugin) => !disabled.includes(plugin.name)));
}

function orderedPlugins(options: AdmissionOptions, ports: AdmissionPorts): readonly AdmissionPlugin[] {
  const { reader, writer, clock, random, authorizer } = ports;
  return [
    roleEscalation(ports.escalation),
    namespaceLifecycle(reader),
    limitRanger(reader),
    serviceAccount({ reader, clock, random }),
    nodeRestriction(reader, authorizer),
    taintNodesByCondition,
    podSecurity(reader, options.podSecurity ?? defaultPodSecurity),
    priority(reader),
    defaultTolerationSeconds(options.tolerations ?? defaultTolerations),
    defaultStorageClass(reader),
    storageObjectInUseProtection,
    persistentVolumeClaimResize(reader),
    runtimeClass(reader),
    certificateApproval(authorizer),
    certificateSigning(authorizer),
    certificateSubjectRestriction,
    defaultIngressClass(reader),
    podTopologyLabels(reader),
    podResizeValidator(reader),
    ...(ports.webhooksAndPolicies ?? []),
    resourceQuota(reader, writer),
  ];
}
