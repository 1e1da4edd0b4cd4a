/** The agent's pods as its server shows them: the API's objects with the status of this moment. */
import type { Pod, PodStatus } from "#pkg/api/core/v1.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { ObservedContainer, ObservedPod } from "./observed-pod.ts";
import { podIdentity } from "./pod-folders.ts";
import { findSpec } from "./pod-killer.ts";
import type { LocatedContainer, PodDirectory } from "./ports.ts";
import type { RuntimeReader } from "./runtime-reader.ts";

export interface AgentPodDirectoryOptions {
  readonly pods: () => readonly Pod[];
  readonly statusOf: (podUid: string) => PodStatus | undefined;
  readonly reader: Pick<RuntimeReader, "observe">;
}

const defaultContainerAnnotation = "kubectl.kubernetes.io/default-container";

export class AgentPodDirectory implements PodDirectory {
  readonly #options: AgentPodDirectoryOptions;

  constructor(options: AgentPodDirectoryOptions) {
    this.#options = options;
  }

  list(): readonly Pod[] {
    return this.#options.pods().map((pod) => this.#withStatus(pod));
  }

  get(namespace: string, name: string): Pod | undefined {
    const found = this.#options
      .pods()
      .find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
    return found && this.#withStatus(found);
  }

  async findSandbox(namespace: string, name: string, podUid?: string): Promise<string> {
    const pod = this.#require(namespace, name, podUid);
    const observed = await this.#options.reader.observe(podIdentity(pod));
    const [ready] = observed.sandboxes.filter(({ isReady }) => isReady);
    if (!ready) throw new BerthError("Unavailable", `pod ${name}_${namespace} has no sandbox that runs`);
    return ready.id;
  }

  async findContainer(request: Parameters<PodDirectory["findContainer"]>[0]): Promise<LocatedContainer> {
    const { namespace, name, podUid, previous = false } = request;
    const pod = this.#require(namespace, name, podUid);
    const containerName = chooseContainer(pod, request.container);
    const spec = findSpec(pod, containerName);
    if (!spec) throw new BerthError("NotFound", `container ${containerName} is not valid for pod ${name}`);
    const observed = await this.#options.reader.observe(podIdentity(pod));
    const container = findRun(observed, containerName, previous);
    if (!container) throw notThere(pod, containerName, previous);
    return {
      pod,
      sandboxId: container.sandboxId,
      containerId: container.id,
      isRunning: container.state === "running",
      logFile: container.logFile,
      tty: spec.tty ?? false,
      stdin: spec.stdin ?? false,
    };
  }

  #require(namespace: string, name: string, podUid: string | undefined): Pod {
    const pod = this.get(namespace, name);
    if (!pod || (podUid && pod.metadata.uid !== podUid))
      throw new BerthError("NotFound", `pod "${name}" not found in namespace "${namespace}" on this node`);
    return pod;
  }

  #withStatus(pod: Pod): Pod {
    const status = this.#options.statusOf(pod.metadata.uid ?? "");
    return status ? { ...pod, status } : pod;
  }
}

function chooseContainer(pod: Pod, wanted: string): string {
  if (wanted !== "") return wanted;
  const annotated = pod.metadata.annotations?.[defaultContainerAnnotation];
  if (annotated) return annotated;
  const [only, ...more] = pod.spec.containers;
  if (only && more.length === 0) return only.name;
  const names = pod.spec.containers.map(({ name }) => name).join(" ");
  throw new BerthError(
    "Invalid",
    `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${names}]`,
  );
}

/** The last run that has begun; `previous`: the one before it. */
function findRun(observed: ObservedPod, name: string, previous: boolean): ObservedContainer | undefined {
  const runs = observed.containers.filter((run) => run.name === name && run.state !== "created");
  if (!previous) return runs[0];
  return runs[1];
}

function notThere(pod: Pod, containerName: string, previous: boolean): BerthError {
  const { name } = pod.metadata;
  if (previous)
    return new BerthError("NotFound", `previous terminated container "${containerName}" in pod "${name}" not found`);
  const all = [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.ephemeralContainerStatuses ?? []),
  ];
  const reason = all.find((status) => status.name === containerName)?.state?.waiting?.reason ?? "ContainerCreating";
  return new BerthError("Unavailable", `container "${containerName}" in pod "${name}" is waiting to start: ${reason}`);
}
