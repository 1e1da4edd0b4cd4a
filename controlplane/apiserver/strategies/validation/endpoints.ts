/** Endpoints. Source: pkg/apis/core/validation/validation.go (v1.36). */
import type { EndpointAddress, EndpointPort, EndpointSubset, Endpoints } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { legacyAddressProblems } from "#pkg/api/ip-address.ts";
import { nameIsSubdomain, qualifiedNameProblems } from "#pkg/api/names.ts";
import { listTypeEqual } from "../type-equal.ts";
import { FieldErrors } from "./field-errors.ts";
import { portProtocols, validateEndpointAddress } from "./service.ts";

const subsetsPath = new FieldPath("subsets");

export function validateEndpoints(endpoints: Endpoints): FieldErrors {
  const errors = new FieldErrors();
  for (const [index, subset] of (endpoints.subsets ?? []).entries()) {
    validateSubset(subset, subsetsPath.index(index), errors);
  }
  return errors;
}

/** Subsets from before a rule may stay as they are. */
export function validateEndpointsUpdate(next: Endpoints, current: Endpoints): FieldErrors {
  const isSame = listTypeEqual("core/v1.EndpointSubset", next.subsets, current.subsets);
  return isSame ? new FieldErrors() : validateEndpoints(next);
}

function validateSubset(subset: EndpointSubset, at: FieldPath, errors: FieldErrors): void {
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
  if (addresses.length === 0 && notReadyAddresses.length === 0) {
    errors.required(at, "must specify `addresses` or `notReadyAddresses`");
  }
  for (const [index, address] of addresses.entries()) {
    validateAddress(address, at.child("addresses").index(index), errors);
  }
  for (const [index, address] of notReadyAddresses.entries()) {
    validateAddress(address, at.child("notReadyAddresses").index(index), errors);
  }
  for (const [index, port] of ports.entries()) {
    validatePort(port, ports.length > 1, at.child("ports").index(index), errors);
  }
}

function validateAddress({ ip = "", hostname, nodeName }: EndpointAddress, at: FieldPath, errors: FieldErrors): void {
  errors.problems(at.child("ip"), ip, legacyAddressProblems(ip));
  if (hostname) errors.dnsLabel(at.child("hostname"), hostname);
  if (nodeName != null) errors.problems(at.child("nodeName"), nodeName, nameIsSubdomain(nodeName, false));
  validateEndpointAddress(ip, at.child("ip"), errors);
}

function validatePort(port: EndpointPort, needsName: boolean, at: FieldPath, errors: FieldErrors): void {
  const { name, appProtocol } = port;
  if (name) errors.dnsLabel(at.child("name"), name);
  else if (needsName) errors.required(at.child("name"));
  errors.port(at.child("port"), port.port);
  errors.oneOf(at.child("protocol"), port.protocol, portProtocols);
  if (appProtocol != null) {
    errors.problems(at.child("appProtocol"), appProtocol, qualifiedNameProblems(appProtocol));
  }
}
