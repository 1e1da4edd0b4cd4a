/**
 * What this node's network remembers: addresses, where each pod's namespace is, which host ports are taken. It lives where
 * a reboot clears it, as a reboot clears the namespaces; a damaged file is set aside and rebuilt from what is really there.
 */

import type { PortMapping } from "#pkg/network/cni/cni-types.ts";
import { emptyIpam, type IpamState } from "#pkg/network/ipam/allocator.ts";
import { isNotFound } from "#pkg/system/errors.ts";
import { type Files, setAside } from "#pkg/system/files.ts";
import type { Logger } from "#pkg/system/log.ts";

export interface Attachment {
  readonly netns: string;
  readonly ifname: string;
  readonly address: string;
  readonly portMappings: readonly PortMapping[];
}

export interface NetworkState {
  readonly podCidr: string;
  readonly ipam: IpamState;
  /** By "container ID/interface". */
  readonly attachments: Readonly<Record<string, Attachment>>;
}

export function emptyNetworkState(podCidr: string): NetworkState {
  return { podCidr, ipam: emptyIpam, attachments: {} };
}

export class CniJournal {
  readonly #file: string;
  readonly #files: Files;

  constructor(file: string, files: Files) {
    this.#file = file;
    this.#files = files;
  }

  /** The state on disk; empty when there is none, or none for this range. */
  async load(podCidr: string, nowMs: number, log: Logger): Promise<NetworkState> {
    let text: string;
    try {
      text = await this.#files.readText(this.#file);
    } catch (error) {
      if (isNotFound(error)) return emptyNetworkState(podCidr);
      throw error;
    }
    try {
      const state = JSON.parse(text) as NetworkState;
      if (typeof state.ipam?.allocated !== "object" || typeof state.attachments !== "object")
        throw new TypeError("it has no attachments");
      if (state.podCidr === podCidr) return state;
      log.warn("the node's pod range changed; addresses of the old one are forgotten", {
        from: state.podCidr,
        to: podCidr,
      });
    } catch (error) {
      const kept = await setAside(this.#file, nowMs, this.#files);
      log.warn("the network journal is damaged; starting with an empty one", { kept, error });
    }
    return emptyNetworkState(podCidr);
  }

  async save(state: NetworkState): Promise<void> {
    await this.#files.writeAtomic(this.#file, JSON.stringify(state), { mode: 0o600 });
  }
}
