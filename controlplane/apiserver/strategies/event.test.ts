import { describe, expect, test } from "vitest";
import type { Event } from "#pkg/api/core/v1.ts";
import { eventStrategy } from "./event.ts";
import { createFaults, createMessages } from "./testing/judge.ts";

const metadata = { name: "e", namespace: "n" };
const pod = { kind: "Pod", namespace: "n", name: "p" };
const report = {
  eventTime: "2026-01-02T03:04:05.000000Z",
  reportingComponent: "example.com/agent",
  reportingInstance: "agent-1",
  action: "Pull",
  reason: "Pulled",
};

describe("Event", () => {
  test.each<[object, string[]]>([
    [{ metadata, involvedObject: pod }, []],
    [{ metadata, involvedObject: { ...pod, namespace: "m" } }, ["involvedObject.namespace: Invalid"]],
    [{ metadata, involvedObject: { kind: "Node", name: "x" } }, ["involvedObject.namespace: Invalid"]],
    [{ metadata: { ...metadata, namespace: "default" }, involvedObject: { kind: "Node", name: "x" } }, []],
    [{ metadata, involvedObject: pod, ...report }, []],
    [{ metadata: { ...metadata, namespace: "kube-system" }, involvedObject: { kind: "Node" }, ...report }, []],
    [{ metadata, involvedObject: { kind: "Node" }, ...report }, ["involvedObject.namespace: Invalid"]],
    [
      { metadata, involvedObject: pod, ...report, reportingComponent: "" },
      ["reportingComponent: Required", "reportingComponent: Invalid", "reportingComponent: Invalid"],
    ],
    [{ metadata, involvedObject: pod, ...report, action: undefined }, ["action: Required"]],
    [{ metadata, involvedObject: pod, ...report, reason: "r".repeat(129) }, ["reason: Invalid"]],
    [{ metadata, involvedObject: pod, ...report, message: "m".repeat(1024) }, []],
    [{ metadata, involvedObject: pod, ...report, message: "m".repeat(1025) }, ["message: Invalid"]],
    [{ metadata, involvedObject: pod, message: "m".repeat(1025) }, []],
  ])("case %#", (event, faults) => expect(createFaults(eventStrategy, event)).toEqual(faults));

  test("does not repeat what is too long", () => {
    const event = { metadata, involvedObject: pod, ...report, action: "a".repeat(200) };
    expect(createMessages(eventStrategy, event)).toEqual([
      'action: Invalid value: "": can have at most 128 characters',
    ]);
  });

  test("lives for an hour", () => expect(eventStrategy.ttlSeconds).toBe(3600));

  test("can be selected by what it is about and who tells", () => {
    const event: Event = { metadata, involvedObject: { ...pod, uid: "1" }, reportingComponent: "r", type: "Normal" };
    expect(eventStrategy.selectableFields?.(event)).toEqual({
      "involvedObject.kind": "Pod",
      "involvedObject.namespace": "n",
      "involvedObject.name": "p",
      "involvedObject.uid": "1",
      "involvedObject.apiVersion": "",
      "involvedObject.resourceVersion": "",
      "involvedObject.fieldPath": "",
      reason: "",
      reportingComponent: "r",
      source: "r",
      type: "Normal",
    });
    expect(eventStrategy.selectableFields?.({ ...event, source: { component: "s" } })).toMatchObject({ source: "s" });
  });
});
