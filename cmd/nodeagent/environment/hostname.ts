/**
 * The names a pod knows itself by. Pure.
 * Source: kubelet GeneratePodHostNameAndDomain (v1.36), KEP-1797.
 */
import type { Pod } from "#pkg/api/core/v1.ts";
import { BerthError } from "#pkg/system/errors.ts";

export interface PodNames {
  readonly hostname: string;
  /** "" without a subdomain. */
  readonly domain: string;
}

const maxHostname = 63;
/** What the kernel takes. */
const maxNodeName = 64;

export function computePodNames(pod: Pod, clusterDomain: string): PodNames {
  const { hostname = "", subdomain = "", hostnameOverride = "" } = pod.spec;
  if (hostnameOverride) return { hostname: hostnameOverride, domain: "" };
  const name = hostname || truncate(pod.metadata.name ?? "");
  const domain = subdomain === "" ? "" : `${subdomain}.${pod.metadata.namespace ?? ""}.svc.${clusterDomain}`;
  return { hostname: name, domain };
}

/** What the sandbox is given. Throws "Invalid" when the full name asked for does not fit. */
export function computeHostname(pod: Pod, clusterDomain: string): string {
  if (pod.spec.hostNetwork && !pod.spec.hostnameOverride) return "";
  const { hostname, domain } = computePodNames(pod, clusterDomain);
  if (!pod.spec.setHostnameAsFQDN || domain === "") return hostname;
  const full = `${hostname}.${domain}`;
  if (full.length > maxNodeName) {
    const what = `failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long`;
    throw new BerthError(
      "Invalid",
      `${what} (${maxNodeName} characters is the max, ${full.length} characters requested)`,
    );
  }
  return full;
}

function truncate(name: string): string {
  return name.length <= maxHostname ? name : name.slice(0, maxHostname).replace(/[-.]+$/, "");
}
