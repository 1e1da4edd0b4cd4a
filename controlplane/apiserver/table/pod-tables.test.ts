import { describe, expect, test } from "vitest";
import type { Pod } from "#pkg/api/core/v1.ts";
import { tableColumns, tableRow } from "./tables.ts";

const now = Date.UTC(2026, 0, 2, 12);
const key = { group: "", version: "v1", kind: "Pod" };
const status = (name: string, more: object = {}) => ({
  name,
  ready: false,
  restartCount: 0,
  image: "i",
  imageID: "",
  ...more,
});
const running = { ready: true, state: { running: { startedAt: "2026-01-02T11:00:00Z" } } };
const ended = (exitCode: number, more: object = {}) => ({ state: { terminated: { exitCode, ...more } } });
const waiting = (reason: string) => ({ state: { waiting: { reason } } });
const condition = (type: string, value: string, reason?: string) => ({ type, status: value, reason });

interface Parts {
  readonly init?: readonly object[];
  readonly spec?: object;
  readonly metadata?: object;
  readonly status?: object;
}

function pod({ init = [], spec = {}, metadata = {}, status: podStatus = {} }: Parts): Pod {
  return {
    metadata: { name: "web", creationTimestamp: "2026-01-02T10:00:00Z", ...metadata },
    spec: { containers: [{ name: "a" }, { name: "b" }], initContainers: init, ...spec },
    status: { phase: "Running", ...podStatus },
  } as unknown as Pod;
}

const cells = (one: Pod) => tableRow(key, one, now);
const summary = (one: Pod) => cells(one).slice(1, 4);

describe("pod table", () => {
  test("has the columns of kubectl get pods", () => {
    expect(tableColumns(key).map((one) => `${one.name}${one.priority ? "*" : ""}`)).toEqual([
      "Name",
      "Ready",
      "Status",
      "Restarts",
      "Age",
      "IP*",
      "Node*",
      "Nominated Node*",
      "Readiness Gates*",
    ]);
  });

  test("a running pod, wide", () => {
    const one = pod({
      spec: { nodeName: "n1", readinessGates: [{ conditionType: "x" }, { conditionType: "y" }] },
      status: {
        podIPs: [{ ip: "10.0.0.1" }, { ip: "fd00::1" }],
        conditions: [condition("x", "True"), condition("y", "False")],
        containerStatuses: [status("a", running), status("b", running)],
      },
    });
    expect(cells(one)).toEqual(["web", "2/2", "Running", "0", "120m", "10.0.0.1", "n1", "<none>", "1/2"]);
  });

  test("a pod without status", () => {
    const bare = { metadata: { name: "web" }, spec: { containers: [{ name: "a" }] } } as unknown as Pod;
    expect(cells(bare)).toEqual(["web", "0/1", "", "0", "<unknown>", "<none>", "<none>", "<none>", "<none>"]);
  });

  const gone = { deletionTimestamp: "2026-01-02T11:59:00Z" };
  const rows: [string, Pod, [string, string, string]][] = [
    ["pending", pod({ status: { phase: "Pending" } }), ["0/2", "Pending", "0"]],
    ["a reason of its own", pod({ status: { phase: "Failed", reason: "Evicted" } }), ["0/2", "Evicted", "0"]],
    [
      "held by scheduling gates",
      pod({ status: { phase: "Pending", conditions: [condition("PodScheduled", "False", "SchedulingGated")] } }),
      ["0/2", "SchedulingGated", "0"],
    ],
    [
      "creating",
      pod({
        status: {
          phase: "Pending",
          containerStatuses: [status("a", waiting("ContainerCreating")), status("b", waiting("ContainerCreating"))],
        },
      }),
      ["0/2", "ContainerCreating", "0"],
    ],
    [
      "crashing, with the time of the last restart",
      pod({
        status: {
          containerStatuses: [
            status("a", {
              ...waiting("CrashLoopBackOff"),
              restartCount: 5,
              lastState: { terminated: { exitCode: 1, finishedAt: "2026-01-02T11:55:00Z" } },
            }),
            status("b", {
              ...running,
              restartCount: 1,
              lastState: { terminated: { exitCode: 1, finishedAt: "2026-01-02T11:00:00Z" } },
            }),
          ],
        },
      }),
      ["1/2", "CrashLoopBackOff", "6 (5m ago)"],
    ],
    [
      "the first container's reason wins",
      pod({
        status: { containerStatuses: [status("a", waiting("ErrImagePull")), status("b", waiting("ImagePullBackOff"))] },
      }),
      ["0/2", "ErrImagePull", "0"],
    ],
    [
      "completed",
      pod({
        status: {
          phase: "Succeeded",
          containerStatuses: [
            status("a", ended(0, { reason: "Completed" })),
            status("b", ended(0, { reason: "Completed" })),
          ],
        },
      }),
      ["0/2", "Completed", "0"],
    ],
    [
      "an exit code without a reason",
      pod({ status: { containerStatuses: [status("a", ended(3))] } }),
      ["0/2", "ExitCode:3", "0"],
    ],
    [
      "a signal without a reason",
      pod({ status: { containerStatuses: [status("a", ended(137, { signal: 9 }))] } }),
      ["0/2", "Signal:9", "0"],
    ],
    [
      "one done, one running, ready",
      pod({
        status: {
          conditions: [condition("Ready", "True")],
          containerStatuses: [status("a", ended(0, { reason: "Completed" })), status("b", running)],
        },
      }),
      ["1/2", "Running", "0"],
    ],
    [
      "one done, one running, not ready",
      pod({
        status: {
          conditions: [condition("Ready", "False")],
          containerStatuses: [status("a", ended(0, { reason: "Completed" })), status("b", running)],
        },
      }),
      ["1/2", "NotReady", "0"],
    ],
    [
      "terminating",
      pod({ metadata: gone, status: { containerStatuses: [status("a", running)] } }),
      ["1/2", "Terminating", "0"],
    ],
    ["deleted when it was over", pod({ metadata: gone, status: { phase: "Succeeded" } }), ["0/2", "Succeeded", "0"]],
    ["on a lost node", pod({ metadata: gone, status: { reason: "NodeLost" } }), ["0/2", "Unknown", "0"]],
    [
      "initializing",
      pod({
        init: [{ name: "i" }, { name: "j" }],
        status: {
          phase: "Pending",
          initContainerStatuses: [status("i", ended(0)), status("j", waiting("PodInitializing"))],
        },
      }),
      ["0/2", "Init:1/2", "0"],
    ],
    [
      "an init container that fails",
      pod({
        init: [{ name: "i" }],
        status: {
          phase: "Pending",
          initContainerStatuses: [status("i", { ...ended(1, { reason: "Error" }), restartCount: 2 })],
        },
      }),
      ["0/2", "Init:Error", "2"],
    ],
    [
      "an init container that ends without a reason",
      pod({ init: [{ name: "i" }], status: { phase: "Pending", initContainerStatuses: [status("i", ended(2))] } }),
      ["0/2", "Init:ExitCode:2", "0"],
    ],
    [
      "an init container that waits",
      pod({
        init: [{ name: "i" }],
        status: {
          phase: "Pending",
          initContainerStatuses: [status("i", { ...waiting("CrashLoopBackOff"), restartCount: 3 })],
        },
      }),
      ["0/2", "Init:CrashLoopBackOff", "3"],
    ],
    [
      "restarts of init containers that are done do not count",
      pod({
        init: [{ name: "i" }],
        status: {
          initContainerStatuses: [status("i", { ...ended(0), restartCount: 4 })],
          containerStatuses: [status("a", running), status("b", running)],
        },
      }),
      ["2/2", "Running", "0"],
    ],
    [
      "sidecars count as containers, and so do their restarts",
      pod({
        init: [{ name: "s", restartPolicy: "Always" }],
        status: {
          initContainerStatuses: [status("s", { ...running, started: true, restartCount: 1 })],
          containerStatuses: [status("a", running), status("b", running)],
        },
      }),
      ["3/3", "Running", "1"],
    ],
    [
      "a sidecar that has not started holds the rest up",
      pod({
        init: [{ name: "s", restartPolicy: "Always" }],
        status: {
          phase: "Pending",
          initContainerStatuses: [status("s", { ...running, ready: false, started: false })],
        },
      }),
      ["0/3", "Init:0/1", "0"],
    ],
    [
      "an initialized pod whose sidecar crashes shows its containers",
      pod({
        init: [{ name: "s", restartPolicy: "Always" }],
        status: {
          conditions: [condition("Initialized", "True")],
          initContainerStatuses: [status("s", { ...waiting("CrashLoopBackOff"), restartCount: 2 })],
          containerStatuses: [status("a", running), status("b", running)],
        },
      }),
      ["2/3", "Init:CrashLoopBackOff", "2"],
    ],
  ];

  test.each(rows)("%s", (_, one, expected) => {
    expect(summary(one)).toEqual(expected);
  });
});
