/** Puts the proxy together: informers, one model and one loop per address family, health and metrics. */
import { parseBlock } from "#pkg/api/ip-address.ts";
import type { KubeClient } from "#pkg/kube/client.ts";
import { clientEventSink, QueuedEventRecorder } from "#pkg/kube/events.ts";
import { Informers } from "#pkg/kube/informers.ts";
import type { PeriodicSync } from "#pkg/kube/periodic-sync.ts";
import { resources } from "#pkg/kube/resources.ts";
import type { Conntrack } from "#pkg/network/conntrack/conntrack.ts";
import type { IPTables } from "#pkg/network/iptables/iptables.ts";
import type { IpFamily } from "#pkg/network/iptables/ruleset.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { KernelFiles } from "#pkg/system/kernel-files.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import { type HttpAnswer, jsonAnswer, startHttpServer } from "./health/http-server.ts";
import { type HealthReport, ProxyHealth } from "./health/proxy-health.ts";
import { ProxyMetrics } from "./health/proxy-metrics.ts";
import { ServiceHealth } from "./health/service-health.ts";
import { acceptsOutOfWindow, applyKernelSettings, buildKernelSettings } from "./kernel-settings.ts";
import type { ProxyOptions } from "./options.ts";
import type { RuleOptions } from "./services/build-port-rules.ts";
import { FamilyProxy } from "./services/family-proxy.ts";

export interface ProxyPorts {
  readonly client: KubeClient;
  readonly iptables: (family: IpFamily) => IPTables;
  readonly conntrack: (family: IpFamily) => Conntrack;
  readonly kernelFiles: KernelFiles;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly cores: number;
  /** This machine's name, where the options name no node. */
  readonly hostName: string;
}

export interface RunningProxy extends AsyncDisposable {
  /** Resolves when the rules of all families were written for the first time. */
  readonly ready: Promise<void>;
  readonly healthPort: number;
  readonly metricsPort: number | undefined;
}

const fullSyncMs = 3_600_000;
/** Objects for other proxies, and for none. */
const foreignServices = "!service.kubernetes.io/service-proxy-name,!service.kubernetes.io/headless";

/** Throws "Unavailable" when an address cannot be listened on. Disposing it leaves all rules in place. */
export async function startProxy(options: ProxyOptions, ports: ProxyPorts): Promise<RunningProxy> {
  const { client, clock, kernelFiles, log, random } = ports;
  const nodeName = options.nodeName ?? ports.hostName.toLowerCase();
  await using stack = new AsyncDisposableStack();
  const settings = buildKernelSettings(options.conntrack, ports.cores, options.servesLocalhost);
  await applyKernelSettings(settings, kernelFiles, log);
  if (options.clusterCidrs.length === 0)
    log.warn("without --cluster-cidr traffic from outside the cluster keeps its source; answers may not find back");
  const dropsInvalid = !(await acceptsOutOfWindow(kernelFiles));

  const health = new ProxyHealth(clock, 2 * options.syncMs);
  const metrics = new ProxyMetrics();
  const sink = clientEventSink(client);
  const events = stack.use(
    new QueuedEventRecorder({ sink, component: "kube-proxy", host: nodeName, clock, random, log }),
  );
  let isReady = false;
  const servers = await startServers(options, health, metrics, () => isReady, stack);
  const serviceHealth = stack.use(
    new ServiceHealth({ address: "0.0.0.0", isProxyHealthy: () => health.isHealthy, events, log }),
  );
  const informers = stack.use(new Informers({ client, clock, random, log }));
  const families = familiesOf(options.serviceCidrs).map(
    (family, index) =>
      new FamilyProxy({
        nodeName,
        rules: ruleOptions(options, family, dropsInvalid),
        iptables: ports.iptables(family),
        conntrack: ports.conntrack(family),
        ...{ clock, log, health },
        metrics: metrics.forFamily(family),
        serviceHealth: index === 0 ? serviceHealth : undefined,
      }),
  );
  const loops = startLoops(families, informers, health, nodeName, options);
  for (const loop of loops) stack.use(loop);
  const ready = Promise.all(loops.map((loop) => loop.flush())).then(() => {
    isReady = true;
  });
  // Stopping before the first write is no failure of its own.
  ready.catch(() => undefined);
  const kept = stack.move();
  return { ready, ...servers, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function startLoops(
  families: readonly FamilyProxy[],
  informers: Informers,
  health: ProxyHealth,
  nodeName: string,
  options: ProxyOptions,
): readonly PeriodicSync[] {
  const scope = { labelSelector: foreignServices };
  const services = informers.for(resources.services, scope);
  const slices = informers.for(resources.endpointSlices, scope);
  const nodes = informers.for(resources.nodes, { fieldSelector: `metadata.name=${nodeName}` });
  nodes.addHandler({
    onAdd: (node) => health.noteNode(node),
    onUpdate: (node) => health.noteNode(node),
    onDelete: () => health.noteNode(undefined),
  });
  const loops = families.map((family) => {
    family.follow({ services, slices, nodes });
    return family.start({
      minSyncMs: options.minSyncMs,
      syncMs: options.syncMs,
      fullSyncMs,
      waitForSync: (signal) => informers.waitForSync(signal),
    });
  });
  informers.start();
  return loops;
}

async function startServers(
  options: ProxyOptions,
  health: ProxyHealth,
  metrics: ProxyMetrics,
  isReady: () => boolean,
  stack: AsyncDisposableStack,
): Promise<{ readonly healthPort: number; readonly metricsPort: number | undefined }> {
  const answer = (kind: "healthz" | "livez", { isHealthy, body }: HealthReport): HttpAnswer => {
    const status = isHealthy ? 200 : 503;
    metrics.noteHealth(kind, status);
    return jsonAnswer(status, body);
  };
  const healthz = (): HttpAnswer => answer("healthz", health.healthz());
  const { host, port } = options.healthAddress;
  const forHealth = stack.use(
    await startHttpServer(host, port, {
      "/healthz": healthz,
      "/livez": () => answer("livez", health.livez()),
      "/readyz": () => (isReady() ? { status: 200, body: "ok" } : { status: 503, body: "no rules were written yet" }),
    }),
  );
  if (!options.metricsAddress) return { healthPort: forHealth.port, metricsPort: undefined };
  const forMetrics = stack.use(
    await startHttpServer(options.metricsAddress.host, options.metricsAddress.port, {
      "/metrics": async () => ({ status: 200, body: await metrics.render(), contentType: metrics.contentType }),
      "/healthz": () => ({ status: 200, body: "ok" }),
      "/proxyMode": () => ({ status: 200, body: "iptables" }),
    }),
  );
  return { healthPort: forHealth.port, metricsPort: forMetrics.port };
}

/** Those that services have addresses of; IPv4 when nothing is said. */
function familiesOf(serviceCidrs: readonly string[]): readonly IpFamily[] {
  const families = new Set(serviceCidrs.map(familyOf));
  return families.size > 0 ? [...families] : ["IPv4"];
}

function ruleOptions(options: ProxyOptions, family: IpFamily, dropsInvalid: boolean): RuleOptions {
  const { masqueradesAll, masqueradeMark, nodePortAddresses, servesLocalhost } = options;
  const ofFamily = (cidr: string): boolean => familyOf(cidr) === family;
  return {
    family,
    clusterCidr: options.clusterCidrs.find(ofFamily),
    serviceCidrs: options.serviceCidrs.filter(ofFamily),
    ...{ masqueradesAll, masqueradeMark, nodePortAddresses, servesLocalhost, dropsInvalid },
  };
}

function familyOf(cidr: string): IpFamily {
  return parseBlock(cidr)?.family === 6 ? "IPv6" : "IPv4";
}
