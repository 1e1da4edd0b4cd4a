/**
 * The node's pod network: answers CNI calls, one change at a time, and keeps the node's rules for host ports and
 * masquerading as the journal says.
 */

import {
  type CniAnswer,
  CniError,
  type CniRequest,
  type CniResult,
  cniCode,
  formatCniError,
  type PortMapping,
  supportedVersions,
} from "#pkg/network/cni/cni-types.ts";
import { type CniCall, parseCniRequest } from "#pkg/network/cni/parse-cni-request.ts";
import { allocate, type PodCidr, parsePodCidr, release } from "#pkg/network/ipam/allocator.ts";
import { gatewayAddress, hostLinkName, type PodLinks } from "#pkg/network/link/pod-link.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { hasCode, messageOf } from "#pkg/system/errors.ts";
import type { Files } from "#pkg/system/files.ts";
import type { Logger } from "#pkg/system/log.ts";
import { type Attachment, CniJournal, type NetworkState } from "./cni-journal.ts";
import { findPortConflict } from "./host-ports.ts";

export interface PodNetworkOptions {
  readonly links: PodLinks;
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the journal is kept; a folder that a reboot empties. */
  readonly journalFile: string;
  readonly mtu: number;
  /** Told after each change of attachments, with all of them. */
  readonly onChange: (attachments: readonly Attachment[]) => Promise<void>;
}

export class PodNetwork {
  readonly #options: PodNetworkOptions;
  readonly #journal: CniJournal;
  #state: NetworkState | undefined;
  #range: PodCidr | undefined;
  /** Changes run one after the other. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(options: PodNetworkOptions) {
    this.#options = options;
    this.#journal = new CniJournal(options.journalFile, options.files);
  }

  /** Called when the node learns its range; before that ADD answers "try again". */
  async setPodCidr(podCidr: string): Promise<void> {
    await this.#oneAtATime(async () => {
      if (this.#state?.podCidr === podCidr) return;
      this.#range = parsePodCidr(podCidr);
      this.#state = await this.#journal.load(podCidr, this.#options.clock.now(), this.#options.log);
      await this.#options.onChange(this.attachments());
    });
  }

  get podCidr(): string | undefined {
    return this.#state?.podCidr;
  }

  attachments(): readonly Attachment[] {
    return Object.values(this.#state?.attachments ?? {});
  }

  /** Never throws: what goes wrong is an answer in the protocol's words. */
  async answer(request: CniRequest): Promise<CniAnswer> {
    let version = "1.0.0";
    try {
      const call = parseCniRequest(request);
      version = call.config.cniVersion ?? version;
      if (request.plugin === "loopback") return await this.#loopback(call);
      return await this.#dispatch(call);
    } catch (error) {
      this.#options.log.warn("CNI call failed", {
        command: request.env["CNI_COMMAND"],
        container: request.env["CNI_CONTAINERID"],
        reason: messageOf(error),
      });
      return formatCniError(error, version);
    }
  }

  /** Takes back what belongs to sandboxes that are gone: nobody calls GC. */
  async collect(isAlive: (containerId: string) => boolean): Promise<readonly string[]> {
    return this.#oneAtATime(async () => {
      const gone = Object.keys(this.#state?.attachments ?? {}).filter((key) => !isAlive(key.split("/")[0] ?? ""));
      for (const key of gone) await this.#remove(key);
      // Wires that no journal knows: left by a crash between two steps.
      const known = new Set(Object.keys(this.#state?.attachments ?? {}).map(hostLinkName));
      for (const link of await this.#options.links.list())
        if (!known.has(link)) this.#options.log.warn("an unknown pod wire is left alone", { link });
      return gone;
    });
  }

  async #dispatch(call: CniCall): Promise<CniAnswer> {
    switch (call.command) {
      case "VERSION":
        return success({ cniVersion: "1.1.0", supportedVersions });
      case "STATUS":
        if (!this.#range) throw new CniError(cniCode.notAvailable, "this node has no pod range yet");
        return success(undefined);
      case "ADD":
        return success(await this.#oneAtATime(() => this.#add(call)));
      case "DEL":
        await this.#oneAtATime(() => this.#remove(keyOf(call)));
        return success(undefined);
      case "CHECK":
        await this.#check(call);
        return success(undefined);
      case "GC": {
        const valid = new Set(
          (call.config["cni.dev/valid-attachments"] ?? []).map(({ containerID, ifname }) => `${containerID}/${ifname}`),
        );
        await this.#oneAtATime(async () => {
          for (const key of Object.keys(this.#state?.attachments ?? {})) if (!valid.has(key)) await this.#remove(key);
        });
        return success(undefined);
      }
    }
  }

  async #loopback(call: CniCall): Promise<CniAnswer> {
    if (call.command === "VERSION") return success({ cniVersion: "1.1.0", supportedVersions });
    if (call.command !== "ADD") return success(undefined);
    await this.#options.links.raiseLoopback(call.netns);
    return success({
      cniVersion: call.config.cniVersion,
      interfaces: [{ name: "lo", mac: "00:00:00:00:00:00", sandbox: call.netns }],
      ips: [{ address: "127.0.0.1/8", interface: 0 }],
      routes: [],
      dns: {},
    });
  }

  async #add(call: CniCall): Promise<CniResult> {
    const { links, clock, mtu } = this.#options;
    const [state, range] = [this.#state, this.#range];
    if (!state || !range)
      throw new CniError(
        cniCode.tryAgain,
        "this node has no pod range yet; the control plane assigns it when the node registers",
      );
    const key = keyOf(call);
    if (state.attachments[key]) throw new CniError(cniCode.badEnvironment, `${key} is attached already`);
    const portMappings = call.config.runtimeConfig?.portMappings ?? [];
    this.#refuseConflicts(state, portMappings);
    const given = allocate(state.ipam, range, key, clock.now());
    const attachment: Attachment = { netns: call.netns, ifname: call.ifname, address: given.address, portMappings };
    // Written before the wire is made: a crash in between leaves a record that is cleaned up, not an address given twice.
    await this.#commit({ ...state, ipam: given.state, attachments: { ...state.attachments, [key]: attachment } });
    try {
      const wired = await links.attach({
        attachment: key,
        netns: call.netns,
        ifname: call.ifname,
        address: given.address,
        mtu,
      });
      await this.#options.onChange(this.attachments());
      return {
        cniVersion: call.config.cniVersion,
        interfaces: [
          { name: wired.hostLink, mac: wired.hostMac },
          { name: call.ifname, mac: wired.podMac, sandbox: call.netns },
        ],
        ips: [{ address: `${given.address}/32`, gateway: gatewayAddress, interface: 1 }],
        routes: [{ dst: "0.0.0.0/0", gw: gatewayAddress }],
        dns: {},
      };
    } catch (error) {
      await this.#remove(key);
      if (hasCode(error, "AlreadyExists")) throw new CniError(cniCode.badEnvironment, messageOf(error));
      throw error;
    }
  }

  async #remove(key: string): Promise<void> {
    await this.#options.links.detach(key);
    const state = this.#state;
    if (!state?.attachments[key]) return;
    const { [key]: _gone, ...attachments } = state.attachments;
    await this.#commit({ ...state, ipam: release(state.ipam, key, this.#options.clock.now()), attachments });
    await this.#options.onChange(this.attachments());
  }

  async #check(call: CniCall): Promise<void> {
    const attachment = this.#state?.attachments[keyOf(call)];
    if (!attachment) throw new CniError(cniCode.unknownContainer, `${keyOf(call)} is not attached`);
    try {
      await this.#options.links.check({ attachment: keyOf(call), ...attachment, mtu: this.#options.mtu });
    } catch (error) {
      throw new CniError(cniCode.internal, messageOf(error));
    }
  }

  #refuseConflicts(state: NetworkState, wanted: readonly PortMapping[]): void {
    const conflict = findPortConflict(
      wanted,
      Object.values(state.attachments).flatMap(({ portMappings }) => portMappings),
    );
    if (conflict)
      throw new CniError(
        cniCode.hostPortTaken,
        `host port ${conflict.hostPort}/${conflict.protocol} is taken by another pod of this node`,
      );
  }

  async #commit(state: NetworkState): Promise<void> {
    await this.#journal.save(state);
    this.#state = state;
  }

  #oneAtATime<T>(action: () => Promise<T>): Promise<T> {
    const run = this.#tail.then(action);
    this.#tail = run.catch(() => undefined);
    return run;
  }
}

function keyOf({ containerId, ifname }: CniCall): string {
  return `${containerId}/${ifname}`;
}

function success(result: unknown): CniAnswer {
  return { exitCode: 0, stdout: result === undefined ? "" : JSON.stringify(result) };
}
