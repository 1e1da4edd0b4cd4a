/** Services. Source: pkg/apis/core/validation/validation.go (v1.36). */
import type { LoadBalancerIngress, Service, ServicePort, ServiceSpec } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import {
  isLinkLocalMulticast,
  isLinkLocalUnicast,
  isLoopback,
  isUnspecified,
  legacyAddressProblems,
  legacyBlockProblems,
  parseAddress,
} from "#pkg/api/ip-address.ts";
import { dns1123LabelProblems, dns1123SubdomainProblems, qualifiedNameProblems } from "#pkg/api/names.ts";
import { isExternallyAccessible } from "../defaults/service-defaults.ts";
import { validatePortOrName } from "./container-probes.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateLabelMap } from "./label-selectors.ts";
import { isHeadless, validateClusterIPChange, validateClusterIPs } from "./service-cluster-ips.ts";

const specPath = new FieldPath("spec");
const portsPath = specPath.child("ports");
export const portProtocols = ["SCTP", "TCP", "UDP"];
const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const sourceRangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges";
const onlyLoadBalancer = "may only be used when `type` is 'LoadBalancer'";

/** Traffic goes to local endpoints only, so that load balancers must ask each node whether it has some. */
export function needsHealthCheckPort(spec: ServiceSpec): boolean {
  return spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";
}

export function validateService(service: Service, current?: Service): FieldErrors {
  const errors = new FieldErrors();
  const { spec } = service;
  validateTopologyAnnotations(service, errors);
  validateType(spec, errors);
  validatePorts(spec, errors);
  validateLabelMap(spec.selector, specPath.child("selector"), errors);
  validateAffinity(spec, errors);
  errors.add(...validateClusterIPs(service, current).list);
  validateExternalIPs(spec, current?.spec.externalIPs ?? [], errors);
  validateSourceRanges(service, current, errors);
  validateLoadBalancer(spec, errors);
  validateTraffic(spec, errors);
  return errors;
}

export function validateServiceUpdate(next: Service, current: Service): FieldErrors {
  const errors = new FieldErrors();
  validateClusterIPChange(next, current, errors);
  const { spec: after } = next;
  const { spec: before } = current;
  if (after.type === "LoadBalancer" && before.type === "LoadBalancer") {
    if ((after.loadBalancerClass ?? null) !== (before.loadBalancerClass ?? null)) {
      errors.invalid(specPath.child("loadBalancerClass"), after.loadBalancerClass, "may not change once set");
    }
  }
  if (needsHealthCheckPort(before) && needsHealthCheckPort(after)) {
    if (after.healthCheckNodePort !== before.healthCheckNodePort) {
      errors.forbidden(specPath.child("healthCheckNodePort"), "field is immutable");
    }
  }
  errors.add(...validateService(next, current).list);
  return errors;
}

function validateTopologyAnnotations({ metadata }: Service, errors: FieldErrors): void {
  const hints = metadata.annotations?.["service.kubernetes.io/topology-aware-hints"];
  const mode = metadata.annotations?.["service.kubernetes.io/topology-mode"];
  if (hints === undefined || mode === undefined || hints === mode) return;
  const path = new FieldPath("metadata", "annotations").key("service.kubernetes.io/topology-mode");
  const other = "annotations[service.kubernetes.io/topology-aware-hints]";
  errors.invalid(path, mode, `must match ${other} when both are specified`);
}

function validateType(spec: ServiceSpec, errors: FieldErrors): void {
  const { type } = spec;
  if (!spec.ports?.length && !isHeadless(spec) && type !== "ExternalName") errors.required(portsPath);
  if ((type === "LoadBalancer" || type === "NodePort") && isHeadless(spec)) {
    errors.invalid(specPath.child("clusterIPs").index(0), "None", `may not be set to 'None' for ${type} services`);
  }
  if (type === "ExternalName") {
    const why = "may not be set for ExternalName services";
    if (spec.clusterIPs?.length) errors.forbidden(specPath.child("clusterIPs"), why);
    if (spec.ipFamilies?.length) errors.forbidden(specPath.child("ipFamilies"), why);
    if (spec.ipFamilyPolicy != null) errors.forbidden(specPath.child("ipFamilyPolicy"), why);
    const name = (spec.externalName ?? "").replace(/\.$/, "");
    errors.named(specPath.child("externalName"), name, dns1123SubdomainProblems);
  }
  errors.oneOf(specPath.child("type"), type, types);
}

function validatePorts(spec: ServiceSpec, errors: FieldErrors): void {
  const ports = spec.ports ?? [];
  const names = new Set<string>();
  const numbers = new Set<string>();
  const nodePorts = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const one = portsPath.index(index);
    validatePort(port, ports.length > 1, names, one, errors);
    if (port.nodePort && spec.type === "ClusterIP") {
      errors.forbidden(one.child("nodePort"), "may not be used when `type` is 'ClusterIP'");
    }
    const nodeKey = `${port.protocol}/${port.nodePort}`;
    if (port.nodePort && nodePorts.has(nodeKey)) errors.duplicate(one.child("nodePort"), port.nodePort);
    nodePorts.add(nodeKey);
    const key = `${port.protocol}/${port.port}`;
    if (numbers.has(key)) errors.duplicate(one, { protocol: port.protocol, port: port.port, targetPort: 0 });
    numbers.add(key);
  }
}

function validatePort(
  port: ServicePort,
  needsName: boolean,
  names: Set<string>,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const { name = "" } = port;
  if (name || needsName) errors.named(at.child("name"), name, dns1123LabelProblems);
  if (name && names.has(name)) errors.duplicate(at.child("name"), name);
  names.add(name);
  errors.port(at.child("port"), port.port);
  errors.oneOf(at.child("protocol"), port.protocol, portProtocols);
  validatePortOrName(port.targetPort, at.child("targetPort"), errors);
  if (port.appProtocol != null) {
    errors.problems(at.child("appProtocol"), port.appProtocol, qualifiedNameProblems(port.appProtocol));
  }
}

const longestAffinity = 86_400;

function validateAffinity(spec: ServiceSpec, errors: FieldErrors): void {
  errors.oneOf(specPath.child("sessionAffinity"), spec.sessionAffinity, ["ClientIP", "None"]);
  const path = specPath.child("sessionAffinityConfig");
  const { sessionAffinityConfig: config } = spec;
  if (spec.sessionAffinity === "None" && config) {
    errors.forbidden(path, "must not be set when session affinity is None");
  }
  if (spec.sessionAffinity !== "ClientIP") return;
  const why = "when session affinity type is ClientIP";
  const seconds = config?.clientIP?.timeoutSeconds;
  if (!config) errors.required(path, why);
  else if (!config.clientIP) errors.required(path.child("clientIP"), why);
  else if (seconds == null) errors.required(path.child("clientIP", "timeoutSeconds"), why);
  else if (seconds <= 0 || seconds > longestAffinity) {
    const range = `must be greater than 0 and less than ${longestAffinity}`;
    errors.invalid(path.child("clientIP", "timeoutSeconds"), seconds, range);
  }
}

function validateExternalIPs(spec: ServiceSpec, known: readonly string[], errors: FieldErrors): void {
  for (const [index, ip] of (spec.externalIPs ?? []).entries()) {
    const path = specPath.child("externalIPs").index(index);
    const problems = known.includes(ip) ? [] : legacyAddressProblems(ip);
    errors.problems(path, ip, problems);
    if (problems.length === 0) validateEndpointAddress(ip, path, errors);
  }
}

/** Addresses that mean another machine to everyone who reads them cannot be endpoints. */
export function validateEndpointAddress(ip: string, at: FieldPath, errors: FieldErrors): void {
  const address = parseAddress(ip);
  if (!address) {
    errors.invalid(at, ip, "must be a valid IP address");
    return;
  }
  if (isUnspecified(address)) errors.invalid(at, ip, `may not be unspecified (${ip})`);
  if (isLoopback(address)) errors.invalid(at, ip, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
  if (isLinkLocalUnicast(address)) {
    errors.invalid(at, ip, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  }
  if (isLinkLocalMulticast(address)) {
    errors.invalid(at, ip, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
  }
}

/** In the field or in the old annotation. Blanks around a range are part of the API. */
function validateSourceRanges({ metadata, spec }: Service, current: Service | undefined, errors: FieldErrors): void {
  const ranges = spec.loadBalancerSourceRanges ?? [];
  const isLoadBalancer = spec.type === "LoadBalancer";
  if (ranges.length > 0) {
    const path = specPath.child("LoadBalancerSourceRanges");
    if (!isLoadBalancer) errors.forbidden(path, onlyLoadBalancer);
    const known = new Set((current?.spec.loadBalancerSourceRanges ?? []).map((range) => range.trim()));
    for (const [index, range] of ranges.map((one) => one.trim()).entries()) {
      if (!known.has(range)) errors.problems(path.index(index), range, legacyBlockProblems(range));
    }
    return;
  }
  const annotation = metadata.annotations?.[sourceRangesAnnotation];
  if (annotation === undefined) return;
  const path = new FieldPath("metadata", "annotations").key(sourceRangesAnnotation);
  if (!isLoadBalancer) errors.forbidden(path, onlyLoadBalancer);
  if (annotation === current?.metadata.annotations?.[sourceRangesAnnotation] || annotation.trim() === "") return;
  for (const range of annotation.split(",").map((one) => one.trim())) {
    errors.problems(path, range, legacyBlockProblems(range));
  }
}

function validateLoadBalancer(spec: ServiceSpec, errors: FieldErrors): void {
  const isLoadBalancer = spec.type === "LoadBalancer";
  if (spec.allocateLoadBalancerNodePorts != null && !isLoadBalancer) {
    errors.forbidden(specPath.child("allocateLoadBalancerNodePorts"), onlyLoadBalancer);
  }
  if (spec.allocateLoadBalancerNodePorts == null && isLoadBalancer) {
    errors.required(new FieldPath("allocateLoadBalancerNodePorts"));
  }
  const { loadBalancerClass: name } = spec;
  if (name == null) return;
  if (isLoadBalancer) errors.problems(specPath.child("loadBalancerClass"), name, qualifiedNameProblems(name));
  else errors.forbidden(specPath.child("loadBalancerClass"), onlyLoadBalancer);
}

function validateTraffic(spec: ServiceSpec, errors: FieldErrors): void {
  const path = specPath.child("externalTrafficPolicy");
  if (isExternallyAccessible(spec)) errors.oneOf(path, spec.externalTrafficPolicy, ["Cluster", "Local"]);
  else if (spec.externalTrafficPolicy) {
    errors.invalid(path, spec.externalTrafficPolicy, "may only be set for externally-accessible services");
  }
  const healthPath = specPath.child("healthCheckNodePort");
  // A service that needs the port and has none is given one.
  if (needsHealthCheckPort(spec)) {
    if (spec.healthCheckNodePort) errors.port(healthPath, spec.healthCheckNodePort);
  } else if (spec.healthCheckNodePort) {
    const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.invalid(healthPath, spec.healthCheckNodePort, why);
  }
  const internalPath = specPath.child("internalTrafficPolicy");
  if (spec.internalTrafficPolicy == null && spec.type !== "ExternalName" && types.includes(spec.type ?? "")) {
    errors.required(internalPath);
  }
  errors.supported(internalPath, spec.internalTrafficPolicy, ["Cluster", "Local"]);
  const distributions = ["PreferClose", "PreferSameZone", "PreferSameNode"];
  errors.supported(specPath.child("trafficDistribution"), spec.trafficDistribution, distributions);
}

export function validateServiceStatus(next: Service, current: Service): FieldErrors {
  const errors = new FieldErrors();
  const ingress = next.status?.loadBalancer?.ingress ?? [];
  const path = new FieldPath("status", "loadBalancer", "ingress");
  const known = new Set((current.status?.loadBalancer?.ingress ?? []).map((one) => one.ip));
  if (next.spec.type !== "LoadBalancer" && ingress.length > 0) {
    errors.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'");
    return errors;
  }
  for (const [index, one] of ingress.entries()) validateIngress(one, known.has(one.ip), path.index(index), errors);
  return errors;
}

function validateIngress(ingress: LoadBalancerIngress, isKnown: boolean, at: FieldPath, errors: FieldErrors): void {
  const { ip, ipMode, hostname } = ingress;
  if (ip && !isKnown) errors.problems(at.child("ip"), ip, legacyAddressProblems(ip));
  if (ipMode == null) {
    if (ip) errors.required(at.child("ipMode"), "must be specified when `ip` is set");
  } else if (!ip) errors.forbidden(at.child("ipMode"), "may not be specified when `ip` is not set");
  else errors.supported(at.child("ipMode"), ipMode, ["Proxy", "VIP"]);
  if (!hostname) return;
  errors.dnsSubdomain(at.child("hostname"), hostname);
  if (parseAddress(hostname)) errors.invalid(at.child("hostname"), hostname, "must be a DNS name, not an IP address");
}
