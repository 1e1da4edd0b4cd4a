import { describe, expect, test } from "vitest";
import type { Pod } from "#pkg/api/core/v1.ts";
import { podStrategy } from "./pod.ts";
import { created, updated, updateFaults, updateMessages, withValue } from "./testing/judge.ts";

const container = { name: "c", image: "nginx:1" };
const good = {
  metadata: { name: "p", namespace: "n" },
  spec: { serviceAccountName: "default", containers: [container] },
};

describe("update of a pod", () => {
  const current = created(podStrategy, good);
  const faults = (change: (pod: Pod) => void) => updateFaults(podStrategy, current, change);

  test.each<[string, (pod: Pod) => void]>([
    ["nothing", () => undefined],
    ["labels", (pod) => (pod.metadata.labels = { a: "b" })],
    ["an image", (pod) => (pod.spec.containers[0]!.image = "nginx:2")],
    ["the deadline", (pod) => (pod.spec.activeDeadlineSeconds = 5)],
    ["a toleration more", (pod) => (pod.spec.tolerations = [{ key: "a", operator: "Exists" }])],
    ["the same amounts in other words", (pod) => (pod.spec.containers[0]!.resources = { requests: {} })],
  ])("may change %s", (_, change) => expect(faults(change)).toEqual([]));

  test.each<[string, (pod: Pod) => void, string[]]>([
    ["its node", (pod) => (pod.spec.nodeName = "n"), ["spec: Forbidden"]],
    ["a command", (pod) => (pod.spec.containers[0]!.command = ["a"]), ["spec: Forbidden"]],
    ["resources", (pod) => (pod.spec.containers[0]!.resources = { requests: { cpu: "1" } }), ["spec: Forbidden"]],
    [
      "the number of containers",
      (pod) => pod.spec.containers.push({ name: "d", image: "d" }),
      ["spec.containers: Forbidden"],
    ],
    ["gates", (pod) => (pod.spec.schedulingGates = [{ name: "a" }]), ["spec.schedulingGates[0].name: Forbidden"]],
    ["the grace period", (pod) => (pod.spec.terminationGracePeriodSeconds = 1), ["spec: Forbidden"]],
    [
      "the mirror annotation",
      (pod) => (pod.metadata.annotations = { "kubernetes.io/config.mirror": "x" }),
      [
        "metadata.annotations[kubernetes.io/config.mirror]: Invalid",
        "metadata.annotations[kubernetes.io/config.mirror]: Forbidden",
      ],
    ],
  ])("may not change %s", (_, change, expected) => expect(faults(change)).toEqual(expected));

  test("names the field that may not change", () => {
    expect(updateMessages(podStrategy, current, (pod) => (pod.spec.hostname = "h"))[0]).toBe(
      "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\nchanged: spec.hostname",
    );
  });

  test("a deadline comes nearer and stays", () => {
    const limited = created(podStrategy, withValue(good, "spec.activeDeadlineSeconds", 5));
    const change = (seconds: number | undefined) =>
      updateFaults(podStrategy, limited, (pod) => (pod.spec.activeDeadlineSeconds = seconds));
    expect(change(3)).toEqual([]);
    expect(change(6)).toEqual(["spec.activeDeadlineSeconds: Invalid"]);
    expect(change(undefined)).toEqual(["spec.activeDeadlineSeconds: Invalid"]);
  });

  test("a toleration keeps everything but its seconds", () => {
    const toleration = { key: "a", operator: "Exists" as const, effect: "NoExecute" as const, tolerationSeconds: 5 };
    const tolerant = created(podStrategy, withValue(good, "spec.tolerations", [toleration]));
    const change = (next: object[]) =>
      updateFaults(podStrategy, tolerant, (pod) => (pod.spec.tolerations = next as never));
    expect(change([{ ...toleration, tolerationSeconds: 9 }])).toEqual([]);
    expect(change([])).toEqual(["spec.tolerations: Forbidden"]);
    expect(change([{ ...toleration, key: "b" }])).toEqual(["spec.tolerations: Forbidden"]);
  });

  test("a gated pod can be narrowed down, and let go", () => {
    const gated = created(
      podStrategy,
      withValue(withValue(good, "spec.schedulingGates", [{ name: "a" }]), "spec.nodeSelector", { a: "b" }),
    );
    const change = (mutate: (pod: Pod) => void) => updateFaults(podStrategy, gated, mutate);
    expect(change((pod) => delete pod.spec.schedulingGates)).toEqual([]);
    expect(change((pod) => (pod.spec.nodeSelector = { a: "b", c: "d" }))).toEqual([]);
    expect(change((pod) => (pod.spec.nodeSelector = { a: "x" }))).toEqual(["spec.nodeSelector: Invalid"]);
    const term = { matchExpressions: [{ key: "a", operator: "Exists" as const }] };
    expect(
      change(
        (pod) =>
          (pod.spec.affinity = {
            nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } },
          }),
      ),
    ).toEqual([]);
  });
});

describe("ephemeral containers", () => {
  const current = created(podStrategy, good);
  const add = (pod: Pod) => (pod.spec.ephemeralContainers = [{ name: "e", image: "i", targetContainerName: "c" }]);

  test("can be added, and nothing else changes with them", () => {
    const next = updated(
      podStrategy,
      current,
      (pod) => {
        add(pod);
        pod.spec.nodeName = "n";
        pod.metadata.labels = { a: "b" };
      },
      "ephemeralcontainers",
    );
    expect(next.spec).toMatchObject({ ...current.spec, ephemeralContainers: [{ name: "e", image: "i" }] });
    expect(next.metadata.labels).toBeUndefined();
    expect(updateFaults(podStrategy, current, add, "ephemeralcontainers")).toEqual([]);
  });

  test("stay as they are", () => {
    const withOne = updated(podStrategy, current, add, "ephemeralcontainers");
    const change = (mutate: (pod: Pod) => void) => updateFaults(podStrategy, withOne, mutate, "ephemeralcontainers");
    expect(change((pod) => (pod.spec.ephemeralContainers = []))).toEqual(["spec.ephemeralContainers: Forbidden"]);
    expect(change((pod) => (pod.spec.ephemeralContainers![0]!.image = "x"))).toEqual([
      "spec.ephemeralContainers: Forbidden",
    ]);
  });

  test("have no ports, probes or targets that are not there", () => {
    const bad = (pod: Pod) =>
      (pod.spec.ephemeralContainers = [
        { name: "c", image: "i", targetContainerName: "x", ports: [{ containerPort: 1 }] },
      ]);
    expect(updateFaults(podStrategy, current, bad, "ephemeralcontainers")).toEqual([
      "spec.ephemeralContainers[0].name: Duplicate",
      "spec.ephemeralContainers[0].targetContainerName: NotFound",
      "spec.ephemeralContainers[0].ports: Forbidden",
    ]);
  });
});

describe("resize", () => {
  const resources = { requests: { cpu: "100m", memory: "1Gi" } };
  const current = created(podStrategy, withValue(good, "spec.containers.0.resources", resources));
  const resize = (change: (pod: Pod) => void) => updateFaults(podStrategy, current, change, "resize");

  test("changes cpu and memory, and nothing else", () => {
    const next = updated(
      podStrategy,
      current,
      (pod) => {
        pod.spec.containers[0]!.resources = { requests: { cpu: "200m", memory: "1Gi" } };
        pod.spec.containers[0]!.image = "other";
      },
      "resize",
    );
    expect(next.spec.containers[0]).toMatchObject({ image: "nginx:1", resources: { requests: { cpu: "200m" } } });
    expect(resize((pod) => (pod.spec.containers[0]!.resources!.requests!["cpu"] = "200m"))).toEqual([]);
  });

  test("does not take away, rename, or change the QoS class", () => {
    expect(resize((pod) => (pod.spec.containers[0]!.resources = { requests: { cpu: "1" } }))).toEqual([
      "spec.containers[0].resources.requests: Forbidden",
    ]);
    expect(resize((pod) => (pod.spec.containers[0]!.name = "x"))).toEqual(["spec.containers[0].name: Forbidden"]);
    const guaranteed = { cpu: "100m", memory: "1Gi" };
    expect(resize((pod) => (pod.spec.containers[0]!.resources = { requests: guaranteed, limits: guaranteed }))).toEqual(
      ["spec: Invalid"],
    );
    expect(resize((pod) => (pod.spec.containers[0]!.resources!.requests!["ephemeral-storage"] = "1"))).toEqual([
      "spec: Forbidden",
    ]);
  });
});

describe("status of a pod", () => {
  const base = created(podStrategy, good);
  const current: Pod = {
    ...base,
    status: {
      ...base.status,
      observedGeneration: 2,
      conditions: [{ type: "Ready", status: "True", observedGeneration: 2 }],
    },
  };
  const set = (status: object) => updated(podStrategy, current, (pod) => (pod.status = status as never), "status");
  const faults = (status: object) =>
    updateFaults(
      podStrategy,
      current,
      (pod) => (pod.status = { qosClass: "BestEffort", ...status } as never),
      "status",
    );

  test("keeps what the server knows better", () => {
    expect(
      set({ phase: "Running", podIP: "1.2.3.4", conditions: [{ type: "Ready", status: "False" }] }).status,
    ).toEqual({
      phase: "Running",
      qosClass: "BestEffort",
      observedGeneration: 2,
      podIP: "1.2.3.4",
      podIPs: [{ ip: "1.2.3.4" }],
      conditions: [{ type: "Ready", status: "False", observedGeneration: 2 }],
    });
    expect(set({ podIPs: [{ ip: "1.2.3.4" }], hostIPs: [{ ip: "5.6.7.8" }] }).status).toMatchObject({
      podIP: "1.2.3.4",
      hostIP: "5.6.7.8",
    });
  });

  test.each<[object, string[]]>([
    [{ phase: "Running" }, []],
    [{ qosClass: "Guaranteed" }, ["status.qosClass: Invalid"]],
    [{ podIPs: [{ ip: "1.2.3.4" }, { ip: "1.2.3.5" }] }, ["status.podIPs: Invalid"]],
    [{ podIPs: [{ ip: "1.2.3.4" }, { ip: "::1" }] }, []],
    [{ podIPs: [{ ip: "x" }] }, ["status.podIPs[0]: Invalid"]],
    [{ hostIP: "1.1.1.1", hostIPs: [{ ip: "1.2.3.4" }] }, ["status.hostIPs[0].ip: Invalid"]],
    [{ conditions: [{ type: "a b", status: "True" }] }, ["status.conditions[0].Type: Invalid"]],
    [{ nominatedNodeName: "A" }, ["status.nominatedNodeName: Invalid"]],
    [{ observedGeneration: -1 }, ["status.observedGeneration: Invalid"]],
    [{ resourceClaimStatuses: [{ name: "x" }] }, ["status.resourceClaimStatuses[0].name: Invalid"]],
  ])("%j", (status, expected) => expect(faults(status)).toEqual(expected));

  test("a container that ended for good does not run again", () => {
    const ended = { containerStatuses: [{ name: "c", state: { terminated: { exitCode: 0 } } }] };
    const again = (pod: Pod) =>
      (pod.status = { ...pod.status, containerStatuses: [{ name: "c", state: { running: {} } }] as never });
    const run = (restartPolicy: string, status = ended) => {
      const pod = { ...created(podStrategy, withValue(good, "spec.restartPolicy", restartPolicy)), status };
      return updateFaults(podStrategy, pod as never, again, "status");
    };
    expect(run("Always")).toEqual([]);
    expect(run("Never")).toEqual(["status.containerStatuses[0].state: Forbidden"]);
    expect(run("OnFailure")).toEqual(["status.containerStatuses[0].state: Forbidden"]);
    const failed = { containerStatuses: [{ name: "c", state: { terminated: { exitCode: 1 } } }] };
    expect(run("OnFailure", failed)).toEqual([]);
  });
});
