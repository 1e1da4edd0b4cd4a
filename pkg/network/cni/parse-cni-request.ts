/** Reads a CNI request and says what is wrong with it in the specification's codes. Pure. */
import {
  type CniCommand,
  type CniConfig,
  CniError,
  type CniRequest,
  cniCode,
  type PortMapping,
  supportedVersions,
} from "./cni-types.ts";

export interface CniCall {
  readonly command: CniCommand;
  readonly containerId: string;
  /** Path of the network namespace; "" when the runtime has none any more (DEL). */
  readonly netns: string;
  readonly ifname: string;
  readonly args: Readonly<Record<string, string>>;
  readonly config: CniConfig;
}

const commands: readonly string[] = ["ADD", "DEL", "CHECK", "STATUS", "GC", "VERSION"];

export function parseCniRequest(request: CniRequest): CniCall {
  const { env } = request;
  const command = env["CNI_COMMAND"] ?? "";
  if (!commands.includes(command))
    throw new CniError(
      cniCode.badEnvironment,
      `CNI_COMMAND is ${JSON.stringify(command)}; it must be one of ${commands.join(", ")}`,
    );
  const config = parseConfig(request.stdin, command);
  const needsContainer = command === "ADD" || command === "DEL" || command === "CHECK";
  const containerId = env["CNI_CONTAINERID"] ?? "";
  const ifname = env["CNI_IFNAME"] ?? "";
  const netns = env["CNI_NETNS"] ?? "";
  if (needsContainer && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(containerId))
    throw new CniError(
      cniCode.badEnvironment,
      `CNI_CONTAINERID is ${JSON.stringify(containerId)}, which is no container ID`,
    );
  if (needsContainer && !/^[^\s/:]{1,15}$/.test(ifname))
    throw new CniError(
      cniCode.badEnvironment,
      `CNI_IFNAME is ${JSON.stringify(ifname)}; a name of 1 to 15 characters without blanks, "/" and ":" is needed`,
    );
  if ((command === "ADD" || command === "CHECK") && !netns.startsWith("/"))
    throw new CniError(cniCode.badEnvironment, "CNI_NETNS must be the path of a network namespace");
  return { command: command as CniCommand, containerId, netns, ifname, args: parseArgs(env["CNI_ARGS"] ?? ""), config };
}

function parseConfig(stdin: string, command: string): CniConfig {
  let config: unknown;
  try {
    config = JSON.parse(stdin === "" && command === "VERSION" ? "{}" : stdin);
  } catch (error) {
    throw new CniError(cniCode.decodeFailure, "the network configuration on standard input is no JSON", String(error));
  }
  if (typeof config !== "object" || config === null || Array.isArray(config))
    throw new CniError(cniCode.decodeFailure, "the network configuration is no object");
  const { cniVersion = "0.1.0", name = "" } = config as { cniVersion?: unknown; name?: unknown };
  if (command !== "VERSION" && !(supportedVersions as readonly unknown[]).includes(cniVersion)) {
    throw new CniError(
      cniCode.incompatibleVersion,
      `cniVersion ${String(cniVersion)} is not supported`,
      `supported: ${supportedVersions.join(", ")}`,
    );
  }
  if (command !== "VERSION" && (typeof name !== "string" || name === ""))
    throw new CniError(cniCode.badConfig, "the network configuration has no name");
  return {
    ...(config as CniConfig),
    runtimeConfig: parseRuntimeConfig((config as { runtimeConfig?: unknown }).runtimeConfig),
  };
}

/** containerd writes the names of these fields with capitals; readers in Go do not mind. */
function parseRuntimeConfig(value: unknown): NonNullable<CniConfig["runtimeConfig"]> {
  const given = (value as { portMappings?: unknown } | undefined)?.portMappings;
  const portMappings = (Array.isArray(given) ? given : []).map((mapping: object) => {
    const fields = new Map(Object.entries(mapping).map(([name, field]) => [name.toLowerCase(), field as unknown]));
    return parsePortMapping(fields);
  });
  return { portMappings: portMappings.filter(({ hostPort }) => hostPort > 0) };
}

function parsePortMapping(fields: ReadonlyMap<string, unknown>): PortMapping {
  const [hostPort, containerPort] = [Number(fields.get("hostport") ?? 0), Number(fields.get("containerport") ?? 0)];
  const protocol = String(fields.get("protocol") || "tcp").toLowerCase();
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp")
    throw new CniError(cniCode.badConfig, `port mapping with unknown protocol ${JSON.stringify(protocol)}`);
  if (![hostPort, containerPort].every((port) => Number.isInteger(port) && port >= 0 && port < 65_536))
    throw new CniError(cniCode.badConfig, "port mapping with a port that is none");
  return { hostPort, containerPort, protocol, hostIP: String(fields.get("hostip") ?? "") };
}

/** "K=V;K=V" */
function parseArgs(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text
      .split(";")
      .flatMap((pair) =>
        pair.includes("=") ? [[pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]] : [],
      ),
  );
}
