/** Ranges of cluster IPs and addresses taken from them. Source: pkg/apis/networking/validation (v1.36). */
import { FieldPath } from "#pkg/api/field.ts";
import { blockProblems, parseBlock } from "#pkg/api/ip-address.ts";
import { dns1123SubdomainProblems, pathSegmentProblems } from "#pkg/api/names.ts";
import type { IPAddress, ServiceCIDR } from "#pkg/api/networking/v1.ts";
import { FieldErrors, immutableText } from "./field-errors.ts";
import { validatePathPart } from "./references.ts";

const cidrsPath = new FieldPath("spec", "cidrs");
const parentPath = new FieldPath("spec", "parentRef");

export function validateServiceCIDR({ spec }: ServiceCIDR): FieldErrors {
  const errors = new FieldErrors();
  const cidrs = spec.cidrs ?? [];
  if (cidrs.length === 0) errors.required(cidrsPath, "at least one CIDR required");
  else if (cidrs.length > 2) errors.invalid(cidrsPath, spec, "may only hold up to 2 values");
  else {
    for (const [index, text] of cidrs.entries()) errors.problems(cidrsPath.index(index), text, blockProblems(text));
    const [first, second] = cidrs.map((text) => parseBlock(text)?.family);
    if (first !== undefined && first === second) {
      const why = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
      errors.invalid(cidrsPath, cidrs, why);
    }
  }
  return errors;
}

/** A second family may be added; nothing else changes. */
export function validateServiceCIDRUpdate(next: ServiceCIDR, current: ServiceCIDR): FieldErrors {
  const errors = new FieldErrors();
  const [before, after] = [current.spec.cidrs ?? [], next.spec.cidrs ?? []];
  const isAddition = before.length === 1 && after.length === 2;
  if (before.length !== after.length && !isAddition) errors.invalid(cidrsPath, after, immutableText);
  else {
    for (const [index, text] of before.entries()) {
      if (after[index] !== text) errors.invalid(cidrsPath.index(index), after[index], immutableText);
    }
    if (isAddition) errors.add(...validateServiceCIDR(next).list);
  }
  return errors;
}

export function validateIPAddress({ spec }: IPAddress): FieldErrors {
  const errors = new FieldErrors();
  const { parentRef } = spec;
  if (!parentRef) {
    errors.required(parentPath);
    return errors;
  }
  const { group, resource, name, namespace } = parentRef;
  if (group) errors.problems(parentPath.child("group"), group, dns1123SubdomainProblems(group));
  validatePathPart(resource, parentPath.child("resource"), errors);
  validatePathPart(name, parentPath.child("name"), errors);
  if (namespace) errors.problems(parentPath.child("namespace"), namespace, pathSegmentProblems(namespace));
  return errors;
}

export function validateIPAddressUpdate(next: IPAddress, current: IPAddress): FieldErrors {
  const errors = new FieldErrors();
  errors.immutable(parentPath, next.spec.parentRef, current.spec.parentRef);
  return errors;
}
