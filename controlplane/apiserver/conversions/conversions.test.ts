import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { resources } from "#pkg/api/schema/resources.ts";
import type { ListOptions, ResourceRegistry } from "../registry/resource-registry.ts";
import { autoscalerConversion } from "./autoscaler-conversion.ts";
import { conversionFor } from "./conversion-for.ts";
import { eventConversion, eventFieldLabels } from "./event-conversion.ts";
import { inForm } from "./in-form.ts";
import { relabelFields } from "./relabelled-registry.ts";

describe("conversionFor", () => {
  test("knows every resource that is stored in another form", () => {
    const converted = resources.filter(
      (one) =>
        one.storagePrefix !== undefined && (one.storedAs.group !== one.group || one.storedAs.version !== one.version),
    );
    expect(converted.map((one) => `${one.group}/${one.version}`)).toEqual(["events.k8s.io/v1", "autoscaling/v1"]);
    for (const one of converted) expect(conversionFor(one)).toBeDefined();
  });
});

describe("eventConversion", () => {
  const stored = inForm("core/v1.Event", {
    kind: "Event",
    apiVersion: "v1",
    metadata: { name: "e", namespace: "d" },
    involvedObject: { kind: "Pod", name: "p" },
    reason: "Started",
    message: "it runs",
    source: { component: "agent" },
    firstTimestamp: "2026-01-01T00:00:00Z",
    count: 2,
    type: "Normal",
    reportingComponent: "agent",
  });

  test("shows the same facts under other names", () => {
    expect(eventConversion.toServed(stored)).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      regarding: { kind: "Pod", name: "p" },
      note: "it runs",
      deprecatedSource: { component: "agent" },
      deprecatedFirstTimestamp: "2026-01-01T00:00:00Z",
      deprecatedCount: 2,
      reportingController: "agent",
    });
  });

  test("loses nothing on the way there and back", () => {
    expect(eventConversion.toStored(eventConversion.toServed(stored))).toEqual(stored);
  });
});

describe("relabelFields", () => {
  test("asks for the stored labels", async () => {
    const asked: string[] = [];
    const inner = {
      list: async ({ fieldSelector }: { readonly fieldSelector: string }) => {
        asked.push(fieldSelector);
        return { entries: [], revision: 1, continueToken: "" };
      },
    } as unknown as ResourceRegistry;
    const registry = relabelFields(inner, eventFieldLabels);
    const list = (fieldSelector: string) =>
      registry.list({ fieldSelector } as ListOptions, new AbortController().signal);
    await list("regarding.name=p,type!=Normal");
    await list("reportingController=a\\,b");
    await list("");
    expect(asked).toEqual(["involvedObject.name=p,type!=Normal", "reportingComponent=a\\,b", ""]);
    expect(() => list("regarding.name")).toThrow(expect.objectContaining({ code: 400 }));
  });
});

describe("autoscalerConversion", () => {
  const utilization = (name: string, averageUtilization: number) => ({
    type: "Resource",
    resource: { name, target: { type: "Utilization", averageUtilization } },
  });
  const scaler = (spec: object, status: object = {}): KubeObject =>
    inForm("autoscaling/v2.HorizontalPodAutoscaler", {
      kind: "HorizontalPodAutoscaler",
      apiVersion: "autoscaling/v2",
      metadata: { name: "h", namespace: "d", annotations: { mine: "kept" } },
      spec: { scaleTargetRef: { kind: "Deployment", name: "w" }, maxReplicas: 5, ...spec },
      status: { desiredReplicas: 1, ...status },
    });

  test("shows CPU utilization as v1's own field", () => {
    const served = autoscalerConversion.toServed(scaler({ metrics: [utilization("cpu", 80)] }));
    expect(served).toMatchObject({ apiVersion: "autoscaling/v1", spec: { targetCPUUtilizationPercentage: 80 } });
    expect(served.metadata.annotations).toEqual({ mine: "kept" });
  });

  test("takes v1's field for a CPU metric", () => {
    const spec = { maxReplicas: 3, targetCPUUtilizationPercentage: 50, scaleTargetRef: { kind: "X", name: "x" } };
    const served = { kind: "HorizontalPodAutoscaler", apiVersion: "autoscaling/v1", metadata: { name: "h" }, spec };
    expect(autoscalerConversion.toStored(served)["spec"]).toMatchObject({ metrics: [utilization("cpu", 50)] });
  });

  test("ignores annotations that make no sense", () => {
    const annotations = {
      "autoscaling.alpha.kubernetes.io/metrics": "{",
      "autoscaling.alpha.kubernetes.io/conditions": "1",
    };
    const stored = autoscalerConversion.toStored({ metadata: { name: "h", annotations }, spec: { maxReplicas: 1 } });
    expect(stored.metadata.annotations).toBeUndefined();
  });

  test("carries everything v1 does not know, there and back", () => {
    const selector = { matchLabels: { a: "b" } };
    const metric = { name: "m", selector };
    const metrics = fc.shuffledSubarray([
      utilization("memory", 70),
      { type: "Resource", resource: { name: "cpu", target: { type: "AverageValue", averageValue: "100m" } } },
      { type: "Pods", pods: { metric, target: { type: "AverageValue", averageValue: "10" } } },
      {
        type: "Object",
        object: { metric, describedObject: { kind: "Ingress", name: "i" }, target: { type: "Value", value: "10k" } },
      },
      { type: "External", external: { metric, target: { type: "AverageValue", averageValue: "30" } } },
      { type: "External", external: { metric, target: { type: "Value", value: "30" } } },
      {
        type: "ContainerResource",
        containerResource: { name: "cpu", container: "c", target: { type: "Utilization", averageUtilization: 60 } },
      },
      utilization("cpu", 80),
    ]);
    const status = {
      currentMetrics: [
        { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 5, averageValue: "5m" } } },
      ],
      conditions: [{ type: "AbleToScale", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }],
    };
    fc.assert(
      fc.property(metrics, fc.boolean(), (list, withStatus) => {
        // v1 has one place for the CPU utilization, which comes last on the way back.
        const ordered = [...list].sort((a, b) => Number(isCpu(a)) - Number(isCpu(b)));
        const stored = scaler(
          { metrics: ordered, behavior: { scaleDown: { policies: [] } } },
          withStatus ? status : {},
        );
        expect(autoscalerConversion.toStored(autoscalerConversion.toServed(stored))).toEqual(stored);
      }),
    );
  });

  function isCpu(metric: object): boolean {
    return JSON.stringify(metric) === JSON.stringify(utilization("cpu", 80));
  }
});
