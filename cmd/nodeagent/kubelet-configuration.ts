/**
 * KubeletConfiguration (kubelet.config.k8s.io/v1beta1), as far as this agent heeds it. A field it does not know is an error:
 * a setting that is silently without effect is worse than none. Pure.
 */

import type { Taint } from "#pkg/api/core/v1.ts";
import { parseQuantity } from "#pkg/api/quantity.ts";
import { parseYaml } from "#pkg/api/schema/yaml.ts";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import { parseDurationMs } from "./parse-duration.ts";

type Check = (value: unknown) => boolean;

const isString: Check = (value) => typeof value === "string";
const isBoolean: Check = (value) => typeof value === "boolean";
const isInteger: Check = (value) => Number.isInteger(value);
const isStrings: Check = (value) => Array.isArray(value) && value.every(isString);
const isMap: Check = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isTextMap: Check = (value) => isMap(value) && Object.values(value as object).every(isString);
const isDuration: Check = (value) => typeof value === "string" && parseDurationMs(value) !== undefined;
const isAmounts: Check = (value) =>
  isTextMap(value) && Object.values(value as Record<string, string>).every(isQuantityText);
const isList: Check = Array.isArray;

/** What each field must be. Those without effect here, because they are about parts that are left out, are taken too. */
const fields: Readonly<Record<string, Check>> = {
  address: isString,
  authentication: isMap,
  authorization: isMap,
  cgroupDriver: (value) => value === "cgroupfs" || value === "systemd",
  cgroupRoot: isString,
  clusterDNS: isStrings,
  clusterDomain: isString,
  containerLogMaxFiles: isInteger,
  containerLogMaxSize: isString,
  containerRuntimeEndpoint: isString,
  cpuCFSQuota: isBoolean,
  cpuCFSQuotaPeriod: isDuration,
  crashLoopBackOff: isMap,
  enforceNodeAllocatable: isStrings,
  evictionHard: isTextMap,
  failCgroupV1: isBoolean,
  failSwapOn: isBoolean,
  healthzBindAddress: isString,
  healthzPort: isInteger,
  imageServiceEndpoint: isString,
  kubeReserved: isAmounts,
  logging: isMap,
  maxParallelImagePulls: isInteger,
  maxPods: isInteger,
  nodeLeaseDurationSeconds: isInteger,
  nodeStatusReportFrequency: isDuration,
  nodeStatusUpdateFrequency: isDuration,
  podPidsLimit: isInteger,
  port: isInteger,
  readOnlyPort: isInteger,
  registerNode: isBoolean,
  registerWithTaints: isList,
  resolvConf: isString,
  rotateCertificates: isBoolean,
  serializeImagePulls: isBoolean,
  staticPodPath: isString,
  syncFrequency: isDuration,
  systemReserved: isAmounts,
  tlsCertFile: isString,
  tlsPrivateKeyFile: isString,
};

export interface KubeletConfiguration {
  readonly address?: string;
  readonly authentication?: {
    readonly anonymous?: { readonly enabled?: boolean };
    readonly webhook?: { readonly enabled?: boolean };
    readonly x509?: { readonly clientCAFile?: string };
  };
  readonly authorization?: { readonly mode?: string };
  readonly cgroupDriver?: "cgroupfs" | "systemd";
  readonly cgroupRoot?: string;
  readonly clusterDNS?: readonly string[];
  readonly clusterDomain?: string;
  readonly containerRuntimeEndpoint?: string;
  readonly cpuCFSQuota?: boolean;
  readonly cpuCFSQuotaPeriod?: string;
  readonly crashLoopBackOff?: { readonly maxContainerRestartPeriod?: string };
  readonly enforceNodeAllocatable?: readonly string[];
  readonly evictionHard?: Readonly<Record<string, string>>;
  readonly healthzBindAddress?: string;
  readonly healthzPort?: number;
  readonly imageServiceEndpoint?: string;
  readonly kubeReserved?: Readonly<Record<string, string>>;
  readonly maxParallelImagePulls?: number;
  readonly maxPods?: number;
  readonly nodeLeaseDurationSeconds?: number;
  readonly nodeStatusReportFrequency?: string;
  readonly nodeStatusUpdateFrequency?: string;
  readonly podPidsLimit?: number;
  readonly port?: number;
  readonly registerNode?: boolean;
  readonly registerWithTaints?: readonly Taint[];
  readonly resolvConf?: string;
  readonly serializeImagePulls?: boolean;
  readonly staticPodPath?: string;
  readonly systemReserved?: Readonly<Record<string, string>>;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
}

const apiVersion = "kubelet.config.k8s.io/v1beta1";

/** `file` is for messages. Throws "Invalid" that names the field. */
export function parseKubeletConfiguration(text: string, file: string): KubeletConfiguration {
  let parsed: unknown;
  try {
    parsed = parseYaml(text, { maxDepth: 64 });
  } catch (error) {
    throw new BerthError("Invalid", `${file}: ${messageOf(error)}`, { cause: error });
  }
  if (!isMap(parsed)) throw new BerthError("Invalid", `${file}: not a ${apiVersion} KubeletConfiguration`);
  const { apiVersion: version, kind, ...settings } = parsed as Record<string, unknown>;
  if (version !== apiVersion || kind !== "KubeletConfiguration")
    throw new BerthError("Invalid", `${file}: apiVersion and kind must be ${apiVersion} and KubeletConfiguration`);
  for (const [name, value] of Object.entries(settings)) {
    const check = fields[name];
    if (!check) throw new BerthError("Invalid", `${file}: ${name}: this agent has no such setting`);
    if (value !== null && !check(value))
      throw new BerthError("Invalid", `${file}: ${name}: ${JSON.stringify(value)} is not a value this setting takes`);
  }
  const given = Object.entries(settings).filter(([, value]) => value !== null);
  return Object.fromEntries(given) as KubeletConfiguration;
}

function isQuantityText(text: string): boolean {
  try {
    parseQuantity(text);
    return true;
  } catch {
    return false;
  }
}
