/** What the built-in kinds and policies bring to the API server: the one place that names them all. */
import type { Clock } from "#pkg/system/clock.ts";
import { type AdmissionOptions, createAdmissionChain } from "./admission/create-admission-chain.ts";
import type { ApiServerParts } from "./api-server.ts";
import { type BootstrapOptions, ensureBootstrapObjects } from "./bootstrap/ensure-bootstrap-objects.ts";
import { conversionFor, fieldLabelsFor } from "./conversions/conversion-for.ts";
import type { ConnectHandlers } from "./handlers/subresources/connect.ts";
import { strategyFor } from "./strategies/all-strategies.ts";
import { tableConverter } from "./table/tables.ts";

export interface BuiltInOptions {
  readonly admission?: AdmissionOptions | undefined;
  /** Absent: nothing is written at start, for a server beside one that does. */
  readonly bootstrap?: BootstrapOptions | undefined;
  /** The way to nodes and pods: logs, exec, port-forward, proxies. */
  readonly connect?: ConnectHandlers | undefined;
}

export function createBuiltInParts(options: BuiltInOptions, ports: { readonly clock: Clock }): ApiServerParts {
  const { clock } = ports;
  const { admission, bootstrap, connect } = options;
  return {
    strategyFor,
    conversionFor,
    fieldLabelsFor,
    tableFor: ({ group, version, kind }) => tableConverter({ group, version, kind }, clock),
    createAdmission: (admissionPorts) => createAdmissionChain(admission ?? {}, admissionPorts),
    ...(bootstrap ? { bootstrap: (objects) => ensureBootstrapObjects(bootstrap, { ...objects, clock }) } : {}),
    connect,
  };
}
