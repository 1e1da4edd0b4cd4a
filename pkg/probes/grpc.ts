/**
 * grpc probes: grpc.health.v1 Check without TLS; SERVING is success.
 * Source: k8s.io/kubernetes pkg/probe/grpc (v1.36).
 */
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { loadGrpcDescriptor } from "#pkg/api/schema/grpc.ts";
import { type GrpcHealthStatus, grpcHealthDescriptor } from "#pkg/api/schema/grpc-health.ts";
import { type ProbeResult, probeResult } from "./probe.ts";

export interface GrpcProbe {
  readonly host: string;
  readonly port: number;
  /** "" asks for the server as a whole. */
  readonly service: string;
  readonly timeoutMs: number;
  readonly userAgent: string;
}

type HealthAnswer = { readonly status: GrpcHealthStatus };

/** `now` is the wall clock in ms: gRPC takes deadlines, not timeouts. */
export function createGrpcProber(now: () => number): (probe: GrpcProbe) => Promise<ProbeResult> {
  const check = loadGrpcDescriptor(grpcHealthDescriptor, { int64: "number" }).service("grpc.health.v1.Health")["Check"];
  if (!check) throw new Error("the health descriptor has no method Check");
  return (probe) => {
    const host = probe.host.includes(":") ? `[${probe.host}]` : probe.host;
    const client = new Client(`${host}:${probe.port}`, credentials.createInsecure(), {
      "grpc.primary_user_agent": probe.userAgent,
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_http_proxy": 0,
    });
    const deadline = now() + probe.timeoutMs;
    return new Promise<ProbeResult>((resolve) => {
      client.makeUnaryRequest(
        check.path,
        check.requestSerialize,
        check.responseDeserialize as (bytes: Buffer) => HealthAnswer,
        { service: probe.service },
        { deadline },
        (error, answer) => {
          client.close();
          resolve(error ? judgeError(error, probe) : judge(answer));
        },
      );
    });
  };
}

function judge(answer: HealthAnswer | undefined): ProbeResult {
  const found = answer?.status ?? "UNKNOWN";
  return found === "SERVING"
    ? probeResult("success", "service healthy")
    : probeResult("failure", `service unhealthy (responded with "${found}")`);
}

function judgeError(error: ServiceError, probe: GrpcProbe): ProbeResult {
  switch (error.code) {
    case status.UNIMPLEMENTED:
      return probeResult("failure", "this server does not implement the grpc health protocol (grpc.health.v1.Health)");
    case status.DEADLINE_EXCEEDED:
      return probeResult("failure", `timeout: health rpc did not complete within ${probe.timeoutMs} ms`);
    default:
      return probeResult("failure", `health rpc probe failed: ${error.details || error.message}`);
  }
}
