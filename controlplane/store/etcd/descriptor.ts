/** etcd's gRPC services and messages, 64-bit numbers as bigint: lease and member IDs need every digit. */
import { type GrpcService, loadGrpcDescriptor } from "#pkg/api/schema/grpc.ts";
import descriptorJson from "../generated/etcd.json" with { type: "json" };

const descriptor = loadGrpcDescriptor(descriptorJson, { int64: "bigint" });

export const kvService: GrpcService = descriptor.service("etcdserverpb.KV");
export const watchService: GrpcService = descriptor.service("etcdserverpb.Watch");
export const leaseService: GrpcService = descriptor.service("etcdserverpb.Lease");
export const clusterService: GrpcService = descriptor.service("etcdserverpb.Cluster");
export const maintenanceService: GrpcService = descriptor.service("etcdserverpb.Maintenance");
export const authService: GrpcService = descriptor.service("etcdserverpb.Auth");

export const encodeMessage = descriptor.encode;
export const decodeMessage = descriptor.decode;
