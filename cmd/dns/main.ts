/** berth-dns: reads its options, watches services, answers until SIGTERM or SIGINT. */
import { Counter, collectDefaultMetrics, Registry } from "prom-client";
import { createKubeClient } from "#pkg/kube/client.ts";
import { createTransport } from "#pkg/kube/client-config.ts";
import { Informers } from "#pkg/kube/informers.ts";
import { loadKubeconfig } from "#pkg/kube/kubeconfig.ts";
import { systemClock as clock } from "#pkg/system/clock.ts";
import { hasCode, messageOf } from "#pkg/system/errors.ts";
import { systemFiles as files } from "#pkg/system/files.ts";
import { createLogger } from "#pkg/system/log.ts";
import { systemRandom as random } from "#pkg/system/random.ts";
import { startDnsServer } from "./dns-server.ts";
import { createForwarder } from "./forwarder.ts";
import { startHealthServer } from "./health-server.ts";
import { parseDnsOptions, parseNameServers } from "./options.ts";
import { ServiceDirectory } from "./service-directory.ts";
import { watchServices } from "./watch-services.ts";

async function main(): Promise<void> {
  const options = parseDnsOptions(process.argv.slice(2), (text) => {
    process.stdout.write(text);
    process.exit(0);
  });
  const stopped = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopped.resolve(signal));
  const log = createLogger("dns", options.logLevel);
  await using stack = new AsyncDisposableStack();
  const transport = stack.use(createTransport(await loadKubeconfig(files, options.kubeconfigFile), { clock, files }));
  const client = createKubeClient(transport, { userAgent: "berth-dns", clock });
  const informers = stack.use(new Informers({ client, clock, random, log }));
  const directory = new ServiceDirectory();
  const hasSynced = watchServices(informers, directory);
  informers.start();
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const queries = new Counter({
    name: "berth_dns_queries_total",
    help: "Answers by type of question and response code",
    labelNames: ["type", "rcode"],
    registers: [registry],
  });
  const { addresses, port, domain, ttlSeconds, healthPort } = options;
  const servers = parseNameServers(await files.readText(options.resolvConf).catch(() => ""), options);
  const forwarder = createForwarder({ servers, clock, random });
  const onQuery = (type: string, code: number): void => queries.inc({ type, rcode: String(code) });
  const zone = { domain, ttlSeconds, directory, hasSynced };
  stack.use(await startDnsServer({ ...zone, addresses, port, forwarder, log, onQuery }));
  stack.use(await startHealthServer({ port: healthPort, isReady: hasSynced, metrics: () => registry.metrics() }));
  log.info("answering", { addresses, port, servers: servers.map(({ address }) => address) });
  log.info("stopping", { signal: await stopped.promise });
}

try {
  await main();
  process.exit();
} catch (error) {
  process.stderr.write(`berth-dns: ${messageOf(error)}\n`);
  process.exit(hasCode(error, "Invalid") ? 2 : 1);
}
