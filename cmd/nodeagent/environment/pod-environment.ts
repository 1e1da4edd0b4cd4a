/** Puts the rules of this folder together as the PodEnvironment port: reads what they need, and writes the hosts file. */
import path from "node:path";
import type { Pod, Service } from "#pkg/api/core/v1.ts";
import { isNotFound } from "#pkg/system/errors.ts";
import type { Files } from "#pkg/system/files.ts";
import { type AgentFolders, podFolder } from "../pods/pod-folders.ts";
import type {
  AnyContainer,
  CriDnsConfig,
  CriMount,
  EnvironmentVariables,
  EventSink,
  PodAddresses,
  PodEnvironment,
} from "../pods/ports.ts";
import type { ConfigReader } from "./config-reader.ts";
import { computeVariables, readSources } from "./container-variables.ts";
import { computeDns, parseResolvConf, type ResolvConf } from "./dns-config.ts";
import { expandVariables } from "./expand-variables.ts";
import { computeHostname, computePodNames } from "./hostname.ts";
import { buildHostNetworkHostsFile, buildHostsFile } from "./hosts-file.ts";
import type { AllocatableAmounts } from "./pod-field.ts";
import { computeServiceVariables } from "./service-variables.ts";

/** The services of the cluster; `services` waits until they are known. */
export interface ServiceLister {
  services(): Promise<readonly Service[]>;
}

export interface PodEnvironmentOptions {
  readonly clusterDns: readonly string[];
  /** "cluster.local" */
  readonly clusterDomain: string;
  /** The node's resolv.conf; "" for none. */
  readonly resolvConf: string;
  /** The node's hosts file. */
  readonly hostsFile: string;
  readonly folders: AgentFolders;
  readonly files: Files;
  readonly config: ConfigReader;
  readonly serviceLister: ServiceLister;
  readonly allocatable: () => AllocatableAmounts;
  readonly events: EventSink;
}

export function createPodEnvironment(options: PodEnvironmentOptions): PodEnvironment {
  return new AgentPodEnvironment(options);
}

class AgentPodEnvironment implements PodEnvironment {
  readonly #options: PodEnvironmentOptions;

  constructor(options: PodEnvironmentOptions) {
    this.#options = options;
  }

  hostname(pod: Pod): string {
    return computeHostname(pod, this.#options.clusterDomain);
  }

  async dnsConfig(pod: Pod): Promise<CriDnsConfig | undefined> {
    const { clusterDns, clusterDomain, events } = this.#options;
    const { config, warnings } = computeDns(pod, { clusterDns, clusterDomain, host: await this.#hostDns() });
    for (const { reason, message } of warnings) events.record(pod, "Warning", reason, message);
    return config;
  }

  async variables(pod: Pod, container: AnyContainer, addresses: PodAddresses): Promise<EnvironmentVariables> {
    const { config, serviceLister, allocatable, events } = this.#options;
    const [sources, services] = await Promise.all([readSources(pod, container, config), serviceLister.services()]);
    const serviceVariables = computeServiceVariables({
      services,
      namespace: pod.metadata.namespace ?? "",
      enableServiceLinks: pod.spec.enableServiceLinks ?? true,
    });
    const input = { pod, container, addresses, allocatable: allocatable(), serviceVariables, sources };
    const { variables, skipped } = computeVariables(input);
    for (const { source, keys } of skipped) {
      const what = `Keys [${keys.join(", ")}] from the EnvFrom ${source.replace("/", ` ${pod.metadata.namespace ?? ""}/`)}`;
      const why = "were skipped since they are considered invalid environment variable names.";
      events.record(pod, "Warning", "InvalidEnvironmentVariableNames", `${what} ${why}`);
    }
    return variables;
  }

  expand(words: readonly string[] | undefined, variables: EnvironmentVariables): readonly string[] {
    if (!words) return [];
    const values = new Map(variables.map(({ name, value }) => [name, value]));
    return words.map((word) => expandVariables(word, (name) => values.get(name)));
  }

  async hostsMount(pod: Pod, container: AnyContainer, addresses: PodAddresses): Promise<CriMount | undefined> {
    const brings = container.volumeMounts?.some(({ mountPath }) => path.posix.resolve("/", mountPath) === "/etc/hosts");
    if (brings || (addresses.podIps.length === 0 && !pod.spec.hostNetwork)) return undefined;
    const { folders, files } = this.#options;
    const file = path.join(podFolder(folders, pod.metadata.uid ?? ""), "etc-hosts");
    const content = await this.#hostsContent(pod, addresses);
    // Containers that run keep the file they were started with; a new one must not take it from them.
    if ((await this.#readOrNothing(file)) !== content) await files.writeAtomic(file, content, { mode: 0o644 });
    return { containerPath: "/etc/hosts", hostPath: file };
  }

  async #hostsContent(pod: Pod, addresses: PodAddresses): Promise<string> {
    const aliases = pod.spec.hostAliases ?? [];
    if (pod.spec.hostNetwork) {
      return buildHostNetworkHostsFile((await this.#readOrNothing(this.#options.hostsFile)) ?? "", aliases);
    }
    return buildHostsFile(addresses.podIps, computePodNames(pod, this.#options.clusterDomain), aliases);
  }

  async #hostDns(): Promise<ResolvConf | undefined> {
    const { resolvConf } = this.#options;
    const text = resolvConf === "" ? undefined : await this.#readOrNothing(resolvConf);
    return text === undefined ? undefined : parseResolvConf(text);
  }

  async #readOrNothing(file: string): Promise<string | undefined> {
    try {
      return await this.#options.files.readText(file);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}
