import { describe, expect, test } from "vitest";
import type { Deployment } from "#pkg/api/apps/v1.ts";
import { buildDemo } from "./demo-objects.ts";

const deployments = buildDemo().filter(({ kind }) => kind === "Deployment") as unknown as Deployment[];

describe("buildDemo", () => {
  test("makes the namespace before what is in it", () => {
    const [first, ...others] = buildDemo();
    expect(first).toMatchObject({ kind: "Namespace", metadata: { name: "demo" } });
    expect(others.every(({ metadata }) => metadata.namespace === "demo")).toBe(true);
  });

  test("gives every container requests, limits, probes and no more rights than it needs", () => {
    for (const { spec } of deployments) {
      for (const container of spec?.template.spec?.containers ?? []) {
        expect(container.resources).toMatchObject({ requests: { cpu: "50m" }, limits: { cpu: "500m" } });
        expect(container.livenessProbe).toBeDefined();
        expect(container.readinessProbe).toBeDefined();
        expect(container.securityContext).toMatchObject({ runAsNonRoot: true, allowPrivilegeEscalation: false });
      }
    }
  });

  test("has no variable that a Service of its namespace would bring too", () => {
    const services = buildDemo().flatMap(({ kind, metadata }) => (kind === "Service" ? (metadata.name ?? "") : []));
    const names = deployments
      .flatMap(({ spec }) => spec?.template.spec?.containers[0]?.env ?? [])
      .map(({ name }) => name);
    for (const service of services)
      expect(names.filter((name) => name.startsWith(`${service.toUpperCase()}_`))).toEqual([]);
  });
});
