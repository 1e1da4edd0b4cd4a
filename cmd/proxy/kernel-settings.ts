/**
 * What the proxy asks of the kernel besides rules: routes from 127.0.0.1 for node ports, room in the connection table. Limits
 * are raised only, and those that cannot be set here (as in a network namespace that is not the machine's) are let be.
 */
import { messageOf } from "#pkg/system/errors.ts";
import type { KernelFiles } from "#pkg/system/kernel-files.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { ConntrackLimits } from "./options.ts";

export interface KernelSetting {
  /** Below /proc/sys. */
  readonly name: string;
  readonly value: number;
  /** True: a larger value that is there stays. */
  readonly onlyRaises: boolean;
}

/** Pure. */
export function buildKernelSettings(limits: ConntrackLimits, cores: number, servesLocalhost: boolean): KernelSetting[] {
  const conntrack = (name: string, value: number): KernelSetting[] =>
    value > 0 ? [{ name: `net/netfilter/nf_conntrack_${name}`, value, onlyRaises: true }] : [];
  return [
    ...(servesLocalhost ? [{ name: "net/ipv4/conf/all/route_localnet", value: 1, onlyRaises: false }] : []),
    ...(limits.maxPerCore > 0 ? conntrack("max", Math.max(limits.maxPerCore * cores, limits.min)) : []),
    ...conntrack("tcp_timeout_established", limits.tcpEstablishedSeconds),
    ...conntrack("tcp_timeout_close_wait", limits.tcpCloseWaitSeconds),
    ...conntrack("tcp_be_liberal", limits.tcpBeLiberal ? 1 : 0),
  ];
}

export async function applyKernelSettings(
  settings: readonly KernelSetting[],
  files: KernelFiles,
  log: Logger,
): Promise<void> {
  for (const { name, value, onlyRaises } of settings) {
    const file = `/proc/sys/${name}`;
    try {
      const current = Number(await files.read(file));
      if (current === value || (onlyRaises && current > value)) continue;
      await files.write(file, String(value));
      log.info("kernel setting changed", { name, from: current, to: value });
    } catch (error) {
      log.warn("a kernel setting stays as it is", { name, wanted: value, reason: messageOf(error) });
    }
  }
}

/** Whether the kernel takes packets out of a connection's window: those are INVALID for others, but not wrong. */
export async function acceptsOutOfWindow(files: KernelFiles): Promise<boolean> {
  try {
    return Number(await files.read("/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal")) !== 0;
  } catch {
    return false;
  }
}
