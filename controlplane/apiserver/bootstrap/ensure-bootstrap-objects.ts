/**
 * Puts the objects a cluster starts from into the store, at every start of the server. On a store that has them this only
 * compares with the caches; on a new one everything is written at once, so that the store commits it in a few groups.
 */
import type { Condition } from "#pkg/api/meta/v1.ts";
import type { ServiceCIDR } from "#pkg/api/networking/v1.ts";
import { isStatus } from "#pkg/api/status.ts";
import { type Clock, formatTime } from "#pkg/system/clock.ts";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import type { ObjectReader, ObjectWriter } from "../registry/resource-registry.ts";
import {
  authenticationConfigMap,
  bootstrapNamespaces,
  bootstrapPriorityClasses,
  type ClusterAddresses,
  defaultServiceCidr,
  kubernetesEndpointSlice,
  kubernetesEndpoints,
  kubernetesService,
} from "./cluster-objects.ts";
import { type BootstrapAction, computeBootstrapAction, type DesiredObject } from "./compute-bootstrap.ts";
import { bootstrapFlowSchemas, bootstrapPriorityLevels, mandatoryFlowControl } from "./flow-control.ts";
import {
  bootstrapClusterRoleBindings,
  bootstrapClusterRoles,
  bootstrapRoleBindings,
  bootstrapRoles,
} from "./role-objects.ts";

export interface BootstrapOptions extends ClusterAddresses {
  /** PEM: who signs client certificates, and who signs those of front proxies. */
  readonly clientAuthoritiesPem: string;
  readonly frontProxyAuthorityPem: string;
}

export interface BootstrapPorts {
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
}

/** What fails usually fails for all of a kind, for the same reason. */
const namedProblems = 3;

/**
 * Call it once the caches are there. Resolves when all is written; throws "Unavailable" that names what could not be, after
 * all the rest was: calling it again goes on from there.
 */
export async function ensureBootstrapObjects(options: BootstrapOptions, ports: BootstrapPorts): Promise<void> {
  const desired = desiredObjects(options);
  // Namespaces first, so that nobody who sees an object finds it in a namespace that is not there.
  const namespaces = desired.filter(({ resource }) => resource === "namespaces");
  const others = desired.filter(({ resource }) => resource !== "namespaces");
  const problems = [...(await applyAll(namespaces, ports)), ...(await applyAll(others, ports))];
  if (problems.length > 0) {
    const more = problems.length > namedProblems ? `; and ${problems.length - namedProblems} more` : "";
    const named = problems.slice(0, namedProblems).join("; ");
    throw new BerthError("Unavailable", `cannot write what every cluster has: ${named}${more}`);
  }
  await ensureServiceCidrReady(ports);
}

/** Everything, in the order of kinds. */
export function desiredObjects(options: BootstrapOptions): readonly DesiredObject[] {
  const rbac = "rbac.authorization.k8s.io";
  const flow = "flowcontrol.apiserver.k8s.io";
  const flowMode = ({ metadata }: { readonly metadata: { readonly name?: string | undefined } }) =>
    mandatoryFlowControl.has(metadata.name ?? "") ? "mandatorySpec" : "spec";
  const all = (
    group: string,
    resource: string,
    objects: readonly DesiredObject["object"][],
    mode: DesiredObject["mode"] | ((object: DesiredObject["object"]) => DesiredObject["mode"]),
  ): readonly DesiredObject[] =>
    objects.map((object) => ({ group, resource, object, mode: typeof mode === "function" ? mode(object) : mode }));
  const { clientAuthoritiesPem, frontProxyAuthorityPem } = options;
  return [
    ...all("", "namespaces", bootstrapNamespaces(), "createOnly"),
    ...all(rbac, "clusterroles", bootstrapClusterRoles(), "roleRules"),
    ...all(rbac, "clusterrolebindings", bootstrapClusterRoleBindings(), "bindingSubjects"),
    ...all(rbac, "roles", bootstrapRoles(), "roleRules"),
    ...all(rbac, "rolebindings", bootstrapRoleBindings(), "bindingSubjects"),
    ...all("scheduling.k8s.io", "priorityclasses", bootstrapPriorityClasses(), "createOnly"),
    ...all(flow, "prioritylevelconfigurations", bootstrapPriorityLevels(), flowMode),
    ...all(flow, "flowschemas", bootstrapFlowSchemas(), flowMode),
    ...all("networking.k8s.io", "servicecidrs", [defaultServiceCidr(options)], "createOnly"),
    ...all("", "services", [kubernetesService(options)], "createOnly"),
    ...kubernetesBackends(options),
    ...all("", "configmaps", [authenticationConfigMap(clientAuthoritiesPem, frontProxyAuthorityPem)], "fields"),
  ];
}

function kubernetesBackends(options: BootstrapOptions): readonly DesiredObject[] {
  const { advertiseAddress: ip } = options;
  if (ip === undefined) return [];
  const mode = "fields";
  return [
    { group: "", resource: "endpoints", object: kubernetesEndpoints(options, ip), mode },
    { group: "discovery.k8s.io", resource: "endpointslices", object: kubernetesEndpointSlice(options, ip), mode },
  ];
}

/** What could not be done. */
async function applyAll(desired: readonly DesiredObject[], ports: BootstrapPorts): Promise<readonly string[]> {
  const actions = desired.flatMap((one) => {
    const { namespace = "", name = "" } = one.object.metadata;
    return computeBootstrapAction(one, ports.reader.get(one.group, one.resource, namespace, name)) ?? [];
  });
  const problems = await Promise.all(actions.map((action) => apply(action, ports.writer)));
  return problems.filter((problem) => problem !== undefined);
}

/** Another server that starts at the same time writes the same: losing to it is as good as winning. */
async function apply(action: BootstrapAction, writer: ObjectWriter): Promise<string | undefined> {
  const { kind, group, resource, object } = action;
  try {
    if (kind === "create") await writer.create(group, resource, object);
    else await writer.update(group, resource, "", object);
    return undefined;
  } catch (error) {
    if (isStatus(error, "AlreadyExists") || isStatus(error, "Conflict")) return undefined;
    return `${kind} ${resource} ${object.metadata.name ?? ""}: ${messageOf(error)}`;
  }
}

/** A range that is not ready gives out no addresses. */
async function ensureServiceCidrReady({ reader, writer, clock }: BootstrapPorts): Promise<void> {
  const [group, resource] = ["networking.k8s.io", "servicecidrs"];
  const range = (await reader.getLive(group, resource, "", "kubernetes")) as ServiceCIDR | undefined;
  const conditions = range?.status?.conditions ?? [];
  if (!range || conditions.some(({ type }) => type === "Ready")) return;
  const ready: Condition = {
    type: "Ready",
    status: "True",
    reason: "",
    message: "Kubernetes default Service CIDR is ready",
    lastTransitionTime: formatTime(clock.now()),
  };
  const next = { ...range, status: { ...range.status, conditions: [...conditions, ready] } };
  try {
    await writer.update(group, resource, "status", next);
  } catch (error) {
    if (!isStatus(error, "Conflict")) throw error;
  }
}
