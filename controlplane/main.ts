/** berth-server: reads its options, runs until SIGTERM or SIGINT, and stops in order. */
import { hostname, networkInterfaces } from "node:os";
import { CommanderError } from "commander";
import packageJson from "#package.json" with { type: "json" };
import { systemClock } from "#pkg/system/clock.ts";
import { messageOf } from "#pkg/system/errors.ts";
import { systemFiles } from "#pkg/system/files.ts";
import { createLogger } from "#pkg/system/log.ts";
import { systemRandom } from "#pkg/system/random.ts";
import { parseServerOptions, type ServerOptions } from "./options.ts";
import { startServer } from "./server.ts";

const { version } = packageJson;

function readOptions(): Readonly<ServerOptions> {
  try {
    return parseServerOptions(process.argv.slice(2), version);
  } catch (error) {
    // Help and version were printed already.
    if (error instanceof CommanderError) process.exit(0);
    process.stderr.write(`berth-server: ${messageOf(error)}\n`);
    process.exit(2);
  }
}

const options = readOptions();
const log = createLogger("server", options.logLevel);
const stop = Promise.withResolvers<string>();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.resolve(signal));

try {
  await using server = await startServer(options, {
    clock: systemClock,
    random: systemRandom,
    files: systemFiles,
    log,
    hostAddress: ownAddress(),
    hostName: hostname(),
    version,
    platform: `linux/${process.arch === "x64" ? "amd64" : process.arch}`,
  });
  log.info("listening", { port: server.port, kubeconfig: options.kubeconfigFile });
  await Promise.race([
    server.ready.then(() => log.info("ready", { seconds: Math.round(performance.now()) / 1000 })),
    stop.promise,
  ]);
  log.info("stopping", { signal: await stop.promise });
} catch (error) {
  log.error("berth-server ended", { error });
  process.exitCode = 1;
}
process.exit();

/** The first address of this machine that is not a loopback one. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";
}
