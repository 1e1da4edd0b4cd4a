/** berth-proxy: reads its options, runs until SIGTERM or SIGINT, and leaves its rules in place. */
import { availableParallelism, hostname } from "node:os";
import { CommanderError } from "commander";
import packageJson from "#package.json" with { type: "json" };
import { createKubeClient } from "#pkg/kube/client.ts";
import { createTransport } from "#pkg/kube/client-config.ts";
import { loadKubeconfig } from "#pkg/kube/kubeconfig.ts";
import { createConntrack } from "#pkg/network/conntrack/conntrack.ts";
import { createIPTables } from "#pkg/network/iptables/iptables.ts";
import type { IpFamily } from "#pkg/network/iptables/ruleset.ts";
import { systemClock } from "#pkg/system/clock.ts";
import { hasCode, messageOf } from "#pkg/system/errors.ts";
import { systemRunner } from "#pkg/system/exec.ts";
import { systemFiles } from "#pkg/system/files.ts";
import { systemKernelFiles } from "#pkg/system/kernel-files.ts";
import { createLogger } from "#pkg/system/log.ts";
import { systemRandom } from "#pkg/system/random.ts";
import { parseKubeProxyConfiguration } from "./kube-proxy-configuration.ts";
import { combineProxyOptions, type ProxyFlags, parseProxyFlags } from "./options.ts";
import { startProxy } from "./proxy.ts";
import { removeServiceRules } from "./services/rule-writer.ts";

const { version } = packageJson;

function readFlags(): ProxyFlags {
  try {
    return parseProxyFlags(process.argv.slice(2), version);
  } catch (error) {
    // Help and version were printed already.
    if (error instanceof CommanderError) process.exit(0);
    process.stderr.write(`berth-proxy: ${messageOf(error)}\n`);
    process.exit(2);
  }
}

const iptables = (family: IpFamily) => createIPTables({ family, runner: systemRunner });

async function cleanUp(): Promise<void> {
  for (const family of ["IPv4", "IPv6"] as const) {
    try {
      await removeServiceRules(iptables(family));
    } catch (error) {
      // A machine without the family has no rules of it.
      if (family === "IPv4") throw error;
      log.debug("no rules of the family were removed", { family, reason: messageOf(error) });
    }
  }
}

async function runProxy(): Promise<void> {
  const file = flags.config ? parseKubeProxyConfiguration(await systemFiles.readText(flags.config), flags.config) : {};
  const options = combineProxyOptions(flags, file);
  const stop = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.resolve(signal));
  const config = await loadKubeconfig(systemFiles, options.kubeconfigFile);
  await using transport = createTransport(config, { clock: systemClock, files: systemFiles });
  await using proxy = await startProxy(options, {
    client: createKubeClient(transport, { userAgent: `berth-proxy/v${version}`, clock: systemClock }),
    iptables,
    conntrack: (family) => createConntrack({ family, runner: systemRunner }),
    kernelFiles: systemKernelFiles,
    clock: systemClock,
    random: systemRandom,
    log,
    cores: availableParallelism(),
    hostName: hostname(),
  });
  log.info("started", { server: config.server, healthPort: proxy.healthPort, metricsPort: proxy.metricsPort });
  proxy.ready.then(
    () => log.info("ready", { seconds: Math.round(performance.now()) / 1000 }),
    () => undefined,
  );
  log.info("stopping", { signal: await stop.promise });
}

const flags = readFlags();
const log = createLogger("proxy", flags.logLevel);
try {
  await (flags.cleanup ? cleanUp() : runProxy());
} catch (error) {
  log.error("berth-proxy ended", { error });
  process.exitCode = hasCode(error, "Invalid") ? 2 : 1;
}
process.exit();
