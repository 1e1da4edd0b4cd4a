import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NodeSpec, Pod, PodSpec } from "#pkg/api/core/v1.ts";
import type { PodDisruptionBudget } from "#pkg/api/policy/v1.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { type ClusterState, NodeState } from "./node-state.ts";
import { factsOf } from "./pod-facts.ts";
import { computePreemption } from "./preempt.ts";
import { nodesToFind, schedulePod, scoreNodes } from "./schedule-pod.ts";

const random = new SeededRandom(1);

interface NodeWish {
  readonly cpu?: string;
  readonly memory?: string;
  readonly pods?: string;
  readonly labels?: Record<string, string>;
  readonly spec?: NodeSpec;
  readonly images?: { names: string[]; sizeBytes: number }[];
}

function node(name: string, wish: NodeWish = {}): NodeState {
  const allocatable = { cpu: wish.cpu ?? "4", memory: wish.memory ?? "8Gi", pods: wish.pods ?? "110" };
  return new NodeState({
    metadata: { name, labels: { "kubernetes.io/hostname": name, ...wish.labels } },
    spec: wish.spec ?? {},
    status: { allocatable, images: wish.images },
  });
}

let made = 0;
function pod(spec: Partial<PodSpec> = {}, labels: Record<string, string> = {}, name = `p${made++}`): Pod {
  return {
    metadata: { namespace: "default", name, labels, uid: name },
    spec: { containers: [{ name: "c" }], ...spec },
  };
}
const asking = (cpu: string, rest: Partial<PodSpec> = {}, labels: Record<string, string> = {}): Pod =>
  pod({ containers: [{ name: "c", resources: { requests: { cpu } } }], ...rest }, labels);

function cluster(...nodes: readonly NodeState[]): ClusterState {
  return { nodes, namespaceLabels: (namespace) => ({ "kubernetes.io/metadata.name": namespace }) };
}

/** The chosen node's name, or the message. */
function schedule(one: Pod, state: ClusterState): string {
  const decision = schedulePod(factsOf(one), state, { random });
  return decision.kind === "scheduled" ? decision.node : decision.message;
}

describe("filters", () => {
  test("say in upstream's words why no node fits, each reason with its count", () => {
    const full = node("a", { cpu: "1" });
    full.add(factsOf(asking("900m")));
    const tainted = node("b", { spec: { taints: [{ key: "dedicated", value: "db", effect: "NoSchedule" }] } });
    const cordoned = node("c", { spec: { unschedulable: true } });
    expect(schedule(asking("500m"), cluster(full, tainted, cordoned))).toBe(
      "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {dedicated: db}, 1 node(s) were unschedulable.",
    );
    expect(schedule(pod(), cluster())).toBe("no nodes available to schedule pods");
  });

  const rows: readonly [string, Pod, NodeState, string][] = [
    [
      "memory that is not there",
      pod({ containers: [{ name: "c", resources: { requests: { memory: "9Gi" } } }] }),
      node("a"),
      "1 Insufficient memory",
    ],
    [
      "an extended resource no node has",
      pod({ containers: [{ name: "c", resources: { requests: { "example.com/gpu": "1" } } }] }),
      node("a"),
      "1 Insufficient example.com/gpu",
    ],
    ["a node full of pods", pod(), node("a", { pods: "0" }), "1 Too many pods"],
    [
      "a node selector",
      pod({ nodeSelector: { disk: "ssd" } }),
      node("a"),
      "1 node(s) didn't match Pod's node affinity/selector",
    ],
    [
      "a toleration for another effect",
      pod({ tolerations: [{ key: "k", operator: "Exists", effect: "NoExecute" }] }),
      node("a", { spec: { taints: [{ key: "k", effect: "NoSchedule" }] } }),
      "1 node(s) had untolerated taint {k: }",
    ],
    ["the name of another node", pod({ nodeName: "z" }), node("a"), "1 node(s) didn't match the requested node name"],
    [
      "a spread key the node lacks",
      pod({
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", labelSelector: {} },
        ],
      }),
      node("a"),
      "1 node(s) didn't match pod topology spread constraints (missing required label)",
    ],
    [
      "affinity to a pod that is not there",
      pod({
        affinity: {
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: "db" } } },
            ],
          },
        },
      }),
      node("a"),
      "1 node(s) didn't match pod affinity rules",
    ],
  ];
  test.each(rows)("%s", (_name, one, state, reason) => {
    expect(schedule(one, cluster(state))).toBe(`0/1 nodes are available: ${reason}.`);
  });

  test("tolerations let a pod onto tainted and cordoned nodes", () => {
    const taints = [{ key: "k", value: "v", effect: "NoSchedule" as const }];
    expect(
      schedule(
        pod({ tolerations: [{ key: "k", operator: "Equal", value: "v" }] }),
        cluster(node("a", { spec: { taints } })),
      ),
    ).toBe("a");
    expect(
      schedule(
        pod({ tolerations: [{ operator: "Exists" }] }),
        cluster(node("a", { spec: { taints, unschedulable: true } })),
      ),
    ).toBe("a");
  });

  test("host ports collide by port, protocol and address", () => {
    const ports = (hostPort: number, hostIP?: string): Partial<PodSpec> => ({
      containers: [
        { name: "c", ports: [{ containerPort: 1, hostPort, protocol: "TCP", ...(hostIP ? { hostIP } : {}) }] },
      ],
    });
    const taken = node("a");
    taken.add(factsOf(pod(ports(80, "10.0.0.1"))));
    expect(schedule(pod(ports(80, "10.0.0.2")), cluster(taken))).toBe("a");
    expect(schedule(pod(ports(80)), cluster(taken))).toContain("didn't have free ports");
    expect(schedule(pod(ports(81)), cluster(taken))).toBe("a");
  });

  test("required node affinity knows all its operators", () => {
    const terms = (
      key: string,
      operator: "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt",
      values?: string[],
    ): Partial<PodSpec> => ({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }],
          },
        },
      },
    });
    const state = cluster(node("a", { labels: { zone: "x", cores: "8" } }));
    const fits = (spec: Partial<PodSpec>): boolean => schedule(pod(spec), state) === "a";
    expect([
      fits(terms("zone", "In", ["x", "y"])),
      fits(terms("zone", "NotIn", ["x"])),
      fits(terms("zone", "Exists")),
      fits(terms("zone", "DoesNotExist")),
      fits(terms("cores", "Gt", ["7"])),
      fits(terms("cores", "Lt", ["8"])),
      fits(terms("gone", "NotIn", ["x"])),
    ]).toEqual([true, false, true, false, true, false, true]);
  });
});

describe("affinity between pods", () => {
  const near = (kind: "podAffinity" | "podAntiAffinity", key: string): Partial<PodSpec> => ({
    affinity: {
      [kind]: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: key, labelSelector: { matchLabels: { app: "web" } } },
        ],
      },
    },
  });

  test("keeps pods of a group together in a zone, and lets the first one anywhere", () => {
    const [a, b, c] = [
      node("a", { labels: { zone: "1" } }),
      node("b", { labels: { zone: "1" } }),
      node("c", { labels: { zone: "2" } }),
    ];
    const state = cluster(a, b, c);
    expect(["a", "b", "c"]).toContain(schedule(pod(near("podAffinity", "zone"), { app: "web" }), state));
    c.add(factsOf(pod({}, { app: "web" })));
    expect(schedule(pod(near("podAffinity", "zone"), { app: "web" }), state)).toBe("c");
  });

  test("keeps pods apart, also by the wish of those that are there", () => {
    const [a, b] = [node("a"), node("b")];
    const state = cluster(a, b);
    a.add(factsOf(pod(near("podAntiAffinity", "kubernetes.io/hostname"), { app: "web" })));
    expect(schedule(pod(near("podAntiAffinity", "kubernetes.io/hostname"), { app: "web" }), state)).toBe("b");
    expect(schedule(pod({}, { app: "web" }), state)).toBe("b");
    b.add(factsOf(pod(near("podAntiAffinity", "kubernetes.io/hostname"), { app: "web" })));
    expect(schedule(pod({}, { app: "web" }), state)).toBe(
      "0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules.",
    );
  });
});

describe("topology spread", () => {
  const constraint = (maxSkew: number): Partial<PodSpec> => ({
    topologySpreadConstraints: [
      {
        maxSkew,
        topologyKey: "zone",
        whenUnsatisfiable: "DoNotSchedule",
        labelSelector: { matchLabels: { app: "web" } },
      },
    ],
  });

  test("never lets the skew grow beyond its maximum, whatever the order", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 40 }), (maxSkew, count) => {
        const nodes = ["1", "2", "3"].map((zone) => node(zone, { labels: { zone }, pods: "1000" }));
        for (let index = 0; index < count; index++) {
          const one = pod(constraint(maxSkew), { app: "web" });
          const name = schedule(one, cluster(...nodes));
          const chosen = nodes.find((candidate) => candidate.name === name);
          chosen?.add(factsOf(one));
          const sizes = nodes.map(({ pods }) => pods.size);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(maxSkew);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe("scores", () => {
  test("prefer the emptier node", () => {
    const [a, b] = [node("a"), node("b")];
    a.add(factsOf(asking("2")));
    expect(schedule(asking("500m"), cluster(a, b))).toBe("b");
  });

  test("prefer nodes that have the image, and follow preferred affinity and PreferNoSchedule", () => {
    const image = "example.com/big:1";
    const withImage = node("b", { images: [{ names: [image], sizeBytes: 2_000_000_000 }] });
    expect(schedule(pod({ containers: [{ name: "c", image }] }), cluster(node("a"), withImage))).toBe("b");
    const discouraged = node("a", { spec: { taints: [{ key: "k", effect: "PreferNoSchedule" }] } });
    expect(schedule(pod(), cluster(discouraged, node("b")))).toBe("b");
    const preferred: Partial<PodSpec> = {
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 10, preference: { matchExpressions: [{ key: "fast", operator: "Exists" }] } },
          ],
        },
      },
    };
    expect(schedule(pod(preferred), cluster(node("a"), node("b", { labels: { fast: "" } })))).toBe("b");
  });

  test("stay within what the weights allow", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 4000 }), { minLength: 2, maxLength: 8 }),
        fc.integer({ min: 0, max: 2000 }),
        (used, wanted) => {
          const nodes = used.map((milli, index) => {
            const one = node(`n${index}`);
            one.add(factsOf(asking(`${milli}m`)));
            return one;
          });
          for (const score of scoreNodes(factsOf(asking(`${wanted}m`)), nodes, cluster(...nodes))) {
            expect(score).toBeGreaterThanOrEqual(0);
            expect(score).toBeLessThanOrEqual(1200);
          }
        },
      ),
    );
  });

  test("pods are spread evenly over equal nodes", () => {
    const nodes = [node("a"), node("b"), node("c")];
    for (let index = 0; index < 9; index++) {
      const one = asking("100m");
      const name = schedule(one, cluster(...nodes));
      nodes.find((candidate) => candidate.name === name)?.add(factsOf(one));
    }
    expect(nodes.map(({ pods }) => pods.size)).toEqual([3, 3, 3]);
  });
});

describe("computePreemption", () => {
  const preempt = (one: Pod, state: ClusterState, budgets: readonly PodDisruptionBudget[] = []): unknown => {
    const decision = schedulePod(factsOf(one), state, { random });
    if (decision.kind === "scheduled") return "fits";
    const result = computePreemption(factsOf(one), state, decision.rejections, budgets);
    return result.kind === "none"
      ? result.message
      : [result.candidate.node, ...result.candidate.victims.map(({ pod: victim }) => victim.metadata.name)];
  };

  test("takes the least important pods, and no more than are needed", () => {
    const a = node("a", { cpu: "3" });
    const [low, mid, lower] = [
      asking("1", { priority: 5 }),
      asking("1", { priority: 7 }),
      asking("1", { priority: 1 }),
    ];
    for (const one of [low, mid, lower]) a.add(factsOf(one));
    expect(preempt(asking("1", { priority: 10 }), cluster(a))).toEqual(["a", lower.metadata.name]);
    expect(preempt(asking("2", { priority: 10 }), cluster(a))).toEqual(["a", low.metadata.name, lower.metadata.name]);
  });

  test("prefers the node whose victims matter least, and spares budgets", () => {
    const [a, b] = [node("a", { cpu: "1" }), node("b", { cpu: "1" })];
    const [onA, onB] = [asking("1", { priority: 1 }, { app: "guarded" }), asking("1", { priority: 5 })];
    a.add(factsOf(onA));
    b.add(factsOf(onB));
    const important = asking("1", { priority: 10 });
    expect(preempt(important, cluster(a, b))).toEqual(["a", onA.metadata.name]);
    const budget: PodDisruptionBudget = {
      metadata: { namespace: "default", name: "x" },
      spec: { selector: { matchLabels: { app: "guarded" } } },
      status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
    };
    expect(preempt(important, cluster(a, b), [budget])).toEqual(["b", onB.metadata.name]);
  });

  test("says why it does not help", () => {
    const a = node("a", { cpu: "1" });
    a.add(factsOf(asking("1", { priority: 10 })));
    expect(preempt(asking("1", { priority: 10 }), cluster(a))).toBe(
      "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
    );
    expect(preempt(asking("2", { priority: 99 }), cluster(a))).toBe(
      "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
    );
    expect(preempt(asking("1", { priority: 99, preemptionPolicy: "Never" }), cluster(a))).toContain(
      "preemptionPolicy=Never",
    );
  });
});

describe("nodesToFind", () => {
  test.each([
    [3, 3],
    [99, 99],
    [100, 100],
    [1000, 420],
    [5000, 500],
    [10_000, 500],
  ])("of %i nodes", (nodes, want) => {
    expect(nodesToFind(nodes)).toBe(want);
  });
});
