/**
 * What the agent's server answers, by path. Paths and parameters are upstream's, because the API server and monitoring use
 * them.
 */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ContainerAccess, ContainerRuntime } from "#pkg/cri/runtime-service.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError, isNotFound } from "#pkg/system/errors.ts";
import type { ReadableFiles } from "#pkg/system/readable-files.ts";
import type { LocatedContainer, PodDirectory } from "../pods/ports.ts";
import type { NodeRoutes, PlainCall } from "./node-server.ts";
import { type LogRequest, readContainerLog } from "./read-container-log.ts";
import { type ContainerPath, serveAttach, serveExec, servePortForward, type UpgradeCall } from "./stream-handlers.ts";

export interface NodePage {
  readonly contentType: string;
  /** undefined: there is no such page. */
  render(query: URLSearchParams): Promise<string>;
}

export interface NodeRoutesOptions {
  readonly runtime: ContainerAccess & Pick<ContainerRuntime, "containerStatus" | "listContainers">;
  readonly pods: PodDirectory;
  readonly files: ReadableFiles;
  readonly clock: Clock;
  /** Further pages by path: "/metrics", "/stats/summary", "/configz". */
  readonly pages: ReadonlyMap<string, NodePage>;
  /** Throws with the reason while the agent is not well. */
  checkHealth(): Promise<void>;
}

export function createNodeRoutes(options: NodeRoutesOptions): NodeRoutes {
  const { pods, runtime } = options;
  return {
    async plain(call) {
      const [, first = "", ...rest] = call.path.split("/").map(decodeSegment);
      const page = options.pages.get(call.path.replace(/(?<=.)\/$/, ""));
      if (page) return await sendText(call, await page.render(call.query), page.contentType);
      switch (first) {
        case "healthz":
          await options.checkHealth();
          return await sendText(call, "ok");
        case "pods":
          return await sendJson(call, listOf(pods.list()));
        case "runningpods":
          return await sendJson(call, listOf(await runningPods(options)));
        case "containerLogs":
          await sendLog(call, parseContainerPath(rest), options);
          return true;
        case "run":
          return await runCommand(call, parseContainerPath(rest), options);
        case "exec":
        case "attach":
        case "portForward":
          throw new BerthError("Invalid", `${first} needs a connection that is upgraded`);
        default:
          return false;
      }
    },
    async upgrade(call: UpgradeCall, path: string) {
      const [, first = "", ...rest] = path.split("/").map(decodeSegment);
      const ports = { runtime, pods };
      if (first === "exec") await serveExec(call, parseContainerPath(rest), ports);
      else if (first === "attach") await serveAttach(call, parseContainerPath(rest), ports);
      else if (first === "portForward") await servePortForward(call, parsePodPath(rest), ports);
      else return false;
      return true;
    },
  };
}

/** `<namespace>/<pod>[/<uid>]/<container>`. Throws "Invalid". */
export function parseContainerPath(parts: readonly string[]): ContainerPath {
  const [namespace, name, ...rest] = parts;
  const container = rest.at(-1);
  if (!namespace || !name || !container || rest.length > 2) {
    throw new BerthError("Invalid", "the path must be <namespace>/<pod>[/<uid>]/<container>");
  }
  return { namespace, name, container, podUid: rest.length === 2 ? rest[0] : undefined };
}

function parsePodPath(parts: readonly string[]): Omit<ContainerPath, "container"> {
  const [namespace, name, podUid] = parts;
  if (!namespace || !name) throw new BerthError("Invalid", "the path must be <namespace>/<pod>[/<uid>]");
  return { namespace, name, podUid };
}

/** The parameters are PodLogOptions' names. Throws "Invalid". */
export function parseLogQuery(query: URLSearchParams, nowMs: number): Omit<LogRequest, "file"> & { previous: boolean } {
  const flag = (name: string): boolean => ["true", "1"].includes(query.get(name) ?? "");
  const number = (name: string): number | undefined => {
    const text = query.get(name);
    if (text === null || text === "") return undefined;
    if (!/^\d+$/.test(text)) throw new BerthError("Invalid", `${name} must be a number that is not negative`);
    return Number(text);
  };
  const sinceSeconds = number("sinceSeconds");
  const sinceTime = query.get("sinceTime");
  const sinceTimeMs = sinceTime ? Date.parse(sinceTime) : undefined;
  if (sinceTimeMs !== undefined && Number.isNaN(sinceTimeMs)) throw new BerthError("Invalid", "sinceTime is no time");
  const wanted = (query.get("stream") ?? "All").toLowerCase();
  return {
    follow: flag("follow"),
    previous: flag("previous"),
    timestamps: flag("timestamps"),
    tailLines: number("tailLines"),
    limitBytes: number("limitBytes"),
    sinceMs: sinceSeconds === undefined ? sinceTimeMs : nowMs - sinceSeconds * 1000,
    stream: wanted === "stdout" || wanted === "stderr" ? wanted : undefined,
  };
}

async function sendLog(call: PlainCall, target: ContainerPath, options: NodeRoutesOptions): Promise<void> {
  const { pods, files, clock, runtime } = options;
  const { previous, ...request } = parseLogQuery(call.query, clock.now());
  const found = await pods.findContainer({ ...target, previous });
  if ((await files.identify(found.logFile)) === undefined) {
    throw new BerthError("NotFound", `container "${target.container}" in pod "${target.name}" has no log`);
  }
  const isRunning = (): Promise<boolean> => stillRuns(found, runtime);
  const log = readContainerLog({ ...request, file: found.logFile }, { files, clock, isRunning }, call.signal);
  call.response.writeHead(200, { "content-type": "text/plain", "transfer-encoding": "chunked" });
  // A log that is silent so far is a log all the same.
  call.response.flushHeaders();
  await pipeline(Readable.from(log, { objectMode: false }), call.response);
}

async function stillRuns(
  { containerId }: LocatedContainer,
  runtime: Pick<ContainerRuntime, "containerStatus">,
): Promise<boolean> {
  try {
    return (await runtime.containerStatus(containerId)).state === "CONTAINER_RUNNING";
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** The old way to run a command, without streams: its output is the answer. */
async function runCommand(call: PlainCall, target: ContainerPath, options: NodeRoutesOptions): Promise<boolean> {
  const command = (call.query.get("cmd") ?? "").split(" ").filter((word) => word !== "");
  if (command.length === 0) throw new BerthError("Invalid", "you must specify a command");
  const { containerId } = await options.pods.findContainer(target);
  const { stdout, stderr } = await options.runtime.execSync(containerId, command, 0);
  return await sendText(call, Buffer.concat([stdout, stderr]));
}

async function runningPods({ pods, runtime }: NodeRoutesOptions): Promise<readonly object[]> {
  const running = await runtime.listContainers({ state: { state: "CONTAINER_RUNNING" } });
  const uids = new Set(running.map(({ labels }) => labels["io.kubernetes.pod.uid"]));
  return pods.list().filter(({ metadata }) => uids.has(metadata.uid ?? ""));
}

function listOf(items: readonly object[]): object {
  return { kind: "PodList", apiVersion: "v1", metadata: {}, items };
}

function sendJson(call: PlainCall, body: object): Promise<true> {
  return sendText(call, JSON.stringify(body), "application/json");
}

function sendText(
  call: PlainCall,
  text: string | Uint8Array,
  contentType = "text/plain; charset=utf-8",
): Promise<true> {
  call.response.writeHead(200, { "content-type": contentType });
  return new Promise((resolve) => call.response.end(text, () => resolve(true)));
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new BerthError("Invalid", "the path is not well encoded");
  }
}
