import { describe, expect, test } from "vitest";
import { podStrategy } from "./pod.ts";
import { created, withValue } from "./testing/judge.ts";

const container = { name: "c", image: "nginx:1" };
const good = {
  metadata: { name: "p", namespace: "n" },
  spec: { serviceAccountName: "default", containers: [container] },
};

describe("a new pod", () => {
  const make = (spec: object, metadata: object = {}) =>
    created(podStrategy, { metadata: { ...good.metadata, ...metadata }, spec: { ...good.spec, ...spec } });

  test("is pending, with its QoS class, whatever status came with it", () => {
    const pod = created(podStrategy, { ...good, status: { phase: "Running", podIP: "1.2.3.4" } });
    expect(pod.status).toEqual({ phase: "Pending", qosClass: "BestEffort" });
  });

  test("says so when gates keep it from the scheduler", () => {
    expect(make({ schedulingGates: [{ name: "a.b/c" }] }).status?.conditions).toEqual([
      {
        type: "PodScheduled",
        status: "False",
        lastTransitionTime: "2026-01-02T03:04:05Z",
        reason: "SchedulingGated",
        message: "Scheduling is blocked due to non-empty scheduling gates",
      },
    ]);
  });

  test("takes the values of matchLabelKeys from its labels", () => {
    const labelSelector = { matchLabels: { app: "a" } };
    const constraint = {
      maxSkew: 1,
      topologyKey: "k",
      whenUnsatisfiable: "DoNotSchedule",
      labelSelector,
      matchLabelKeys: ["v", "w"],
    };
    const pod = make({ topologySpreadConstraints: [constraint] }, { labels: { v: "1" } });
    expect(pod.spec.topologySpreadConstraints?.[0]?.labelSelector?.matchExpressions).toEqual([
      { key: "v", operator: "In", values: ["1"] },
    ]);
    expect(podStrategy.validate?.(pod)).toEqual([]);
  });

  test("reads AppArmor annotations, and drops what is switched off", () => {
    const annotations = { "container.apparmor.security.beta.kubernetes.io/c": "localhost/x" };
    const containers = [{ ...container, lifecycle: { stopSignal: "SIGUSR1", preStop: { exec: { command: ["a"] } } } }];
    const pod = make({ containers, schedulingGroup: { podGroupName: "x" } }, { annotations });
    expect(pod.spec.containers[0]?.securityContext).toEqual({
      appArmorProfile: { type: "Localhost", localhostProfile: "x" },
    });
    expect(pod.spec.containers[0]?.lifecycle).toEqual({ preStop: { exec: { command: ["a"] } } });
    expect(pod.spec).not.toHaveProperty("schedulingGroup");
  });
});

describe("grace of a delete", () => {
  const running = {
    ...good,
    spec: { ...good.spec, nodeName: "n", terminationGracePeriodSeconds: 30 },
    status: { phase: "Running" },
  };
  test.each<[object, number | undefined, number]>([
    [running, undefined, 30],
    [running, 5, 5],
    [running, 0, 0],
    [{ ...running, spec: { ...running.spec, nodeName: undefined } }, undefined, 0],
    [{ ...running, status: { phase: "Failed" } }, 5, 0],
    [{ ...running, status: { phase: "Succeeded" } }, undefined, 0],
  ])("%j, asked for %s: %d s", (pod, requested, seconds) =>
    expect(podStrategy.gracePeriodSeconds?.(pod as never, requested)).toBe(seconds),
  );
});

describe("selectable fields", () => {
  test("are all there for an object with nothing but metadata", () => {
    expect(podStrategy.selectableFields?.({ metadata: {} } as never)).toEqual({
      "spec.nodeName": "",
      "spec.host": "",
      "spec.restartPolicy": "",
      "spec.schedulerName": "",
      "spec.serviceAccountName": "",
      "spec.hostNetwork": "false",
      "status.phase": "",
      "status.podIP": "",
      "status.podIPs": "",
      "status.nominatedNodeName": "",
    });
  });
});

describe("warnings", () => {
  const warn = (path: string, value: unknown) =>
    podStrategy.warnings?.(created(podStrategy, withValue(good, path, value)));

  test("tell of what does not do what it seems to", () => {
    expect(podStrategy.warnings?.(created(podStrategy, good))).toEqual([]);
    expect(
      warn("spec.containers.0.env", [
        { name: "a", value: "1" },
        { name: "a", value: "2" },
      ]),
    ).toEqual(['spec.containers[0].env[1]: hides previous definition of "a", which may be dropped when using apply']);
    expect(
      warn("spec.containers.0.env", [
        { name: "a", value: "1" },
        { name: "a", value: "$(a)2" },
      ]),
    ).toEqual([]);
    expect(warn("spec.nodeSelector", { "beta.kubernetes.io/os": "linux" })).toEqual([
      'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
    ]);
    expect(warn("spec.containers.0.ports", [{ containerPort: 80 }, { containerPort: 80 }])).toEqual([
      "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
    ]);
    expect(warn("spec.containers.0.resources", { requests: { memory: "100m" } })).toEqual([
      'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer',
    ]);
    expect(warn("metadata.name", "a.b")?.[0]).toContain("a DNS label is recommended: [must not contain dots]");
    expect(
      warn("spec.volumes", [
        {
          name: "v",
          configMap: {
            name: "m",
            items: [
              { key: "a", path: "x" },
              { key: "b", path: "x/y" },
            ],
          },
        },
      ]),
    ).toEqual(['volume "v" (ConfigMap "m"): overlapping paths: "x/y" with "x"']);
  });

  test("are for people, who make pods, not for machines, which change them", () => {
    const pod = created(podStrategy, withValue(good, "spec.nodeSelector", { "beta.kubernetes.io/os": "linux" }));
    expect(podStrategy.warnings?.(pod, pod)).toEqual([]);
  });
});
