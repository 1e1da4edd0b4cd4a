/** The priority levels and flow schemas every cluster has, with upstream's names and numbers (v1.36). Pure. */
import type {
  FlowSchema,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  Subject,
} from "#pkg/api/flowcontrol/v1.ts";

const annotations = { "apf.kubernetes.io/autoupdate-spec": "true" };

/** Levels and schemas the server relies on: put right whatever the annotation says. */
export const mandatoryFlowControl: ReadonlySet<string> = new Set(["exempt", "catch-all"]);

export function bootstrapPriorityLevels(): readonly PriorityLevelConfiguration[] {
  return [
    level("exempt", { type: "Exempt", exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }),
    level("catch-all", {
      type: "Limited",
      limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: "Reject" } },
    }),
    queued("system", 30, 33, 64, 6),
    queued("node-high", 40, 25, 64, 6),
    queued("leader-election", 10, 0, 16, 4),
    queued("workload-high", 40, 50, 128, 6),
    queued("workload-low", 100, 90, 128, 6),
    queued("global-default", 20, 50, 128, 6),
  ];
}

export function bootstrapFlowSchemas(): readonly FlowSchema[] {
  const everyone = groups("system:unauthenticated", "system:authenticated");
  const [manager, scheduler] = [users("system:kube-controller-manager"), users("system:kube-scheduler")];
  const nodes = groups("system:nodes");
  const probes = { verbs: ["get"], nonResourceURLs: ["/healthz", "/readyz", "/livez"] };
  const nodeObjects = resources("*", "", ["nodes", "nodes/status"], true);
  const leases = (verbs: string) => resources(verbs, "coordination.k8s.io", ["leases"], false);
  return [
    schema("exempt", "exempt", 1, undefined, everything(groups("system:masters"))),
    schema("probes", "exempt", 2, undefined, { subjects: everyone, nonResourceRules: [probes] }),
    schema("system-leader-election", "leader-election", 100, "ByUser", {
      subjects: [...manager, ...scheduler, systemAccounts],
      resourceRules: [leases("get create update")],
    }),
    schema("system-node-high", "node-high", 400, "ByUser", {
      subjects: nodes,
      resourceRules: [nodeObjects, leases("*")],
    }),
    schema("system-nodes", "system", 500, "ByUser", everything(nodes)),
    schema("kube-controller-manager", "workload-high", 800, "ByNamespace", everything(manager)),
    schema("kube-scheduler", "workload-high", 800, "ByNamespace", everything(scheduler)),
    schema("kube-system-service-accounts", "workload-high", 900, "ByNamespace", everything([systemAccounts])),
    schema("service-accounts", "workload-low", 9000, "ByUser", everything(groups("system:serviceaccounts"))),
    schema("global-default", "global-default", 9900, "ByUser", everything(everyone)),
    schema("catch-all", "catch-all", 10_000, "ByUser", everything(everyone)),
  ];
}

function level(name: string, spec: PriorityLevelConfiguration["spec"]): PriorityLevelConfiguration {
  return { metadata: { name, annotations }, spec };
}

function queued(name: string, shares: number, lendablePercent: number, queues: number, handSize: number) {
  const queuing = { queues, handSize, queueLengthLimit: 50 };
  const limitResponse = { type: "Queue" as const, queuing };
  return level(name, {
    type: "Limited",
    limited: { nominalConcurrencyShares: shares, lendablePercent, limitResponse },
  });
}

function schema(
  name: string,
  priorityLevel: string,
  matchingPrecedence: number,
  distinguisher: "ByUser" | "ByNamespace" | undefined,
  rules: PolicyRulesWithSubjects,
): FlowSchema {
  return {
    metadata: { name, annotations },
    spec: {
      priorityLevelConfiguration: { name: priorityLevel },
      matchingPrecedence,
      ...(distinguisher ? { distinguisherMethod: { type: distinguisher } } : {}),
      rules: [rules],
    },
  };
}

function everything(subjects: Subject[]): PolicyRulesWithSubjects {
  return {
    subjects,
    resourceRules: [resources("*", "*", ["*"], true)],
    nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
  };
}

function resources(verbs: string, group: string, names: string[], clusterScope: boolean) {
  const where = { namespaces: ["*"], ...(clusterScope ? { clusterScope } : {}) };
  return { verbs: verbs.split(" "), apiGroups: [group], resources: names, ...where };
}

const systemAccounts: Subject = { kind: "ServiceAccount", serviceAccount: { name: "*", namespace: "kube-system" } };

function groups(...names: readonly string[]): Subject[] {
  return names.map((name) => ({ kind: "Group", group: { name } }));
}

function users(...names: readonly string[]): Subject[] {
  return names.map((name) => ({ kind: "User", user: { name } }));
}
