/** The CNI protocol as types: what a runtime sends and what it gets. Source: CNI specification 1.1.0. */

export type CniCommand = "ADD" | "DEL" | "CHECK" | "STATUS" | "GC" | "VERSION";

/** CNI_* variables and standard input, as the stub hands them over. */
export interface CniRequest {
  readonly plugin: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

/** What the stub prints and how it exits. */
export interface CniAnswer {
  readonly exitCode: number;
  readonly stdout: string;
}

export interface CniConfig {
  readonly cniVersion: string;
  readonly name: string;
  readonly type: string;
  readonly runtimeConfig?: { readonly portMappings?: readonly PortMapping[] } | undefined;
  readonly prevResult?: unknown;
  readonly "cni.dev/valid-attachments"?:
    | readonly { readonly containerID: string; readonly ifname: string }[]
    | undefined;
}

export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp" | "sctp";
  /** "" or an unspecified address: every address of the node. */
  readonly hostIP?: string | undefined;
}

export interface CniResult {
  readonly cniVersion: string;
  readonly interfaces: readonly { readonly name: string; readonly mac?: string; readonly sandbox?: string }[];
  readonly ips: readonly { readonly address: string; readonly gateway?: string; readonly interface?: number }[];
  readonly routes: readonly { readonly dst: string; readonly gw?: string }[];
  readonly dns: Readonly<Record<string, never>>;
}

/** Codes of the specification; 100 and up are the plugin's own. */
export const cniCode = {
  incompatibleVersion: 1,
  unknownContainer: 3,
  badEnvironment: 4,
  inputOutput: 5,
  decodeFailure: 6,
  badConfig: 7,
  tryAgain: 11,
  notAvailable: 50,
  hostPortTaken: 100,
  internal: 999,
} as const;

export const supportedVersions = ["0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

export class CniError extends Error {
  override readonly name = "CniError";
  readonly code: number;
  readonly details: string;

  constructor(code: number, message: string, details = "") {
    super(message);
    this.code = code;
    this.details = details;
  }
}

export function formatCniError(error: unknown, cniVersion: string): CniAnswer {
  const { code, message, details } =
    error instanceof CniError
      ? error
      : { code: cniCode.internal, message: error instanceof Error ? error.message : String(error), details: "" };
  return { exitCode: 1, stdout: JSON.stringify({ cniVersion, code, msg: message, ...(details ? { details } : {}) }) };
}
