/** DNS messages out of resolutions, as pure functions around dns-packet's wire codec. */
import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Packet,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
} from "dns-packet";
import type { Question, Resolution, ZoneOptions } from "./resolve.ts";

export const rcode = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  nxDomain: 3,
  notImplemented: 4,
  refused: 5,
} as const;
export type Rcode = (typeof rcode)[keyof typeof rcode];

/** What UDP carries without EDNS0, and the most we send with it: larger datagrams get lost in fragments. */
const plainUdpBytes = 512;
const maxUdpBytes = 1232;

export interface Query {
  readonly id: number;
  readonly question: Question;
  /** Largest UDP answer the client takes. */
  readonly udpBytes: number;
  readonly hasEdns: boolean;
  readonly recursionDesired: boolean;
}

/** Reads a query; a number is the rcode to refuse it with, undefined a message that gets no answer at all. */
export function parseQuery(message: Uint8Array): Query | Rcode | undefined {
  let packet: Packet;
  try {
    packet = decode(Buffer.from(message));
  } catch {
    return message.length >= 12 ? rcode.formatError : undefined;
  }
  if (packet.type !== "query") return undefined;
  if (((packet.flags ?? 0) & 0x7800) !== 0) return rcode.notImplemented;
  const [question, ...more] = packet.questions ?? [];
  if (!question || more.length > 0) return rcode.formatError;
  const edns = packet.additionals?.find((one) => one.type === "OPT") as { udpPayloadSize?: number } | undefined;
  return {
    id: packet.id ?? 0,
    question: { name: question.name.replace(/\.$/, ""), type: String(question.type) },
    udpBytes: Math.min(Math.max(edns?.udpPayloadSize ?? plainUdpBytes, plainUdpBytes), maxUdpBytes),
    hasEdns: edns !== undefined,
    recursionDesired: ((packet.flags ?? 0) & RECURSION_DESIRED) !== 0,
  };
}

/** The answer to a query about the cluster's own names. Names that do not exist carry the zone's SOA. */
export function buildZoneResponse(
  query: Query,
  resolution: Exclude<Resolution, { kind: "notOurs" }>,
  zone: ZoneOptions,
): Buffer {
  const answers = resolution.kind === "answer" ? resolution.answers : [];
  const additionals = resolution.kind === "answer" ? resolution.additionals : [];
  const code = resolution.kind === "nxDomain" ? rcode.nxDomain : rcode.noError;
  const authorities = resolution.kind === "answer" ? [] : [startOfAuthority(zone)];
  return encodeResponse(query, code, { answers, authorities, additionals }, AUTHORITATIVE_ANSWER);
}

export function buildErrorResponse(query: Query, code: Rcode): Buffer {
  return encodeResponse(query, code, {}, 0);
}

/** An error for a message that could not be read: its ID and nothing else. */
export function buildBareError(message: Uint8Array, code: Rcode): Buffer {
  const head = Buffer.alloc(12);
  head.set(message.subarray(0, 2), 0);
  head.writeUInt16BE(0x8000 | code, 2);
  return head;
}

/** Cuts an answer that UDP cannot carry down to its head and question, with the bit that sends the client to TCP. */
export function fitUdp(response: Buffer, query: Query): Buffer {
  if (response.length <= query.udpBytes) return response;
  return encodeResponse(
    query,
    (response.readUInt16BE(2) & 0xf) as Rcode,
    {},
    TRUNCATED_RESPONSE | AUTHORITATIVE_ANSWER,
  );
}

interface Sections {
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
  readonly additionals?: readonly Answer[];
}

function encodeResponse(query: Query, code: Rcode, sections: Sections, flags: number): Buffer {
  const option = {
    type: "OPT",
    name: ".",
    udpPayloadSize: maxUdpBytes,
    flags: 0,
    options: [],
    extendedRcode: 0,
    ednsVersion: 0,
    flag_do: false,
  } as unknown as Answer;
  return encode({
    type: "response",
    id: query.id,
    flags: flags | RECURSION_AVAILABLE | (query.recursionDesired ? RECURSION_DESIRED : 0) | code,
    questions: [{ name: query.question.name, type: query.question.type as "A", class: "IN" }],
    answers: [...(sections.answers ?? [])],
    authorities: [...(sections.authorities ?? [])],
    additionals: [...(sections.additionals ?? []), ...(query.hasEdns ? [option] : [])],
  });
}

/** The serial never matters: nobody transfers this zone. */
function startOfAuthority({ domain, ttlSeconds }: ZoneOptions): Answer {
  return {
    type: "SOA",
    name: domain,
    ttl: ttlSeconds,
    data: {
      mname: `ns.dns.${domain}`,
      rname: `hostmaster.${domain}`,
      serial: 1,
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: ttlSeconds,
    },
  };
}
