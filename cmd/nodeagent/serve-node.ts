/** The agent's HTTPS server put together: certificate, who may call, and what is served. No logic. */
import type { RuntimeService } from "#pkg/cri/runtime-service.ts";
import type { KubeClient } from "#pkg/kube/client.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { Files } from "#pkg/system/files.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { ReadableFiles } from "#pkg/system/readable-files.ts";
import type { NodeAgent } from "./node-agent.ts";
import type { AgentOptions } from "./options.ts";
import { NodeAccess } from "./server/node-access.ts";
import { createNodeRoutes } from "./server/node-routes.ts";
import { type NodeServer, startNodeServer } from "./server/node-server.ts";
import { ensureServingCertificate } from "./server/serving-certificate.ts";

export interface ServeNodePorts {
  readonly client: KubeClient;
  readonly runtime: RuntimeService;
  readonly clock: Clock;
  readonly files: Files;
  readonly readableFiles: ReadableFiles;
  readonly log: Logger;
}

/** Resolves when connections are accepted; throws "Unavailable" when the port cannot be had. */
export async function serveNode(options: AgentOptions, agent: NodeAgent, ports: ServeNodePorts): Promise<NodeServer> {
  const { client, runtime, clock, files, log } = ports;
  const { nodeName } = agent;
  const certificate = await ensureServingCertificate(
    { ...options.tls, folder: options.certDir, nodeName, addresses: agent.addresses },
    { files, clock },
  );
  const routes = createNodeRoutes({
    runtime,
    pods: agent.directory,
    files: ports.readableFiles,
    clock,
    pages: new Map(),
    checkHealth: async () => {
      const problem = agent.health();
      if (problem !== undefined) throw new BerthError("Unavailable", problem);
    },
  });
  const access = new NodeAccess({ client, clock, nodeName });
  const { address: host, port, anonymousAuth, clientCaFile, authorizationMode } = options;
  const clientCaPem = clientCaFile ? await files.readText(clientCaFile) : undefined;
  const judged = {
    certificateUser: access.certificateUser.bind(access),
    tokenUser: access.tokenUser.bind(access),
    isAllowed: authorizationMode === "AlwaysAllow" ? async () => true : access.isAllowed.bind(access),
  };
  return await startNodeServer(
    { host, port, certificate, clientCaPem, anonymousAuth },
    { access: judged, routes, log },
  );
}
