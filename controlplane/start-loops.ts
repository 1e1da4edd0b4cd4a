/**
 * Scheduler and controllers beside the API server of this process. Each has a client of its own, over a transport inside the
 * process, under the name by which upstream's program would log in. Composition only.
 */
import { createKubeClient, type KubeClient } from "#pkg/kube/client.ts";
import { clientEventSink, QueuedEventRecorder } from "#pkg/kube/events.ts";
import { Informers } from "#pkg/kube/informers.ts";
import type { Transport } from "#pkg/kube/transport.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import type { UserInfo } from "./apiserver/http/api-request.ts";
import { type ControllersOptions, startControllers } from "./controllers/start-controllers.ts";
import { startScheduler } from "./scheduler/scheduler.ts";

export interface LoopsPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Of Berth, for the user agent. */
  readonly version: string;
  /** The loops start when this resolves; when it rejects they never do. */
  readonly ready: Promise<void>;
  transportFor(user: UserInfo): Transport;
}

/** Dispose stops the loops before the informers they read, and those before the transports. */
export function startLoops(options: ControllersOptions, ports: LoopsPorts): AsyncDisposable {
  const stack = new AsyncDisposableStack();
  let isStopped = false;
  let starting: Promise<void> | undefined;
  const begin = async (): Promise<void> => {
    await startSchedulerPart(ports, stack);
    startControllersPart(options, ports, stack);
  };
  const onReady = (): void => {
    if (isStopped) return;
    starting = begin().catch((error: unknown) => ports.log.error("scheduler or controllers did not start", { error }));
  };
  ports.ready.then(onReady, () => undefined);
  return {
    async [Symbol.asyncDispose]() {
      isStopped = true;
      await starting;
      await stack.disposeAsync();
    },
  };
}

async function startSchedulerPart(ports: LoopsPorts, stack: AsyncDisposableStack): Promise<void> {
  const { clock, random } = ports;
  const log = ports.log.with({ part: "scheduler" });
  const client = openClient("kube-scheduler", ports, stack);
  const informers = stack.use(new Informers({ client, clock, random, log }));
  const events = stack.use(openRecorder("default-scheduler", client, ports));
  stack.use(await startScheduler({ client, informers, events, clock, random, log }));
}

function startControllersPart(options: ControllersOptions, ports: LoopsPorts, stack: AsyncDisposableStack): void {
  const { clock, random } = ports;
  const log = ports.log.with({ part: "controllers" });
  const client = openClient("kube-controller-manager", ports, stack);
  const informers = stack.use(new Informers({ client, clock, random, log }));
  const eventsFor = (component: string) => stack.use(openRecorder(component, client, ports));
  stack.use(startControllers(options, { client, informers, clock, random, log, eventsFor }));
}

function openClient(program: string, ports: LoopsPorts, stack: AsyncDisposableStack): KubeClient {
  const user = { name: `system:${program}`, groups: ["system:masters"] };
  const transport = stack.use(ports.transportFor(user));
  return createKubeClient(transport, { userAgent: `${program}/${ports.version}`, clock: ports.clock });
}

function openRecorder(component: string, client: KubeClient, { clock, random, log }: LoopsPorts): QueuedEventRecorder {
  return new QueuedEventRecorder({ sink: clientEventSink(client), component, clock, random, log });
}
