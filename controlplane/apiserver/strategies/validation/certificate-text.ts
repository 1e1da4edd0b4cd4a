/**
 * Whether text is a certificate request signed by its own key, or a chain of certificates. Only as much of the DER is read
 * as that takes (RFC 2986); what is asked for is read where it is decided.
 */
import { createPublicKey, verify, X509Certificate } from "node:crypto";

const pemBlock = /-----BEGIN ([^-\r\n]+)-----\r?\n([\s\S]*?)-----END \1-----/g;

interface PemBlock {
  readonly type: string;
  readonly headers: boolean;
  readonly der: Buffer;
}

/** Both texts are base64 of PEM, as in the API. Undefined: nothing is wrong. */
export function requestFault(encoded: string): string | undefined {
  const [block] = pemBlocks(encoded);
  if (block?.type !== "CERTIFICATE REQUEST") return "PEM block type must be CERTIFICATE REQUEST";
  try {
    return isSelfSigned(block.der) ? undefined : "the request is not signed by its own key";
  } catch {
    return "malformed certificate request";
  }
}

/** No text at all is good. */
export function certificatesFault(encoded: string): string | undefined {
  if (!encoded) return undefined;
  const blocks = pemBlocks(encoded);
  if (blocks.length === 0) return "must contain at least one CERTIFICATE PEM block";
  for (const { type, headers, der } of blocks) {
    if (type !== "CERTIFICATE") return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (headers) return "no PEM block headers are permitted";
    try {
      new X509Certificate(der);
    } catch {
      return "malformed certificate";
    }
  }
  return undefined;
}

function pemBlocks(encoded: string): readonly PemBlock[] {
  const text = Buffer.from(encoded, "base64").toString("latin1");
  return [...text.matchAll(pemBlock)].map(([, type = "", body = ""]) => ({
    type,
    headers: body.includes(":"),
    der: Buffer.from(body.replaceAll(/^.*:.*$/gm, ""), "base64"),
  }));
}

const sequence = 0x30;
const bitString = 0x03;
/** Digests of the signature algorithms, by the DER of their object identifiers in hex; null: none of its own. */
const digests: Readonly<Record<string, string | null>> = {
  "2a864886f70d010105": "sha1",
  "2a864886f70d01010b": "sha256",
  "2a864886f70d01010c": "sha384",
  "2a864886f70d01010d": "sha512",
  "2a8648ce3d040302": "sha256",
  "2a8648ce3d040303": "sha384",
  "2a8648ce3d040304": "sha512",
  "2b6570": null,
};

/** Throws when it is no request. Algorithms unknown here are left to the signer. */
function isSelfSigned(der: Buffer): boolean {
  const [outer] = elements(der);
  if (outer?.tag !== sequence || outer.whole.length !== der.length) throw new Error("not a sequence");
  const [info, algorithm, signature] = elements(outer.content);
  if (info?.tag !== sequence || algorithm?.tag !== sequence || signature?.tag !== bitString) {
    throw new Error("not a request");
  }
  const spki = elements(info.content)[2];
  const key = createPublicKey({ key: spki?.whole ?? Buffer.alloc(0), format: "der", type: "spki" });
  const digest = digests[elements(algorithm.content)[0]?.content.toString("hex") ?? ""];
  // The first byte of a bit string says how many bits are left over.
  return digest === undefined || verify(digest, info.whole, key, signature.content.subarray(1));
}

interface DerElement {
  readonly tag: number;
  readonly whole: Buffer;
  readonly content: Buffer;
}

function elements(der: Buffer): readonly DerElement[] {
  const found: DerElement[] = [];
  for (let start = 0; start < der.length; ) {
    const short = der.readUInt8(start + 1);
    const bytes = short < 0x80 ? 0 : short & 0x7f;
    if (bytes > 4 || short === 0x80) throw new Error("unsupported length");
    const length = bytes === 0 ? short : der.readUIntBE(start + 2, bytes);
    const from = start + 2 + bytes;
    const end = from + length;
    if (end > der.length) throw new Error("cut off");
    found.push({ tag: der.readUInt8(start), whole: der.subarray(start, end), content: der.subarray(from, end) });
    start = end;
  }
  return found;
}
