/** Endpoint slices. Source: pkg/apis/discovery/validation (v1.36). */
import type { Endpoint, EndpointHints, EndpointPort, EndpointSlice } from "#pkg/api/discovery/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { addressFamily, addressProblems, legacyAddressProblems } from "#pkg/api/ip-address.ts";
import {
  dns1123LabelProblems,
  dns1123SubdomainProblems,
  labelValueProblems,
  nameIsSubdomain,
  qualifiedNameProblems,
} from "#pkg/api/names.ts";
import { listTypeEqual } from "../type-equal.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateLabelMap } from "./label-selectors.ts";
import { portProtocols, validateEndpointAddress } from "./service.ts";

const addressTypes = ["FQDN", "IPv4", "IPv6"];
const maxima = { addresses: 100, ports: 20_000, endpoints: 1000, topology: 16, zones: 8, nodes: 8 };
const typePath = new FieldPath("addressType");

export function validateEndpointSlice(slice: EndpointSlice): FieldErrors {
  const errors = new FieldErrors();
  validateHead(slice, errors);
  validateEndpoints(slice, errors);
  return errors;
}

/** Endpoints from before a rule may stay as they are. */
export function validateEndpointSliceUpdate(next: EndpointSlice, current: EndpointSlice): FieldErrors {
  const errors = new FieldErrors();
  validateHead(next, errors);
  if (!listTypeEqual("discovery/v1.Endpoint", next.endpoints, current.endpoints)) validateEndpoints(next, errors);
  errors.immutable(typePath, next.addressType, current.addressType);
  return errors;
}

function validateHead({ addressType, ports = [] }: EndpointSlice, errors: FieldErrors): void {
  errors.oneOf(typePath, addressType, addressTypes);
  const at = new FieldPath("ports");
  if (ports.length > maxima.ports) {
    errors.tooMany(at, ports.length, maxima.ports);
    return;
  }
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) validatePort(port, names, at.index(index), errors);
}

function validatePort(port: EndpointPort, names: Set<string>, at: FieldPath, errors: FieldErrors): void {
  const { name = "", protocol, appProtocol } = port;
  if (name) errors.dnsLabel(at.child("name"), name);
  if (names.has(name)) errors.duplicate(at.child("name"), name);
  names.add(name);
  if (protocol == null) errors.required(at.child("protocol"));
  else if (!portProtocols.includes(protocol)) errors.notSupported(at.child("protocol"), protocol, portProtocols);
  if (appProtocol != null) {
    errors.problems(at.child("appProtocol"), appProtocol, qualifiedNameProblems(appProtocol));
  }
}

function validateEndpoints({ addressType, endpoints }: EndpointSlice, errors: FieldErrors): void {
  const at = new FieldPath("endpoints");
  const count = endpoints?.length ?? 0;
  if (count > maxima.endpoints) {
    errors.tooMany(at, count, maxima.endpoints);
    return;
  }
  for (const [index, endpoint] of (endpoints ?? []).entries()) {
    validateEndpoint(endpoint, addressType, at.index(index), errors);
  }
}

function validateEndpoint(endpoint: Endpoint, addressType: string, at: FieldPath, errors: FieldErrors): void {
  const { nodeName, deprecatedTopology = {}, hostname, hints } = endpoint;
  const addresses = endpoint.addresses ?? [];
  const path = at.child("addresses");
  if (addresses.length === 0) errors.required(path, "must contain at least 1 address");
  else if (addresses.length > maxima.addresses) errors.tooMany(path, addresses.length, maxima.addresses);
  for (const [index, address] of addresses.entries()) validateAddress(address, addressType, path, index, errors);
  if (nodeName != null) errors.problems(at.child("nodeName"), nodeName, nameIsSubdomain(nodeName, false));
  const topology = at.child("deprecatedTopology");
  const labels = Object.keys(deprecatedTopology).length;
  if (labels > maxima.topology) errors.tooMany(topology, labels, maxima.topology);
  validateLabelMap(deprecatedTopology, topology, errors);
  if (hostname != null) errors.dnsLabel(at.child("hostname"), hostname);
  if (hints) validateHints(hints, at.child("hints"), errors);
}

function validateAddress(text: string, type: string, at: FieldPath, index: number, errors: FieldErrors): void {
  const path = at.index(index);
  if (type === "FQDN") validateDomain(text, path, errors);
  else if (type === "IPv4" || type === "IPv6") {
    const problems = type === "IPv4" ? legacyAddressProblems(text) : addressProblems(text);
    errors.problems(path, text, problems);
    if (problems.length > 0) return;
    if (`IPv${addressFamily(text)}` !== type) errors.invalid(at, text, `must be an ${type} address`);
    validateEndpointAddress(text, path, errors);
  }
}

/** A dot at the end is how some write that nothing is to be added. */
function validateDomain(text: string, at: FieldPath, errors: FieldErrors): void {
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  const problems = dns1123SubdomainProblems(name);
  const labels = name.split(".");
  const badLabel = labels.find((label) => dns1123LabelProblems(label).length > 0);
  if (!text) errors.required(at);
  else if (problems.length > 0) errors.invalid(at, name, problems.join(","));
  else if (labels.length < 2) {
    errors.invalid(at, name, "should be a domain with at least two segments separated by dots");
  } else if (badLabel !== undefined) errors.invalid(at, badLabel, dns1123LabelProblems(badLabel).join(","));
}

function validateHints({ forZones, forNodes }: EndpointHints, at: FieldPath, errors: FieldErrors): void {
  const isFull = validateHintNames(forZones, maxima.zones, labelValueProblems, at.child("forZones"), errors);
  if (isFull) return;
  const nodeRule = (name: string) => nameIsSubdomain(name, false);
  validateHintNames(forNodes, maxima.nodes, nodeRule, at.child("forNodes"), errors);
}

/** True when there are too many of them to look at. */
function validateHintNames(
  hints: readonly { readonly name: string }[] | undefined,
  max: number,
  rule: (name: string) => readonly string[],
  at: FieldPath,
  errors: FieldErrors,
): boolean {
  const count = hints?.length ?? 0;
  if (count > max) {
    errors.tooMany(at, count, max);
    return true;
  }
  const seen = new Set<string>();
  for (const [index, { name = "" }] of (hints ?? []).entries()) {
    const path = at.index(index).child("name");
    if (seen.has(name)) errors.duplicate(path, name);
    seen.add(name);
    errors.problems(path, name, rule(name));
  }
  return false;
}
