/**
 * The network as the agent sees it: it learns the node's range from the API, follows the other nodes, and takes back what
 * belongs to sandboxes that are gone. Where another CNI plugin is used, none of this runs.
 */
import type { RuntimeService } from "#pkg/cri/runtime-service.ts";
import type { KubeClient } from "#pkg/kube/client.ts";
import { Informers } from "#pkg/kube/informers.ts";
import { type PeriodicSync, startPeriodicSync } from "#pkg/kube/periodic-sync.ts";
import { resources } from "#pkg/kube/resources.ts";
import type { Random } from "#pkg/system/random.ts";
import type { NodeNetwork } from "../node/ports.ts";
import {
  type PodNetworkPorts,
  type PodNetworkSettings,
  type RunningPodNetwork,
  startPodNetwork,
} from "./start-pod-network.ts";

export interface NodeNetworkPorts extends PodNetworkPorts {
  readonly client: KubeClient;
  readonly runtime: RuntimeService;
  readonly random: Random;
}

const collectEveryMs = 60_000;

export async function startNodeNetwork(
  settings: PodNetworkSettings,
  ports: NodeNetworkPorts,
): Promise<NodeNetwork & AsyncDisposable> {
  const { client, clock, random, log, runtime } = ports;
  await using stack = new AsyncDisposableStack();
  const network = stack.use(await startPodNetwork(settings, ports));
  const informers = stack.use(new Informers({ client, clock, random, log }));
  const nodes = informers.for(resources.nodes);
  const routes = stack.use(
    startPeriodicSync({
      name: "node-routes",
      sync: () => network.syncNodes(nodes.list()),
      minMs: 100,
      retryMs: 1000,
      maxMs: 300_000,
      clock,
      log,
    }),
  );
  const onNode = (): void => routes.trigger();
  stack.use(nodes.addHandler({ onAdd: onNode, onUpdate: onNode, onDelete: onNode }));
  informers.start();
  stack.use(startCollecting(network, runtime, ports));
  const owned = stack.move();
  return {
    setPodCidrs: ([cidr]) => (cidr === undefined ? Promise.resolve() : network.setPodCidr(cidr)),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Nobody else calls CNI's GC. A sandbox that is just being made is not listed yet, so a miss counts only when it repeats. */
function startCollecting(
  network: RunningPodNetwork,
  runtime: RuntimeService,
  { clock, log }: NodeNetworkPorts,
): PeriodicSync {
  let missing = new Set<string>();
  return startPeriodicSync({
    name: "pod-network-collection",
    sync: async () => {
      const alive = new Set((await runtime.listPodSandbox()).map(({ id }) => id));
      const seen = new Set<string>();
      const gone = await network.collect((id) => {
        if (alive.has(id)) return true;
        seen.add(id);
        return !missing.has(id);
      });
      missing = seen;
      if (gone.length > 0) log.info("addresses of pods that are gone were taken back", { attachments: gone });
    },
    minMs: collectEveryMs,
    retryMs: collectEveryMs,
    maxMs: collectEveryMs,
    clock,
    log,
  });
}
