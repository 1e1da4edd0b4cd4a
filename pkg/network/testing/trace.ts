/**
 * Walks the first packet of a connection through the rules of a FakeIPTables, as the kernel would: nat, routing, filter, nat.
 * Where a rule draws lots, both ways are followed, so that the result is every possible outcome with its probability.
 * A match or target that it does not know is an error: a tracer that guesses proves nothing.
 */
import { blockContains, parseAddress, parseBlock } from "#pkg/api/ip-address.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { type Rule, renderRule, type Table } from "../iptables/ruleset.ts";
import type { FakeIPTables } from "./fake-iptables.ts";

export interface Packet {
  readonly source: string;
  readonly destination: string;
  readonly protocol: string;
  readonly port: number;
}

export interface TracedNode {
  /** Addresses of the node itself; 127.0.0.0/8 always counts. A packet from one of them starts on the node. */
  readonly addresses: readonly string[];
  /** Lists of xt_recent to the sources in them. Default: all empty. */
  readonly recent?: ReadonlyMap<string, readonly string[]>;
}

export interface Outcome {
  readonly verdict: "ACCEPT" | "DROP" | "REJECT";
  /** After translation: "10.0.0.1:80". */
  readonly destination: string;
  readonly isMasqueraded: boolean;
  readonly probability: number;
  /** Lists of xt_recent that now hold the source. */
  readonly remembered: readonly string[];
  /** The rules that matched, as text: what to look at when the outcome is not the wanted one. */
  readonly rules: readonly string[];
}

interface State {
  readonly source: string;
  readonly destination: string;
  readonly protocol: string;
  readonly port: number;
  readonly mark: number;
  readonly isTranslated: boolean;
  readonly isMasqueraded: boolean;
  readonly probability: number;
  readonly remembered: readonly string[];
  readonly rules: readonly string[];
}

/** Undefined: the chain came to its end or returned. */
type Verdict = Outcome["verdict"] | undefined;
type Step = readonly [State, Verdict];

export function tracePacket(iptables: FakeIPTables, packet: Packet, node: TracedNode): readonly Outcome[] {
  const start: State = {
    ...packet,
    mark: 0,
    isTranslated: false,
    isMasqueraded: false,
    probability: 1,
    remembered: [],
    rules: [],
  };
  const tracer = new Tracer(iptables, node);
  const isFromNode = tracer.isLocal(packet.source);
  const routed = tracer.pass("nat", isFromNode ? "OUTPUT" : "PREROUTING", [start]);
  return routed.flatMap((state) => tracer.deliver(state, isFromNode));
}

class Tracer {
  readonly #iptables: FakeIPTables;
  readonly #node: TracedNode;

  constructor(iptables: FakeIPTables, node: TracedNode) {
    this.#iptables = iptables;
    this.#node = node;
  }

  isLocal(address: string): boolean {
    return this.#node.addresses.includes(address) || isIn(address, "127.0.0.0/8");
  }

  /** A chain that decides nothing but where to and from: dropping is not for nat. */
  pass(table: Table, chain: string, states: readonly State[]): readonly State[] {
    return states.flatMap((state) => this.walk(table, chain, state).map(([next]) => next));
  }

  deliver(state: State, isFromNode: boolean): readonly Outcome[] {
    const toNode = this.isLocal(state.destination);
    const chains = isFromNode ? (toNode ? ["OUTPUT", "INPUT"] : ["OUTPUT"]) : [toNode ? "INPUT" : "FORWARD"];
    let states: readonly Step[] = [[state, undefined]];
    for (const chain of chains) {
      states = states.flatMap(([one, verdict]) =>
        verdict === "DROP" || verdict === "REJECT" ? [[one, verdict] as const] : this.walk("filter", chain, one),
      );
    }
    return states.flatMap(([one, verdict = "ACCEPT"]) => {
      const leaves = verdict === "ACCEPT" && (isFromNode || !toNode);
      const ends = leaves ? this.pass("nat", "POSTROUTING", [one]) : [one];
      return ends.map((end) => outcome(end, verdict));
    });
  }

  walk(table: Table, chain: string, start: State): readonly Step[] {
    const ended: Step[] = [];
    let open: readonly State[] = [start];
    for (const rule of this.#iptables.rules(table, chain)) {
      open = open.flatMap((state) => {
        const { hit, miss } = this.#match(rule, { ...state });
        if (!hit) return miss ? [miss] : [];
        const noted = { ...hit, rules: [...hit.rules, `${table} ${chain}: ${renderRule(rule)}`] };
        const steps = this.#apply(table, rule, noted);
        ended.push(
          ...steps.filter(([, verdict]) => verdict !== undefined).map(([one, verdict]) => [one, verdict] as const),
        );
        const goOn = steps.filter(([, verdict]) => verdict === undefined).map(([one]) => one);
        if (targetOf(rule) !== "RETURN") return [...goOn, ...(miss ? [miss] : [])];
        ended.push(...goOn.map((one) => [one, undefined] as const));
        return miss ? [miss] : [];
      });
    }
    return [...ended, ...open.map((state) => [state, undefined] as const)];
  }

  #apply(table: Table, rule: Rule, state: State): readonly Step[] {
    const target = targetOf(rule);
    const value = (flag: string): string => rule[rule.indexOf(flag) + 1] ?? "";
    switch (target) {
      case "ACCEPT":
      case "DROP":
      case "REJECT":
        return [[state, target]];
      case "RETURN":
        return [[state, undefined]];
      case "MASQUERADE":
        return [[{ ...state, isMasqueraded: true }, "ACCEPT"]];
      case "MARK": {
        const mark = rule.includes("--or-mark")
          ? state.mark | Number(value("--or-mark"))
          : state.mark ^ Number(value("--xor-mark"));
        return [[{ ...state, mark }, undefined]];
      }
      case "DNAT": {
        const [, address = "", port] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(value("--to-destination")) ?? [];
        return [[{ ...state, destination: address, port: Number(port), isTranslated: true }, "ACCEPT"]];
      }
      default:
        return this.walk(table, target, state);
    }
  }

  /** Both a hit and a miss where the rule draws lots. */
  #match(rule: Rule, state: State): { hit?: State; miss?: State } {
    let hit: State = state;
    let share = 1;
    let list = "";
    for (let at = 0, isNegated = false; at < rule.length; at++) {
      const flag = rule[at] ?? "";
      const value = rule[at + 1] ?? "";
      if (flag === "!") {
        isNegated = true;
        continue;
      }
      if (flag === "-j") break;
      if (flag === "--probability") share = Number(value);
      else if (flag === "--name") list = value;
      else if (flag === "--set") hit = { ...hit, remembered: [...hit.remembered, list] };
      else if (this.#holds(flag, value, list, state) === isNegated) return { miss: state };
      if (!flagsWithoutValue.has(flag)) at++;
      isNegated = false;
    }
    if (share === 1) return { hit };
    return {
      hit: { ...hit, probability: hit.probability * share },
      miss: { ...state, probability: state.probability * (1 - share) },
    };
  }

  #holds(flag: string, value: string, list: string, state: State): boolean {
    switch (flag) {
      case "-s":
        return isIn(state.source, value);
      case "-d":
        return isIn(state.destination, value);
      case "-p":
        return state.protocol === value;
      case "--dport": {
        const [first = 0, last = first] = value.split(":").map(Number);
        return state.port >= first && state.port <= last;
      }
      case "--src-type":
        return value === "LOCAL" && this.isLocal(state.source);
      case "--dst-type":
        return value === "LOCAL" && this.isLocal(state.destination);
      case "--ctstate":
        return value.split(",").some((one) => one === "NEW" || (one === "DNAT" && state.isTranslated));
      case "--mark": {
        const [mark = 0, mask = 0xffffffff] = value.split("/").map(Number);
        return (state.mark & mask) === mark;
      }
      case "--rcheck":
        return this.#node.recent?.get(list)?.includes(state.source) ?? false;
      case "-m":
      case "--mode":
      case "--comment":
      case "--seconds":
      case "--reap":
        return true;
      default:
        throw new BerthError("Unsupported", `the tracer does not know ${flag}`);
    }
  }
}

const flagsWithoutValue = new Set(["--set", "--rcheck", "--reap"]);

function targetOf(rule: Rule): string {
  return rule[rule.indexOf("-j") + 1] ?? "";
}

function isIn(address: string, cidr: string): boolean {
  const [parsed, block] = [parseAddress(address), parseBlock(cidr)];
  return parsed !== undefined && block !== undefined && blockContains(block, parsed);
}

function outcome(state: State, verdict: Outcome["verdict"]): Outcome {
  const { destination, port, isMasqueraded, probability, remembered, rules } = state;
  const at = destination.includes(":") ? `[${destination}]:${port}` : `${destination}:${port}`;
  return { verdict, destination: at, isMasqueraded, probability, remembered, rules };
}
