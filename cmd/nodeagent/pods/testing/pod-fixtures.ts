/** Small pods and what a runtime may have of them, for tables of cases. */
import type { Container, Pod, PodSpec } from "#pkg/api/core/v1.ts";
import { containerHash } from "../container-hash.ts";
import type { ObservedContainer, ObservedPod, ObservedSandbox } from "../observed-pod.ts";

export const startMs = Date.UTC(2026, 0, 1);

export function container(name: string, more: Partial<Container> = {}): Container {
  return { name, image: "img:1", ...more };
}

export function sidecar(name: string, more: Partial<Container> = {}): Container {
  return container(name, { restartPolicy: "Always", ...more });
}

/** A pod with one container "a" unless the spec says otherwise; in the host's network. */
export function makePod(spec: Partial<PodSpec> = {}, metadata: Partial<Pod["metadata"]> = {}): Pod {
  return {
    metadata: { name: "p", namespace: "ns", uid: "uid-1", generation: 1, ...metadata },
    spec: { restartPolicy: "Always", hostNetwork: true, containers: [container("a")], ...spec },
  };
}

export function sandbox(more: Partial<ObservedSandbox> = {}): ObservedSandbox {
  return { id: "s0", attempt: 0, isReady: true, createdAtMs: startMs, isHostNetwork: true, ips: [], ...more };
}

export function run(name: string, more: Partial<ObservedContainer> = {}): ObservedContainer {
  const restartCount = more.restartCount ?? 0;
  return {
    id: `${name}-${restartCount}`,
    sandboxId: "s0",
    name,
    state: "running",
    createdAtMs: startMs + restartCount * 1000,
    startedAtMs: startMs + restartCount * 1000,
    finishedAtMs: 0,
    exitCode: 0,
    reason: "",
    message: "",
    image: "img:1",
    imageId: "sha256:1",
    restartCount,
    hash: containerHash({ name, image: "img:1" }),
    logFile: `/logs/${name}/${restartCount}.log`,
    annotations: {},
    ...more,
  };
}

export function exited(name: string, exitCode: number, more: Partial<ObservedContainer> = {}): ObservedContainer {
  const reason = exitCode === 0 ? "Completed" : "Error";
  return run(name, { state: "exited", exitCode, reason, finishedAtMs: startMs + 500, ...more });
}

/** Containers newest first. */
export function observe(
  containers: readonly ObservedContainer[] = [],
  sandboxes: readonly ObservedSandbox[] = [sandbox()],
): ObservedPod {
  return { uid: "uid-1", name: "p", namespace: "ns", sandboxes, containers };
}
