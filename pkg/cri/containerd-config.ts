/**
 * Configuration of a containerd of our own: its root, state and socket are below one folder, so that nothing of the
 * host's containerd is touched. Written in version 2 of the format, which 1.6 reads and 2.x migrates by itself.
 */
import path from "node:path";

export interface ContainerdOptions {
  /** Persistent: images and snapshots. */
  readonly root: string;
  /** Gone after a reboot: sockets and running containers. */
  readonly state: string;
  /** Full reference of the pause image. */
  readonly sandboxImage: string;
  readonly cniBinFolder: string;
  readonly cniConfFolder: string;
  /** True where negative oom_score_adj values are forbidden (no CAP_SYS_RESOURCE): without it no sandbox starts there. */
  readonly restrictOomScoreAdj: boolean;
  readonly systemdCgroup: boolean;
  /** "overlayfs" unless the data folder's file system cannot take it. */
  readonly snapshotter: "overlayfs" | "native";
  /** Folder with `<host>/hosts.toml` files for mirrors and plain-HTTP registries; undefined: none. */
  readonly registryConfigFolder?: string | undefined;
}

export function containerdSocket(options: Pick<ContainerdOptions, "state">): string {
  return path.join(options.state, "containerd.sock");
}

/** Plugins that need kernel modules or programs we do not use, and would only log errors. */
const unusedPlugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.erofs",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
  "io.containerd.nri.v1.nri",
] as const;

export function buildContainerdConfig(options: ContainerdOptions): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  const sections: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ["", { version: 2, root: options.root, state: options.state, oom_score: 0, disabled_plugins: unusedPlugins }],
    ["grpc", { address: containerdSocket(options) }],
    [
      cri,
      {
        sandbox_image: options.sandboxImage,
        restrict_oom_score_adj: options.restrictOomScoreAdj,
        stream_server_address: "127.0.0.1",
        stream_server_port: "0",
        disable_apparmor: false,
        tolerate_missing_hugetlb_controller: true,
        enable_selinux: false,
        // Lets any user of a pod bind low ports and ping, as Docker does and images expect.
        enable_unprivileged_ports: true,
        enable_unprivileged_icmp: true,
      },
    ],
    [`${cri}.cni`, { bin_dir: options.cniBinFolder, conf_dir: options.cniConfFolder, max_conf_num: 1 }],
    [
      `${cri}.containerd`,
      { snapshotter: options.snapshotter, default_runtime_name: "runc", discard_unpacked_layers: false },
    ],
    [`${cri}.containerd.runtimes.runc`, { runtime_type: "io.containerd.runc.v2" }],
    [`${cri}.containerd.runtimes.runc.options`, { SystemdCgroup: options.systemdCgroup }],
    ...(options.registryConfigFolder
      ? ([[`${cri}.registry`, { config_path: options.registryConfigFolder }]] as const)
      : []),
    ['plugins."io.containerd.internal.v1.opt"', { path: path.join(options.root, "opt") }],
  ];
  return sections.map(([name, values]) => formatSection(name, values)).join("\n");
}

function formatSection(name: string, values: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return [...(name ? [`[${name}]`] : []), ...lines, ""].join("\n");
}
