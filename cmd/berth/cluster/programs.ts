/** The processes of a cluster in the order they start, each with its command line. Pure. */
import path from "node:path";
import { type ClusterLayout, type ClusterSettings, networkDefaults } from "./layout.ts";

/** In the order of starting; stopping goes the other way, except that pods are taken down between agent and containerd. */
export const processNames = ["containerd", "server", "nodeagent", "proxy", "dns"] as const;
export type ProcessName = (typeof processNames)[number];
export type ProgramName = Exclude<ProcessName, "containerd">;

/** Where Berth's own programs are: in a source tree, or bundled in one folder. */
export type Installation =
  | { readonly kind: "sources"; readonly root: string }
  | { readonly kind: "bundle"; readonly folder: string };

const entries: Readonly<Record<ProgramName | "cni", { readonly source: string; readonly bundle: string }>> = {
  server: { source: "controlplane/main.ts", bundle: "berth-server.js" },
  nodeagent: { source: "cmd/nodeagent/main.ts", bundle: "berth-nodeagent.js" },
  proxy: { source: "cmd/proxy/main.ts", bundle: "berth-proxy.js" },
  dns: { source: "cmd/dns/main.ts", bundle: "berth-dns.js" },
  cni: { source: "cmd/cni/main.ts", bundle: "berth-cni.js" },
};

/** The file that Node runs for a program. */
export function programFile(name: ProgramName | "cni", installation: Installation): string {
  const { source, bundle } = entries[name];
  return installation.kind === "sources"
    ? path.join(installation.root, source)
    : path.join(installation.folder, bundle);
}

/** The demo's web program, which goes into its image. */
export function demoProgramFile(installation: Installation): string {
  return installation.kind === "sources"
    ? path.join(installation.root, "cmd/berth/demo/visits.js")
    : path.join(installation.folder, "demo/visits.js");
}

export interface ProcessContext {
  readonly settings: ClusterSettings;
  readonly layout: ClusterLayout;
  readonly installation: Installation;
  /** The Node.js that runs the programs. */
  readonly node: string;
  readonly nodeName: string;
  readonly nodeAddress: string;
  readonly containerdSocket: string;
}

export function buildProcessArgv(name: ProcessName, context: ProcessContext): readonly [string, ...string[]] {
  const { layout, installation, node } = context;
  if (name === "containerd") return ["containerd", "--config", layout.containerdConfig];
  return [node, programFile(name, installation), ...flagsOf[name](context)];
}

const flagsOf: Readonly<Record<ProgramName, (context: ProcessContext) => readonly string[]>> = {
  server: ({ settings, layout, nodeAddress }) => [
    ...["--data-dir", layout.serverDir, "--kubeconfig", layout.kubeconfig],
    ...["--secure-port", String(settings.port), "--advertise-address", nodeAddress],
    ...["--cluster-cidr", networkDefaults.podCidr, "--service-cluster-ip-range", networkDefaults.serviceCidr],
    ...["--cluster-domain", networkDefaults.domain],
  ],
  nodeagent: ({ settings, layout, nodeName, nodeAddress, containerdSocket }) => [
    ...["--kubeconfig", layout.agentKubeconfig, "--config", layout.agentConfig],
    ...["--hostname-override", nodeName, "--node-ip", nodeAddress, "--port", String(settings.agentPort)],
    ...["--container-runtime-endpoint", containerdSocket, "--cgroup-parent", layout.cgroupParent],
    ...["--root-dir", layout.agentDir, "--pod-logs-dir", layout.podLogsDir, "--run-dir", layout.agentRunDir],
    ...["--cluster-cidr", networkDefaults.podCidr],
    ...["--cni-bin-dir", layout.cniBinDir, "--cni-conf-dir", layout.cniConfDir],
  ],
  proxy: ({ layout, nodeName }) => [
    ...["--kubeconfig", layout.proxyKubeconfig, "--hostname-override", nodeName],
    ...["--cluster-cidr", networkDefaults.podCidr, "--service-cluster-ip-range", networkDefaults.serviceCidr],
    ...["--healthz-bind-address", `127.0.0.1:${proxyHealthPort}`],
  ],
  dns: ({ settings, layout, nodeAddress }) => [
    ...["--kubeconfig", layout.dnsKubeconfig, "--listen-address", nodeAddress, "--port", String(settings.dnsPort)],
    ...["--cluster-domain", networkDefaults.domain, "--health-port", String(healthPortOf(settings))],
  ],
};

/** As upstream's. */
export const proxyHealthPort = 10_256;

/** DNS answers for its own health here, on loopback. */
export function healthPortOf({ dnsPort }: Pick<ClusterSettings, "dnsPort">): number {
  return dnsPort + 1;
}

/** KubeletConfiguration of the agent: JSON, which is YAML too. */
export function buildAgentConfig(layout: ClusterLayout): string {
  const config = {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: path.join(layout.serverDir, "pki", "ca.crt") },
    },
    authorization: { mode: "Webhook" },
    cgroupDriver: "cgroupfs",
    clusterDNS: [networkDefaults.dnsAddress],
    clusterDomain: networkDefaults.domain,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
