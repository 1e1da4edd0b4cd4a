/**
 * Reads pods from the runtime. What cannot change any more is kept: the details of a container are asked for once per state
 * it is in, so that looking again costs two small calls.
 */
import type { Container, ContainerStatus, PodSandbox, PodSandboxStatus } from "#pkg/cri/generated/cri.ts";
import type { ContainerRuntime, SandboxRuntime } from "#pkg/cri/runtime-service.ts";
import { isNotFound } from "#pkg/system/errors.ts";
import {
  containerNameLabel,
  hashAnnotation,
  podNameLabel,
  podNamespaceLabel,
  podUidLabel,
  restartCountAnnotation,
} from "./identity-labels.ts";
import type { ObservedContainer, ObservedContainerState, ObservedPod, ObservedSandbox } from "./observed-pod.ts";
import type { PodIdentity } from "./pod-folders.ts";

export interface RuntimeReaderOptions {
  readonly runtime: Pick<SandboxRuntime, "listPodSandbox" | "podSandboxStatus"> &
    Pick<ContainerRuntime, "listContainers" | "containerStatus">;
  /** The message a container that ended left behind; "" for none. */
  readMessage(status: ContainerStatus): Promise<string>;
}

/** All that is marked as ours in the runtime, by pod UID, with only what a list tells. */
export interface RuntimePodSummary extends PodIdentity {
  readonly sandboxIds: readonly string[];
  readonly containerIds: readonly string[];
  /** Changes whenever something starts, ends, comes or goes. */
  readonly fingerprint: string;
}

const states: Readonly<Record<Container["state"], ObservedContainerState>> = {
  CONTAINER_CREATED: "created",
  CONTAINER_RUNNING: "running",
  CONTAINER_EXITED: "exited",
  CONTAINER_UNKNOWN: "unknown",
};

export class RuntimeReader {
  readonly #options: RuntimeReaderOptions;
  readonly #containers = new Map<string, ObservedContainer>();
  readonly #sandboxes = new Map<string, ObservedSandbox>();
  readonly #owners = new Map<string, string>();

  constructor(options: RuntimeReaderOptions) {
    this.#options = options;
  }

  async observe(identity: PodIdentity): Promise<ObservedPod> {
    const { runtime } = this.#options;
    const filter = { labelSelector: { [podUidLabel]: identity.uid } };
    const [sandboxes, containers] = await Promise.all([runtime.listPodSandbox(filter), runtime.listContainers(filter)]);
    const [seenSandboxes, seenContainers] = await Promise.all([
      Promise.all(sandboxes.map((sandbox) => this.#sandbox(sandbox))),
      Promise.all(containers.map((container) => this.#container(container))),
    ]);
    return {
      uid: identity.uid,
      name: identity.name,
      namespace: identity.namespace,
      sandboxes: seenSandboxes.flatMap((one) => one ?? []).sort(newestFirst),
      containers: seenContainers.flatMap((one) => one ?? []).sort(newestFirst),
    };
  }

  /** Everything that carries the label of a pod. Forgets what is gone. */
  async summarize(): Promise<ReadonlyMap<string, RuntimePodSummary>> {
    const { runtime } = this.#options;
    const [sandboxes, containers] = await Promise.all([runtime.listPodSandbox(), runtime.listContainers()]);
    this.#forgetAllBut(new Set([...sandboxes, ...containers].map(({ id }) => id)));
    const pods = new Map<
      string,
      { identity: PodIdentity; sandboxIds: string[]; containerIds: string[]; marks: string[] }
    >();
    const entry = (labels: Readonly<Record<string, string>>) => {
      const uid = labels[podUidLabel] ?? "";
      const identity = { uid, name: labels[podNameLabel] ?? "", namespace: labels[podNamespaceLabel] ?? "" };
      const found = pods.get(uid) ?? { identity, sandboxIds: [], containerIds: [], marks: [] };
      pods.set(uid, found);
      return found;
    };
    for (const { id, labels, state } of sandboxes) {
      const pod = entry(labels);
      pod.sandboxIds.push(id);
      pod.marks.push(`${id}=${state}`);
    }
    for (const { id, labels, state } of containers) {
      const pod = entry(labels);
      pod.containerIds.push(id);
      pod.marks.push(`${id}=${state}`);
    }
    pods.delete("");
    return new Map(
      [...pods].map(([uid, { identity, sandboxIds, containerIds, marks }]) => {
        this.#remember(uid, [...sandboxIds, ...containerIds]);
        return [uid, { ...identity, sandboxIds, containerIds, fingerprint: marks.sort().join(" ") }];
      }),
    );
  }

  /** UID of the pod that a container or sandbox belongs to, as far as it was seen before. */
  ownerOf(id: string): string | undefined {
    return this.#owners.get(id);
  }

  /** Tells of a container or sandbox that was just made. */
  noteOwner(id: string, podUid: string): void {
    this.#owners.set(id, podUid);
  }

  /** Whether the container or sandbox runs no more. One whose start is still under way has not ended yet, whatever its process did. */
  async hasEnded(id: string): Promise<boolean> {
    const { runtime } = this.#options;
    const [containers, sandboxes] = await Promise.all([runtime.listContainers({ id }), runtime.listPodSandbox({ id })]);
    return (
      containers.every(({ state }) => state === "CONTAINER_EXITED") &&
      sandboxes.every(({ state }) => state !== "SANDBOX_READY")
    );
  }

  #remember(uid: string, ids: readonly string[]): void {
    for (const id of ids) this.#owners.set(id, uid);
  }

  #forgetAllBut(present: ReadonlySet<string>): void {
    for (const map of [this.#containers, this.#sandboxes, this.#owners])
      for (const id of map.keys()) if (!present.has(id)) map.delete(id);
  }

  async #sandbox(listed: PodSandbox): Promise<ObservedSandbox | undefined> {
    this.#owners.set(listed.id, listed.labels[podUidLabel] ?? "");
    const isReady = listed.state === "SANDBOX_READY";
    const known = this.#sandboxes.get(listed.id);
    if (known?.isReady === isReady) return known;
    const status = await ignoreGone(this.#options.runtime.podSandboxStatus(listed.id));
    if (!status) return undefined;
    const sandbox = toSandbox(status);
    this.#sandboxes.set(sandbox.id, sandbox);
    return sandbox;
  }

  async #container(listed: Container): Promise<ObservedContainer | undefined> {
    this.#owners.set(listed.id, listed.labels[podUidLabel] ?? "");
    const known = this.#containers.get(listed.id);
    if (known?.state === states[listed.state]) return known;
    const status = await ignoreGone(this.#options.runtime.containerStatus(listed.id));
    if (!status) return undefined;
    const isOver = status.state === "CONTAINER_EXITED";
    const message = isOver ? (await this.#options.readMessage(status)) || status.message : "";
    const container = toContainer(status, listed.podSandboxId, message);
    this.#containers.set(container.id, container);
    return container;
  }
}

function toSandbox(status: PodSandboxStatus): ObservedSandbox {
  const { network, linux } = status;
  const isHostNetwork = linux?.namespaces?.options?.network === "NODE";
  const ips = [network?.ip ?? "", ...(network?.additionalIps ?? []).map(({ ip }) => ip)].filter((ip) => ip !== "");
  return {
    id: status.id,
    attempt: status.metadata?.attempt ?? 0,
    isReady: status.state === "SANDBOX_READY",
    createdAtMs: toMs(status.createdAt),
    isHostNetwork,
    ips: isHostNetwork ? [] : ips,
  };
}

function toContainer(status: ContainerStatus, sandboxId: string, message: string): ObservedContainer {
  const user = status.user?.linux;
  return {
    id: status.id,
    sandboxId,
    name: status.labels[containerNameLabel] ?? status.metadata?.name ?? "",
    state: states[status.state],
    createdAtMs: toMs(status.createdAt),
    startedAtMs: toMs(status.startedAt),
    finishedAtMs: toMs(status.finishedAt),
    exitCode: status.exitCode,
    reason: status.reason,
    message,
    image: status.image?.userSpecifiedImage || status.image?.image || "",
    imageId: status.imageRef || status.imageId,
    restartCount: Number(status.annotations[restartCountAnnotation] ?? status.metadata?.attempt ?? 0),
    hash: status.annotations[hashAnnotation] ?? "",
    logFile: status.logPath,
    annotations: status.annotations,
    ...(user ? { user: { uid: user.uid, gid: user.gid, groups: user.supplementalGroups } } : {}),
  };
}

function newestFirst(
  a: { readonly createdAtMs: number; readonly id: string },
  b: { readonly createdAtMs: number; readonly id: string },
): number {
  return b.createdAtMs - a.createdAtMs || (a.id < b.id ? -1 : 1);
}

/** The protocol counts nanoseconds. */
function toMs(nanoseconds: number): number {
  return Math.floor(nanoseconds / 1_000_000);
}

/** Between the list and the question it may have been removed. */
async function ignoreGone<T>(question: Promise<T>): Promise<T | undefined> {
  try {
    return await question;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
