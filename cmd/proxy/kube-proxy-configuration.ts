/**
 * KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1), as far as this proxy heeds it. A field it does not know is an
 * error, inside the parts too: a setting that is silently without effect is worse than none. Pure.
 */
import { parseBlock } from "#pkg/api/ip-address.ts";
import { parseYaml } from "#pkg/api/schema/yaml.ts";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import { parseDurationMs } from "./parse-duration.ts";

export interface KubeProxyConfiguration {
  readonly bindAddress?: string;
  readonly clientConnection?: { readonly kubeconfig?: string };
  readonly clusterCIDR?: string;
  readonly conntrack?: {
    readonly maxPerCore?: number;
    readonly min?: number;
    readonly tcpBeLiberal?: boolean;
    readonly tcpEstablishedTimeout?: string;
    readonly tcpCloseWaitTimeout?: string;
  };
  readonly healthzBindAddress?: string;
  readonly hostnameOverride?: string;
  readonly iptables?: {
    readonly localhostNodePorts?: boolean;
    readonly masqueradeAll?: boolean;
    readonly masqueradeBit?: number;
    readonly minSyncPeriod?: string;
    readonly syncPeriod?: string;
  };
  readonly metricsBindAddress?: string;
  readonly mode?: string;
  readonly nodePortAddresses?: readonly string[];
}

type Check = (value: unknown) => boolean;
interface Shape {
  readonly [field: string]: Check | Shape;
}

const isString: Check = (value) => typeof value === "string";
const isBoolean: Check = (value) => typeof value === "boolean";
const isCount: Check = (value) => Number.isInteger(value) && (value as number) >= 0;
const isDuration: Check = (value) => typeof value === "string" && parseDurationMs(value) !== undefined;
const isCidrs: Check = (value) =>
  Array.isArray(value) && value.every((one) => typeof one === "string" && parseBlock(one) !== undefined);
const isOneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value);

const shape: Shape = {
  bindAddress: isString,
  clientConnection: { kubeconfig: isString },
  clusterCIDR: (value) => typeof value === "string" && (value === "" || isCidrs(value.split(","))),
  conntrack: {
    maxPerCore: isCount,
    min: isCount,
    tcpBeLiberal: isBoolean,
    tcpEstablishedTimeout: isDuration,
    tcpCloseWaitTimeout: isDuration,
  },
  detectLocalMode: isOneOf("", "ClusterCIDR"),
  healthzBindAddress: isString,
  hostnameOverride: isString,
  iptables: {
    localhostNodePorts: isBoolean,
    masqueradeAll: isBoolean,
    masqueradeBit: (value) => isCount(value) && (value as number) < 32,
    minSyncPeriod: isDuration,
    syncPeriod: isDuration,
  },
  metricsBindAddress: isString,
  mode: isOneOf("", "iptables"),
  nodePortAddresses: isCidrs,
};

const apiVersion = "kubeproxy.config.k8s.io/v1alpha1";

/** `file` is for messages. Throws "Invalid" that names the field. */
export function parseKubeProxyConfiguration(text: string, file: string): KubeProxyConfiguration {
  let parsed: unknown;
  try {
    parsed = parseYaml(text, { maxDepth: 64 });
  } catch (error) {
    throw new BerthError("Invalid", `${file}: ${messageOf(error)}`, { cause: error });
  }
  const { apiVersion: version, kind, ...settings } = isMap(parsed) ? parsed : {};
  if (version !== apiVersion || kind !== "KubeProxyConfiguration")
    throw new BerthError("Invalid", `${file}: apiVersion and kind must be ${apiVersion} and KubeProxyConfiguration`);
  return checkMap(settings, shape, file, "") as KubeProxyConfiguration;
}

/** The settings that are given; null is as good as none. */
function checkMap(settings: Record<string, unknown>, fields: Shape, file: string, path: string): object {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(settings)) {
    const check = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!check) throw new BerthError("Invalid", `${file}: ${path}${name}: this proxy has no such setting`);
    if (value === null) continue;
    const isGood = typeof check === "function" ? check(value) : isMap(value);
    if (!isGood)
      throw new BerthError("Invalid", `${file}: ${path}${name}: ${JSON.stringify(value)} is not a value it takes`);
    given[name] =
      typeof check === "function" ? value : checkMap(value as Record<string, unknown>, check, file, `${path}${name}.`);
  }
  return given;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
