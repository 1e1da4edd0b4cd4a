/** Pods for the tests of this program. */
import type { Container, Pod, PodSpec } from "#pkg/api/core/v1.ts";

export function makePod(spec: Partial<PodSpec> = {}, metadata: Partial<Pod["metadata"]> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "shop", uid: "0a1b", ...metadata },
    spec: { containers: [makeContainer()], nodeName: "node-1", serviceAccountName: "default", ...spec },
  };
}

export function makeContainer(container: Partial<Container> = {}): Container {
  return { name: "app", image: "berth.local/app:1", ...container };
}
