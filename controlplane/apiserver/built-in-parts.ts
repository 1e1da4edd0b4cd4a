/** What the built-in kinds and policies bring to the API server: the one place that names them all. */
import type { IpBlock } from "#pkg/api/ip-address.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { Random } from "#pkg/system/random.ts";
import { type AdmissionOptions, createAdmissionChain } from "./admission/create-admission-chain.ts";
import type { PortRange } from "./allocation/port-pool.ts";
import { ServiceAllocator } from "./allocation/service-allocator.ts";
import type { ApiServerParts } from "./api-server.ts";
import type { OidcDocuments } from "./authn/oidc-discovery.ts";
import { oidcPaths } from "./authn/oidc-paths.ts";
import { type BootstrapOptions, ensureBootstrapObjects } from "./bootstrap/ensure-bootstrap-objects.ts";
import type { Connections } from "./connect/connect-handlers.ts";
import { conversionFor, fieldLabelsFor } from "./conversions/conversion-for.ts";
import type { HealthCheck } from "./handlers/health.ts";
import { openApiPaths } from "./openapi/openapi-handler.ts";
import { createStrategies } from "./strategies/all-strategies.ts";
import { tableConverter } from "./table/tables.ts";

export interface BuiltInOptions {
  /** What OpenAPI documents say the server's version is. */
  readonly version: string;
  /** Absent: the keys of service-account tokens are not published. */
  readonly oidc?: OidcDocuments | undefined;
  readonly services: {
    /** One block of cluster IPs, or one of each family, the primary first. */
    readonly blocks: readonly IpBlock[];
    readonly nodePorts: PortRange;
  };
  readonly admission?: AdmissionOptions | undefined;
  /** Absent: nothing is written at start, for a server beside one that does. */
  readonly bootstrap?: BootstrapOptions | undefined;
  /** The way to nodes and pods: logs, exec, port-forward, proxies. */
  readonly connect?: Connections | undefined;
  /** Further components for componentstatuses. */
  readonly components?: readonly HealthCheck[] | undefined;
}

export function createBuiltInParts(
  options: BuiltInOptions,
  ports: { readonly clock: Clock; readonly random: Random },
): ApiServerParts {
  const { clock, random } = ports;
  const { services, admission, bootstrap, connect, components, oidc, version } = options;
  const servicePools = new ServiceAllocator({ ...services, random });
  return {
    readFrom: (reader) => {
      servicePools.readFrom(reader);
      connect?.readFrom(reader);
    },
    strategyFor: createStrategies({ servicePools }),
    conversionFor,
    fieldLabelsFor,
    tableFor: ({ group, version, kind }) => tableConverter({ group, version, kind }, clock),
    createAdmission: (admissionPorts) => createAdmissionChain(admission ?? {}, admissionPorts),
    ...(bootstrap ? { bootstrap: (objects) => ensureBootstrapObjects(bootstrap, { ...objects, clock }) } : {}),
    connect: connect?.handlers,
    components,
    otherPaths: (router) => [openApiPaths(router, version), ...(oidc ? [oidcPaths(oidc)] : [])],
  };
}
