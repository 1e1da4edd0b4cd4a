/** Ingresses. Source: pkg/apis/networking/validation (v1.36). */
import { FieldPath } from "#pkg/api/field.ts";
import { legacyAddressProblems, parseAddress } from "#pkg/api/ip-address.ts";
import {
  dns1123SubdomainProblems,
  nameIsLabel,
  nameIsSubdomain,
  portNameProblems,
  portNumberProblems,
  wildcardDns1123SubdomainProblems,
} from "#pkg/api/names.ts";
import type { HTTPIngressPath, Ingress, IngressBackend, IngressRule, IngressTLS } from "#pkg/api/networking/v1.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateTypedReference } from "./references.ts";

export const classAnnotation = "kubernetes.io/ingress.class";
const spec = new FieldPath("spec");
const pathTypes = ["Exact", "ImplementationSpecific", "Prefix"];
const badParts = ["//", "/./", "/../", "%2f", "%2F"];
const badEnds = ["/..", "/."];
const notAnAddress = "must be a DNS name, not an IP address";

/** What older servers let pass, and an update may keep. */
interface Leniency {
  readonly secretNames: boolean;
  readonly wildcardRules: boolean;
}

export function validateIngress(ingress: Ingress): FieldErrors {
  const errors = new FieldErrors();
  validateSpec(ingress, { secretNames: false, wildcardRules: false }, errors);
  const annotation = ingress.metadata.annotations?.[classAnnotation];
  const { ingressClassName: name } = ingress.spec;
  if (annotation !== undefined && name != null && annotation !== name) {
    const path = new FieldPath("annotations", classAnnotation);
    errors.invalid(path, annotation, "must match `ingressClassName` when both are specified");
  }
  return errors;
}

export function validateIngressUpdate(next: Ingress, current: Ingress): FieldErrors {
  const errors = new FieldErrors();
  const secretNames = (current.spec.tls ?? []).some((tls) => secretNameProblems(tls).length > 0);
  const wildcardRules = (current.spec.rules ?? []).some((rule) => {
    const found = new FieldErrors();
    if (rule.host?.includes("*")) validatePaths(rule, spec, found);
    return !found.isEmpty;
  });
  validateSpec(next, { secretNames, wildcardRules }, errors);
  return errors;
}

function validateSpec(ingress: Ingress, leniency: Leniency, errors: FieldErrors): void {
  const { defaultBackend, rules = [], tls = [], ingressClassName: name } = ingress.spec;
  if (rules.length === 0 && !defaultBackend) {
    errors.invalid(spec, rules, "either `defaultBackend` or `rules` must be specified");
  }
  if (defaultBackend) validateBackend(defaultBackend, spec.child("defaultBackend"), errors);
  for (const [index, rule] of rules.entries()) {
    const at = spec.child("rules").index(index);
    const isWildcard = validateHost(rule.host ?? "", at.child("host"), errors);
    if (!isWildcard || !leniency.wildcardRules) validatePaths(rule, at, errors);
  }
  for (const [index, one] of tls.entries()) {
    const at = spec.child("tls").index(index);
    validateTlsHosts(one, at.child("hosts"), errors);
    if (!leniency.secretNames) errors.problems(at.child("secretName"), one.secretName, secretNameProblems(one));
  }
  if (name != null) errors.problems(spec.child("ingressClassName"), name, nameIsSubdomain(name, false));
}

/** True for a host with a wildcard. */
function validateHost(host: string, at: FieldPath, errors: FieldErrors): boolean {
  if (host && parseAddress(host)) errors.invalid(at, host, notAnAddress);
  const isWildcard = host.includes("*");
  if (host) errors.problems(at, host, hostProblems(host));
  return isWildcard;
}

function hostProblems(host: string): readonly string[] {
  return host.includes("*") ? wildcardDns1123SubdomainProblems(host) : dns1123SubdomainProblems(host);
}

function validateTlsHosts({ hosts }: IngressTLS, at: FieldPath, errors: FieldErrors): void {
  for (const [index, host] of (hosts ?? []).entries()) errors.problems(at.index(index), host, hostProblems(host));
}

function secretNameProblems({ secretName }: IngressTLS): readonly string[] {
  return secretName ? nameIsSubdomain(secretName, false) : [];
}

function validatePaths({ http }: IngressRule, at: FieldPath, errors: FieldErrors): void {
  if (!http) return;
  const path = at.child("http", "paths");
  const paths = http.paths ?? [];
  if (paths.length === 0) errors.required(path);
  for (const [index, one] of paths.entries()) validatePath(one, path.index(index), errors);
}

function validatePath({ path = "", pathType, backend }: HTTPIngressPath, at: FieldPath, errors: FieldErrors): void {
  if (pathType == null) {
    errors.required(at.child("pathType"), "pathType must be specified");
    return;
  }
  const pathAt = at.child("path");
  const isLiteral = pathType === "Exact" || pathType === "Prefix";
  if (!pathTypes.includes(pathType)) errors.notSupported(at.child("pathType"), pathType, pathTypes);
  else if (!path.startsWith("/") && (isLiteral || path)) errors.invalid(pathAt, path, "must be an absolute path");
  if (isLiteral) {
    for (const part of badParts) if (path.includes(part)) errors.invalid(pathAt, path, `must not contain '${part}'`);
    for (const end of badEnds) if (path.endsWith(end)) errors.invalid(pathAt, path, `cannot end with '${end}'`);
  }
  validateBackend(backend ?? {}, at.child("backend"), errors);
}

function validateBackend({ resource, service }: IngressBackend, at: FieldPath, errors: FieldErrors): void {
  if (resource && service) errors.invalid(at, "", "cannot set both resource and service backends");
  else if (resource) validateTypedReference(resource, at.child("resource"), errors);
  else if (!service) errors.invalid(at, "", "resource or service backend is required");
  else {
    const { name, number = 0 } = service.port ?? {};
    errors.named(at.child("service", "name"), service.name, (text) => nameIsLabel(text, false));
    const port = at.child("service", "port");
    if (name && number) errors.invalid(at, "", "cannot set both port name & port number");
    else if (name) errors.problems(port.child("name"), name, portNameProblems(name));
    else if (number) errors.problems(port.child("number"), number, portNumberProblems(number));
    else errors.required(at, "port name or number is required");
  }
}

/** Addresses from before the rule may stay. */
export function validateIngressStatusUpdate(next: Ingress, current: Ingress): FieldErrors {
  const errors = new FieldErrors();
  const known = new Set((current.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip));
  for (const [index, { ip, hostname }] of (next.status?.loadBalancer?.ingress ?? []).entries()) {
    const at = new FieldPath("status", "loadBalancer", "ingress").index(index);
    if (ip && !known.has(ip)) errors.problems(at.child("ip"), ip, legacyAddressProblems(ip));
    if (!hostname) continue;
    errors.dnsSubdomain(at.child("hostname"), hostname);
    if (parseAddress(hostname)) errors.invalid(at.child("hostname"), hostname, notAnAddress);
  }
  return errors;
}
