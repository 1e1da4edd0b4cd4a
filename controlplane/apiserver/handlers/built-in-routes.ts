/**
 * Everything built in, made ready to serve: a registry for each stored resource of the table, and the routes of all of them.
 */
import type { GroupVersionKind } from "#pkg/api/meta/object.ts";
import { type Resource, resourceForKind, resources, type Subresource } from "#pkg/api/schema/resources.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { managedEndpoint } from "../apply/managed-endpoint.ts";
import { relabelFields } from "../conversions/relabelled-registry.ts";
import { kindSchema } from "../patch/table-schema.ts";
import { type Conversion, ConvertedRegistry } from "../registry/converted-registry.ts";
import type { Registries } from "../registry/registries.ts";
import type { ResourceRegistry } from "../registry/resource-registry.ts";
import { storedResourceOf } from "../registry/stored-resource.ts";
import type { Strategy } from "../registry/strategy.ts";
import type { VirtualResource } from "../reviews/virtual-resource.ts";
import { componentRegistry } from "./component-registry.ts";
import type { TableConverter } from "./forms/table-form.ts";
import type { HandlerPorts } from "./handler-ports.ts";
import type { HealthCheck } from "./health.ts";
import { tableDecoder } from "./object-decoder.ts";
import type { ResourceEndpoint } from "./resource-endpoint.ts";
import type { ResourceRouter, ServedResource, VerbHandlers } from "./resource-router.ts";
import { type SpecialSubresources, storedRoutes } from "./stored-routes.ts";
import { bindingHandler } from "./subresources/binding-handlers.ts";
import { type ConnectHandlers, type ConnectName, connectHandler, connectNames } from "./subresources/connect.ts";
import { evictionHandler } from "./subresources/eviction-handler.ts";
import { virtualHandler } from "./subresources/virtual-handler.ts";

/** What is special about kinds, from the directories that know it. */
export interface KindParts {
  strategyFor(resource: Resource): Strategy;
  /** For resources that are stored in the form of another kind or version. */
  conversionFor(resource: Resource): Conversion | undefined;
  /** Field labels of the served form that the stored form calls differently. */
  fieldLabelsFor?(resource: Resource): Readonly<Record<string, string>> | undefined;
  tableFor(resource: Resource): TableConverter;
}

export interface RoutePorts extends HandlerPorts {
  readonly registries: Registries;
  readonly virtual: readonly VirtualResource[];
  readonly connect: ConnectHandlers;
  /** What componentstatuses tells about. */
  readonly components: readonly HealthCheck[];
}

/** Registers all stored resources; call before the registries start. */
export function registerBuiltIns(registries: Registries, kinds: KindParts): void {
  for (const resource of resources) {
    const stored = storedResourceOf(resource);
    if (stored && isStoredAsItself(resource)) registries.register(stored, kinds.strategyFor(resource));
  }
}

/** Adds the routes of every built-in resource. */
export function addBuiltInRoutes(router: ResourceRouter, ports: RoutePorts, kinds: KindParts): void {
  for (const resource of resources) {
    const served =
      resource.storagePrefix === undefined ? virtualRoutes(resource, ports, kinds) : stored(resource, ports, kinds);
    if (served) router.add(served);
  }
}

export function builtInEndpoint(
  resource: Resource,
  registries: Registries,
  kinds: KindParts,
  registry = registryOf(resource, registries, kinds),
): ResourceEndpoint {
  const gvk: GroupVersionKind = { group: resource.group, version: resource.version, kind: resource.kind };
  const hasStatus = resource.subresources.some((one) => one.name === "status");
  const managed = new Map<string, ReturnType<typeof managedEndpoint>>();
  const convert = siblingConversion(resource, kinds);
  return {
    resource,
    registry,
    strategy: kinds.strategyFor(resource),
    decoder: tableDecoder(resource.typeName, gvk),
    schema: kindSchema(gvk),
    table: kinds.tableFor(resource),
    managed(subresource) {
      let endpoint = managed.get(subresource);
      if (!endpoint) {
        endpoint = managedEndpoint({ gvk, resource: resource.plural, subresource, hasStatus, convert });
        managed.set(subresource, endpoint);
      }
      return endpoint;
    },
  };
}

/** Between the versions a kind is served in, for managers that wrote through another one. */
function siblingConversion(resource: Resource, kinds: KindParts) {
  const siblings = resources.filter((one) => one.group === resource.group && one.kind === resource.kind);
  if (siblings.length < 2) return undefined;
  const toStored = (object: Record<string, unknown>): Record<string, unknown> | undefined => {
    const from = siblings.find((one) => apiVersionOf(one) === object["apiVersion"]);
    if (!from) return undefined;
    return isStoredAsItself(from) ? object : kinds.conversionFor(from)?.toStored(object as never);
  };
  return (object: Record<string, unknown>, apiVersion: string): Record<string, unknown> | undefined => {
    const to = siblings.find((one) => apiVersionOf(one) === apiVersion);
    const stored = toStored(object);
    if (!to || !stored || isStoredAsItself(to)) return to && stored;
    return kinds.conversionFor(to)?.toServed(stored as never);
  };
}

function apiVersionOf({ group, version }: Resource): string {
  return group ? `${group}/${version}` : version;
}

function registryOf(resource: Resource, registries: Registries, kinds: KindParts): ResourceRegistry {
  const home = isStoredAsItself(resource) ? resource : resourceForKind(resource.storedAs);
  const registry = home && registries.get(home.group, home.plural);
  if (!registry) throw new BerthError("Internal", `${resource.plural} of ${resource.group} have no registry`);
  if (home === resource) return registry;
  const conversion = kinds.conversionFor(resource);
  if (!conversion) throw new BerthError("Internal", `${resource.plural} of ${resource.group} have no conversion`);
  const labels = kinds.fieldLabelsFor?.(resource);
  return new ConvertedRegistry(labels ? relabelFields(registry, labels) : registry, conversion);
}

function isStoredAsItself({ group, version, kind, storedAs }: Resource): boolean {
  return storedAs.group === group && storedAs.version === version && storedAs.kind === kind;
}

function stored(resource: Resource, ports: RoutePorts, kinds: KindParts): ServedResource {
  const endpoint = builtInEndpoint(resource, ports.registries, kinds);
  return storedRoutes(endpoint, ports, specialSubresources(endpoint, ports, kinds));
}

function specialSubresources(endpoint: ResourceEndpoint, ports: RoutePorts, kinds: KindParts): SpecialSubresources {
  const { resource } = endpoint;
  const special: Record<string, VerbHandlers> = {};
  for (const sub of resource.subresources) {
    const name = `${resource.plural}/${sub.name}`;
    if (resource.group === "" && isConnect(name)) special[sub.name] = connectVerbs(name, sub, ports);
    const virtual = findVirtual(ports, resource, sub.name);
    if (virtual) special[sub.name] = { create: virtualHandler(virtual, resource, sub.kind, ports) };
  }
  if (resource.group === "" && resource.plural === "pods") {
    special["binding"] = { create: bindingHandler(endpoint, "binding", ports) };
    const budgets = budgetEndpoint(ports, kinds);
    const { reader } = ports.registries;
    special["eviction"] = { create: evictionHandler(endpoint, { ...ports, reader, budgets }) };
  }
  return special;
}

/** Proxies take any method; the rest what the table says. */
function connectVerbs(name: ConnectName, sub: Subresource, ports: RoutePorts): VerbHandlers {
  const handler = connectHandler(name, ports.connect, ports);
  return Object.fromEntries(sub.verbs.map((verb) => [verb, handler]));
}

function budgetEndpoint(ports: RoutePorts, kinds: KindParts): ResourceEndpoint {
  const resource = resourceForKind({ group: "policy", version: "v1", kind: "PodDisruptionBudget" });
  if (!resource) throw new BerthError("Internal", "the resource table has no PodDisruptionBudget");
  return builtInEndpoint(resource, ports.registries, kinds);
}

function virtualRoutes(resource: Resource, ports: RoutePorts, kinds: KindParts): ServedResource | undefined {
  if (resource.group === "" && resource.plural === "bindings") {
    const pods = resourceForKind({ group: "", version: "v1", kind: "Pod" });
    if (!pods) return undefined;
    const endpoint = builtInEndpoint(pods, ports.registries, kinds);
    return { resource, handlers: { "": { create: bindingHandler(endpoint, "", ports) } } };
  }
  if (resource.group === "" && resource.plural === "componentstatuses") {
    const registry = componentRegistry(ports.components);
    return storedRoutes(builtInEndpoint(resource, ports.registries, kinds, registry), ports);
  }
  const virtual = findVirtual(ports, resource, "");
  if (!virtual) return undefined;
  const gvk = { group: resource.group, version: resource.version, kind: resource.kind };
  return { resource, handlers: { "": { create: virtualHandler(virtual, resource, gvk, ports) } } };
}

function findVirtual(ports: RoutePorts, resource: Resource, subresource: string): VirtualResource | undefined {
  return ports.virtual.find(
    (one) =>
      one.group === resource.group &&
      one.version === resource.version &&
      one.resource === resource.plural &&
      one.subresource === subresource,
  );
}

function isConnect(name: string): name is ConnectName {
  return (connectNames as readonly string[]).includes(name);
}
