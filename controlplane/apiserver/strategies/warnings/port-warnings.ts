/** Ports of one pod that are defined twice, or not quite. */
import type { ContainerPort, PodSpec } from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { visitContainers } from "../validation/visit-containers.ts";

export function portWarnings(spec: PodSpec, at: FieldPath): readonly string[] {
  const warnings: string[] = [];
  const known = new Map<string, { path: FieldPath; port: ContainerPort }[]>();
  const names = new Map<string, FieldPath>();
  const nameWarnings: string[] = [];
  for (const { container, path: containerPath } of visitContainers(spec, at)) {
    for (const [index, port] of (container.ports ?? []).entries()) {
      const path = containerPath.child("ports").index(index);
      if (port.hostIP && !port.hostPort) warnings.push(`${path}: hostIP set without hostPort: ${JSON.stringify(port)}`);
      const key = `${port.containerPort}/${port.protocol}`;
      const others = known.get(key) ?? [];
      for (const other of others) {
        const what = overlap(port, other.port);
        if (what) warnings.push(`${path}: ${what} port definition with ${other.path}`);
      }
      known.set(key, [...others, { path, port }]);
      if (!port.name) continue;
      const other = names.get(port.name);
      if (!other) names.set(port.name, path);
      else {
        const text = `services and probes that select ports by name will use ${other}`;
        nameWarnings.push(`${path}: duplicate port name "${port.name}" with ${other}, ${text}`);
      }
    }
  }
  return [...warnings, ...nameWarnings];
}

function overlap(one: ContainerPort, other: ContainerPort): string | undefined {
  const [hostPort, otherHostPort] = [one.hostPort ?? 0, other.hostPort ?? 0];
  const [hostIP, otherHostIP] = [one.hostIP ?? "", other.hostIP ?? ""];
  if (hostIP === otherHostIP && hostPort === otherHostPort) return "duplicate";
  if (hostPort === 0 || otherHostPort === 0) return "overlapping";
  return hostPort === otherHostPort && (hostIP === "") !== (otherHostIP === "") ? "dangerously ambiguous" : undefined;
}
