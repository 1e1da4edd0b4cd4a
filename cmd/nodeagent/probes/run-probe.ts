/** Carries out one probe of one container with the mechanism it names. Failures of any kind are results. */
import type { Container, Probe } from "#pkg/api/core/v1.ts";
import type { ContainerAccess } from "#pkg/cri/runtime-service.ts";
import { probeExec } from "#pkg/probes/exec.ts";
import type { GrpcProbe } from "#pkg/probes/grpc.ts";
import { probeHttp } from "#pkg/probes/http.ts";
import { type ProbeResult, probeResult } from "#pkg/probes/probe.ts";
import { probeTcp } from "#pkg/probes/tcp.ts";
import { messageOf } from "#pkg/system/errors.ts";
import { expandVariables } from "../environment/expand-variables.ts";
import { resolvePort } from "../pods/lifecycle-hooks.ts";

export interface ProbeTarget {
  readonly container: Container;
  readonly containerId: string;
  /** Where network probes go that name no host. */
  readonly podIp: string;
}

export type RunProbe = (probe: Probe, target: ProbeTarget) => Promise<ProbeResult>;

export interface RunProbeOptions {
  readonly runtime: Pick<ContainerAccess, "execSync">;
  readonly probeGrpc: (probe: GrpcProbe) => Promise<ProbeResult>;
  /** "kube-probe/1.36" */
  readonly userAgent: string;
}

export function createRunProbe({ runtime, probeGrpc, userAgent }: RunProbeOptions): RunProbe {
  const run = async (probe: Probe, { container, containerId, podIp }: ProbeTarget): Promise<ProbeResult> => {
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
    const { exec, httpGet, tcpSocket, grpc } = probe;
    if (exec) {
      return await probeExec(expandCommand(exec.command ?? [], container), timeoutMs, async (command, ms) => {
        const { exitCode, stdout, stderr } = await runtime.execSync(containerId, command, Math.ceil(ms / 1000));
        return { exitCode, output: Buffer.concat([stdout, stderr]).toString("utf8") };
      });
    }
    if (httpGet) {
      return await probeHttp({
        scheme: httpGet.scheme === "HTTPS" ? "HTTPS" : "HTTP",
        host: httpGet.host || podIp,
        port: resolvePort(container, httpGet.port),
        path: httpGet.path ?? "/",
        headers: httpGet.httpHeaders ?? [],
        timeoutMs,
        userAgent,
      });
    }
    if (tcpSocket) {
      const port = resolvePort(container, tcpSocket.port);
      return await probeTcp({ host: tcpSocket.host || podIp, port, timeoutMs });
    }
    if (grpc) {
      return await probeGrpc({ host: podIp, port: grpc.port, service: grpc.service ?? "", timeoutMs, userAgent });
    }
    return probeResult("unknown", `missing probe handler for ${container.name}`);
  };
  return async (probe, target) => {
    try {
      return await run(probe, target);
    } catch (error) {
      return probeResult("unknown", messageOf(error));
    }
  };
}

/** Only variables with a value of their own are known: probes get none from elsewhere. */
function expandCommand(command: readonly string[], container: Container): readonly string[] {
  const values = new Map((container.env ?? []).flatMap(({ name, value }) => (value ? [[name, value] as const] : [])));
  return command.map((word) => expandVariables(word, (name) => values.get(name)));
}
