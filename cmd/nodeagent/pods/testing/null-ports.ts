/** Ports for pods without volumes, environment or probes. */
import type { AgentParts } from "../../node-agent.ts";
import type { PodEnvironment, PodVolumes, ProbeManager } from "../ports.ts";

export const noVolumes: PodVolumes = {
  prepare: async () => undefined,
  mounts: async () => [],
  remove: async () => undefined,
};

export const plainEnvironment: PodEnvironment = {
  hostname: (pod) => (pod.spec.hostNetwork ? "" : (pod.metadata.name ?? "")),
  dnsConfig: async () => undefined,
  variables: async (_pod, container) => (container.env ?? []).map(({ name, value = "" }) => ({ name, value })),
  expand: (words = []) => words,
  hostsMount: async () => undefined,
};

export const noProbes: ProbeManager = {
  syncPod: () => undefined,
  removePod: () => undefined,
  verdicts: () => ({ startup: undefined, liveness: undefined, readiness: undefined }),
  onChange: () => ({ [Symbol.dispose]: () => undefined }),
};

export const plainParts: AgentParts = {
  volumes: noVolumes,
  environment: plainEnvironment,
  probes: noProbes,
  [Symbol.asyncDispose]: async () => undefined,
};
