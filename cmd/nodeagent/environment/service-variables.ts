/**
 * The variables that tell a container of the services around it, in the form of Docker's links. Pure.
 * Source: kubelet getServiceEnvVarMap, pkg/kubelet/envvars (v1.36).
 */
import type { Service } from "#pkg/api/core/v1.ts";

export interface ServiceVariablesInput {
  readonly services: readonly Service[];
  readonly namespace: string;
  /** spec.enableServiceLinks: false leaves only the API server's own service. */
  readonly enableServiceLinks: boolean;
}

/** Of every pod, whatever its namespace. */
const apiService = { namespace: "default", name: "kubernetes" };

export function computeServiceVariables(input: ServiceVariablesInput): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const service of visibleServices(input)) {
    for (const [name, value] of variablesOf(service)) variables.set(name, value);
  }
  return variables;
}

/** By name; the namespace's own service wins over the one from "default". */
function visibleServices({ services, namespace, enableServiceLinks }: ServiceVariablesInput): readonly Service[] {
  const visible = new Map<string, Service>();
  for (const service of services) {
    const { name = "", namespace: home = "" } = service.metadata;
    if (!hasAddress(service)) continue;
    if (enableServiceLinks && home === namespace) visible.set(name, service);
    else if (home === apiService.namespace && name === apiService.name && !visible.has(name))
      visible.set(name, service);
  }
  return [...visible.values()].sort((a, b) => ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1));
}

function hasAddress({ spec }: Service): boolean {
  const address = spec?.clusterIP ?? "";
  return address !== "" && address !== "None" && (spec?.ports?.length ?? 0) > 0;
}

function* variablesOf({ metadata, spec }: Service): Generator<readonly [string, string]> {
  const prefix = variableName(metadata.name ?? "");
  const address = spec?.clusterIP ?? "";
  const ports = spec?.ports ?? [];
  yield [`${prefix}_SERVICE_HOST`, address];
  yield [`${prefix}_SERVICE_PORT`, String(ports[0]?.port ?? "")];
  for (const { name, port } of ports) if (name) yield [`${prefix}_SERVICE_PORT_${variableName(name)}`, String(port)];
  for (const [index, { port, protocol = "TCP" }] of ports.entries()) {
    const host = address.includes(":") ? `[${address}]` : address;
    const url = `${protocol.toLowerCase()}://${host}:${port}`;
    const link = `${prefix}_PORT_${port}_${protocol}`;
    if (index === 0) yield [`${prefix}_PORT`, url];
    yield [link, url];
    yield [`${link}_PROTO`, protocol.toLowerCase()];
    yield [`${link}_PORT`, String(port)];
    yield [`${link}_ADDR`, address];
  }
}

function variableName(text: string): string {
  return text.replaceAll("-", "_").toUpperCase();
}
