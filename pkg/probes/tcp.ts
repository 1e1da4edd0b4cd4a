/** tcpSocket probes: a connection that opens is success. */
import { connect } from "node:net";
import { type ProbeResult, probeResult } from "./probe.ts";

export interface TcpProbe {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
}

export function probeTcp({ host, port, timeoutMs }: TcpProbe): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const socket = connect({ host, port, signal });
    socket.once("connect", () => {
      socket.destroy();
      resolve(probeResult("success", ""));
    });
    socket.once("error", (error) => {
      const what = signal.aborted ? `no connection within ${timeoutMs} ms` : error.message;
      resolve(probeResult("failure", `dial tcp ${host}:${port}: ${what}`));
    });
  });
}
