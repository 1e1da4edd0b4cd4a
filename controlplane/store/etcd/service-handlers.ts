/** Handlers of gRPC methods, found by name in the descriptor. */
import type { GrpcService } from "#pkg/api/schema/grpc.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { GrpcHandler, GrpcStream, GrpcStreamHandler } from "./grpc-server.ts";

export function unary<Request>(
  service: GrpcService,
  name: string,
  handle: (request: Request) => Promise<object>,
): GrpcHandler {
  return { kind: "unary", method: methodOf(service, name), handle: handle as (request: never) => Promise<object> };
}

export function streaming<Request, Answer extends object>(
  service: GrpcService,
  name: string,
  open: (stream: GrpcStream<Answer>) => GrpcStreamHandler<Request>,
): GrpcHandler {
  return {
    kind: "stream",
    method: methodOf(service, name),
    open: open as unknown as (stream: GrpcStream<object>) => GrpcStreamHandler<never>,
  };
}

/** A method we know and do not do, with the reason. */
export function refused(service: GrpcService, name: string, error: BerthError): GrpcHandler {
  return { kind: "unary", method: methodOf(service, name), handle: () => Promise.reject(error) };
}

function methodOf(service: GrpcService, name: string): GrpcService[string] {
  const method = service[name];
  if (method === undefined) throw new BerthError("Internal", `the descriptor has no method ${name}`);
  return method;
}
