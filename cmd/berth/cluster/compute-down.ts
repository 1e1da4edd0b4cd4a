/** What `down` has to do, in order, from what is seen on the machine. Pure: actions as data. */
import type { ProcessRecord } from "./process-table.ts";

export interface ObservedCluster {
  readonly processes: readonly ProcessRecord[];
  /** containerd's files are there, so there may be pods that only it can take down. */
  readonly hasContainerd: boolean;
  /** Shims of this cluster's containerd. */
  readonly shims: readonly number[];
  /** Network namespaces of its pods. */
  readonly namespaces: readonly string[];
  /** Innermost first. */
  readonly mounts: readonly string[];
  readonly hasCgroup: boolean;
  readonly links: readonly string[];
  readonly hasRoutes: boolean;
  /** iptables-restore input that removes our rules, by family; "" where there are none. */
  readonly ruleRemovals: Readonly<Record<"ipv4" | "ipv6", string>>;
  readonly ipsets: readonly string[];
  /** Folders of the cluster that are there. */
  readonly folders: readonly string[];
}

export type DownAction =
  | { readonly kind: "stopProcess"; readonly record: ProcessRecord }
  /** Through containerd, which is started for that when it does not run. */
  | { readonly kind: "removePods" }
  | { readonly kind: "killShims"; readonly pids: readonly number[] }
  | { readonly kind: "removeNamespace"; readonly name: string }
  | { readonly kind: "unmount"; readonly target: string }
  | { readonly kind: "removeCgroup" }
  | { readonly kind: "removeRules"; readonly family: "ipv4" | "ipv6"; readonly input: string }
  | { readonly kind: "removeIpset"; readonly name: string }
  | { readonly kind: "removeRoutes" }
  | { readonly kind: "removeLink"; readonly name: string }
  | { readonly kind: "removeFolder"; readonly folder: string };

/** First who would bring pods back, then the pods, then the runtime. The agent goes first: it restarts what dies. */
const beforePods = ["nodeagent", "proxy", "dns", "server"] as const;

/** The part that ends processes and pods. What they leave is looked at anew afterwards, for `computeCleaning`. */
export function computeStopping(observed: ObservedCluster): readonly DownAction[] {
  const record = (name: string) => observed.processes.find((one) => one.name === name);
  const stop = (name: string): readonly DownAction[] => {
    const found = record(name);
    return found ? [{ kind: "stopProcess", record: found }] : [];
  };
  return [
    ...beforePods.flatMap(stop),
    ...(observed.hasContainerd ? [{ kind: "removePods" } as const] : []),
    ...stop("containerd"),
  ];
}

/** The part that removes what is left. Nothing here is done twice: run again on a clean machine it is empty. */
export function computeCleaning(
  observed: ObservedCluster,
  options: { readonly keepsData: boolean; readonly dataDir: string },
): readonly DownAction[] {
  const families = ["ipv4", "ipv6"] as const;
  return [
    ...(observed.shims.length > 0 ? [{ kind: "killShims", pids: observed.shims } as const] : []),
    ...observed.mounts.map((target) => ({ kind: "unmount", target }) as const),
    ...observed.namespaces.map((name) => ({ kind: "removeNamespace", name }) as const),
    ...(observed.hasCgroup ? [{ kind: "removeCgroup" } as const] : []),
    ...families.flatMap((family) => {
      const input = observed.ruleRemovals[family];
      return input === "" ? [] : [{ kind: "removeRules", family, input } as const];
    }),
    ...observed.ipsets.map((name) => ({ kind: "removeIpset", name }) as const),
    ...(observed.hasRoutes ? [{ kind: "removeRoutes" } as const] : []),
    ...observed.links.map((name) => ({ kind: "removeLink", name }) as const),
    ...observed.folders
      .filter((folder) => !(options.keepsData && folder === options.dataDir))
      .map((folder) => ({ kind: "removeFolder", folder }) as const),
  ];
}
