/** Puts the parts that run pods together. No logic: who knows whom is to be seen here and nowhere else. */
import type { Pod, Secret } from "#pkg/api/core/v1.ts";
import type { ImageService } from "#pkg/cri/image-service.ts";
import type { RuntimeService } from "#pkg/cri/runtime-service.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { Files } from "#pkg/system/files.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import type { ScratchFiles } from "#pkg/system/scratch-files.ts";
import { ImagePuller } from "../images/image-puller.ts";
import type { StatusManager } from "../status/status-manager.ts";
import { AgentPodDirectory } from "./agent-pod-directory.ts";
import type { ResourceSettings } from "./container-resources.ts";
import { ContainerStarter } from "./container-starter.ts";
import type { CrashBackoffPolicy } from "./crash-backoff.ts";
import { Housekeeper } from "./housekeeping.ts";
import { sendHookRequest } from "./http-get.ts";
import type { PodCgroups } from "./pod-cgroups.ts";
import type { AgentFolders } from "./pod-folders.ts";
import { PodKiller } from "./pod-killer.ts";
import { PodReporter } from "./pod-reporter.ts";
import { PodSyncer } from "./pod-syncer.ts";
import { PodTerminator } from "./pod-terminator.ts";
import { PodWorkers } from "./pod-workers.ts";
import type { EventSink, PodDirectory, PodEnvironment, PodVolumes, ProbeManager } from "./ports.ts";
import { RuntimeReader } from "./runtime-reader.ts";
import { RuntimeWatch } from "./runtime-watch.ts";
import { terminationMessageReader } from "./termination-message.ts";

export interface PodsOptions {
  readonly runtime: RuntimeService;
  readonly images: ImageService;
  readonly statuses: StatusManager;
  readonly volumes: PodVolumes;
  readonly environment: PodEnvironment;
  readonly probes: ProbeManager;
  readonly cgroups: PodCgroups;
  readonly events: EventSink;
  readonly files: Files;
  readonly scratch: ScratchFiles;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly folders: AgentFolders;
  readonly crashBackoff: CrashBackoffPolicy;
  readonly maxParallelPulls: number;
  readonly resources: () => ResourceSettings;
  readonly hostIps: () => readonly string[];
  readonly runtimeName: () => string;
  readonly networkProblem: () => string | undefined;
  readonly runtimeHandler: (pod: Pod) => Promise<string>;
  readSecret(namespace: string, name: string): Promise<Secret | undefined>;
  /** The API's pods of this node have been seen. */
  readonly hasSynced: () => boolean;
}

export interface Pods extends AsyncDisposable {
  readonly workers: PodWorkers;
  readonly directory: PodDirectory;
  readonly watch: RuntimeWatch;
}

export function startPods(options: PodsOptions): Pods {
  const { runtime, statuses, probes, clock, log } = options;
  const reader = new RuntimeReader({ runtime, readMessage: terminationMessageReader(options.scratch) });
  const images = new ImagePuller(options);
  const reporter = new PodReporter(options);
  const hooks = { runtime, clock, httpGet: sendHookRequest };
  const killer = new PodKiller({ ...hooks, runtime, events: options.events });
  const starter = new ContainerStarter({ ...options, ...hooks, runtime, reader, images, killer });
  const syncer = new PodSyncer({ ...options, reader, reporter, starter, killer });
  const terminator = new PodTerminator({ ...options, reader, reporter, killer });
  const workers = new PodWorkers({
    syncer,
    terminator,
    clock,
    random: options.random,
    log,
    onFinished: (_identity, pod) => pod && statuses.finish(pod),
    onForgotten: (uid) => {
      statuses.forget(uid);
      reporter.forget(uid);
      images.forget(uid);
    },
  });
  const housekeeper = new Housekeeper({
    ...options,
    isKnown: (uid) => workers.has(uid),
    isReady: options.hasSynced,
    endOrphan: (identity) => workers.endOrphan(identity),
  });
  const watch = new RuntimeWatch({
    runtime,
    reader,
    clock,
    log,
    onPod: (uid) => workers.wake(uid),
    onSummary: (pods) => {
      housekeeper.tidy(pods).catch((error: unknown) => log.warn("tidying up failed", { error }));
    },
  });
  const listening = probes.onChange((uid) => workers.wake(uid));
  return {
    workers,
    watch,
    directory: new AgentPodDirectory({ pods: () => workers.pods(), statusOf: (uid) => statuses.get(uid), reader }),
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]();
      await watch[Symbol.asyncDispose]();
      await workers[Symbol.asyncDispose]();
    },
  };
}
