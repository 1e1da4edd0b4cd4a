/** The volumes, environment and probes of the real agent put together. No logic. */
import { resources } from "#pkg/kube/resources.ts";
import { createGrpcProber } from "#pkg/probes/grpc.ts";
import { systemRunner } from "#pkg/system/exec.ts";
import { createMounts } from "#pkg/system/mounts.ts";
import { systemTreeFiles } from "#pkg/system/tree-files.ts";
import { createPodEnvironment } from "./environment/pod-environment.ts";
import type { AgentParts, PartsContext } from "./node-agent.ts";
import type { AgentOptions } from "./options.ts";
import { createProbeManager } from "./probes/probe-manager.ts";
import { createRunProbe } from "./probes/run-probe.ts";
import { AccountTokens } from "./volumes/account-tokens.ts";
import { createPodVolumes } from "./volumes/pod-volumes.ts";
import { WatchedConfigs } from "./volumes/watched-configs.ts";

export function makeParts(options: AgentOptions, context: PartsContext): AgentParts {
  const { client, clock, random, log, events, folders, files, allocatable, cri } = context;
  const stack = new AsyncDisposableStack();
  const config = stack.use(new WatchedConfigs({ client, clock, random, log }));
  const services = context.informers.for(resources.services);
  const volumes = stack.use(
    createPodVolumes({
      tree: systemTreeFiles,
      mounts: createMounts(systemRunner, context.kernelFiles),
      config,
      tokens: new AccountTokens({ client, clock, random, log }),
      folders,
      allocatable,
      clock,
      random,
      log,
    }),
  );
  const environment = createPodEnvironment({
    clusterDns: options.clusterDns,
    clusterDomain: options.clusterDomain,
    resolvConf: options.resolvConf,
    hostsFile: "/etc/hosts",
    folders,
    files,
    config,
    serviceLister: {
      services: async () => {
        await services.waitForSync();
        return services.list();
      },
    },
    allocatable,
    events,
  });
  const runProbe = createRunProbe({
    runtime: cri.runtime,
    probeGrpc: createGrpcProber(() => clock.now()),
    userAgent: "kube-probe/1.36",
  });
  const probes = stack.use(createProbeManager({ run: runProbe, clock, random, events }));
  return { volumes, environment, probes, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
