/** Where a pod's containers are reached, and what for. Pure, but for reading objects. */
import type { Node, Pod } from "#pkg/api/core/v1.ts";
import { StatusError } from "#pkg/api/status.ts";

const preferredTypes = ["InternalIP", "ExternalIP", "InternalDNS", "ExternalDNS", "Hostname"];
const defaultPort = 10250;

/** The base URL of a node's agent. Throws StatusError 503 when the node has not told its address. */
export function nodeUrl(node: Node): URL {
  const { addresses = [], daemonEndpoints } = node.status ?? {};
  const byType = (type: string) => addresses.find((address) => address.type === type && address.address !== "");
  const found = preferredTypes.map(byType).find((address) => address !== undefined);
  if (!found) throw StatusError.unavailable(`no preferred addresses found for node "${node.metadata.name ?? ""}"`);
  return new URL(`https://${bracketed(found.address)}:${daemonEndpoints?.kubeletEndpoint?.Port || defaultPort}/`);
}

/** For URLs: IPv6 addresses stand in brackets. */
export function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** The container asked for, or the only one. Throws StatusError 400. */
export function chooseContainer(pod: Pod, wanted: string): string {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  const podName = pod.metadata.name ?? "";
  if (wanted === "") {
    const [only] = containers;
    if (only && containers.length === 1) return only.name;
    const names = (list: readonly { readonly name: string }[]): string => list.map(({ name }) => name).join(" ");
    const what = `a container name must be specified for pod ${podName}, choose one of: [${names(containers)}]`;
    const init = initContainers.length > 0 ? ` or one of the init containers: [${names(initContainers)}]` : "";
    throw StatusError.badRequest(what + init);
  }
  const all = [...containers, ...initContainers, ...ephemeralContainers];
  if (all.some(({ name }) => name === wanted)) return wanted;
  throw StatusError.badRequest(`container ${wanted} is not valid for pod ${podName}`);
}

/** The options of exec and attach as the node's agent calls them. */
export function streamQuery(query: URLSearchParams): URLSearchParams {
  const names = { stdin: "input", stdout: "output", stderr: "error", tty: "tty" } as const;
  const translated = new URLSearchParams();
  for (const [ours, theirs] of Object.entries(names)) {
    if (["true", "1"].includes(query.get(ours) ?? "")) translated.set(theirs, "1");
  }
  for (const word of query.getAll("command")) translated.append("command", word);
  return translated;
}

const logOptions = [
  "follow",
  "previous",
  "sinceSeconds",
  "sinceTime",
  "timestamps",
  "tailLines",
  "limitBytes",
  "stream",
];

export function logQuery(query: URLSearchParams): URLSearchParams {
  const kept = new URLSearchParams();
  for (const name of logOptions) {
    const value = query.get(name);
    if (value !== null && value !== "") kept.set(name, value);
  }
  return kept;
}
