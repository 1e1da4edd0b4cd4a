/** What the fake runtime holds, and the messages in which it tells of it. Pure. */
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import type { Timer } from "#pkg/system/clock.ts";
import type {
  Container,
  ContainerConfig,
  ContainerStatus,
  Image,
  PodSandbox,
  PodSandboxConfig,
  PodSandboxStatus,
} from "../generated/cri.ts";
import type { ShellRun } from "./fake-shell.ts";

export interface FakeSandbox {
  readonly id: string;
  readonly config: MessageInput<PodSandboxConfig>;
  readonly handler: string;
  readonly createdAt: number;
  readonly ip: string;
  state: PodSandbox["state"];
}

export interface FakeContainer {
  readonly id: string;
  readonly sandboxId: string;
  readonly config: MessageInput<ContainerConfig>;
  readonly createdAt: number;
  readonly script: ShellRun;
  state: Container["state"];
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  reason: string;
  timer: Timer | undefined;
  ended: PromiseWithResolvers<void>;
}

interface Listed {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: string;
  readonly podSandboxId?: string;
}

interface Filter {
  readonly id?: string | null | undefined;
  readonly podSandboxId?: string | null | undefined;
  readonly state?: { readonly state?: string | null | undefined } | null | undefined;
  readonly labelSelector?: Readonly<Record<string, string | null | undefined>> | null | undefined;
}

export function matches(listed: Listed, filter: Filter): boolean {
  if (filter.id && filter.id !== listed.id) return false;
  if (filter.podSandboxId && filter.podSandboxId !== listed.podSandboxId) return false;
  if (filter.state?.state && filter.state.state !== listed.state) return false;
  return Object.entries(filter.labelSelector ?? {}).every(([key, value]) => listed.labels[key] === value);
}

export function listedSandbox({ id, config, state, createdAt, handler }: FakeSandbox): PodSandbox {
  return {
    id,
    metadata: sandboxMetadata(config),
    state,
    createdAt,
    labels: texts(config.labels),
    annotations: texts(config.annotations),
    runtimeHandler: handler,
  };
}

export function sandboxStatus(sandbox: FakeSandbox): PodSandboxStatus {
  const { config, ip } = sandbox;
  const options = config.linux?.securityContext?.namespaceOptions;
  const namespaces = {
    options: {
      network: options?.network ?? "POD",
      pid: options?.pid ?? "POD",
      ipc: options?.ipc ?? "POD",
      targetId: "",
      usernsOptions: null,
    },
  };
  return { ...listedSandbox(sandbox), network: { ip, additionalIps: [] }, linux: { namespaces } };
}

function sandboxMetadata({ metadata }: MessageInput<PodSandboxConfig>): PodSandbox["metadata"] {
  return {
    name: metadata?.name ?? "",
    uid: metadata?.uid ?? "",
    namespace: metadata?.namespace ?? "",
    attempt: metadata?.attempt ?? 0,
  };
}

export function listedContainer({ id, sandboxId, config, state, createdAt }: FakeContainer): Container {
  const image = config.image?.image ?? "";
  return {
    id,
    podSandboxId: sandboxId,
    metadata: { name: config.metadata?.name ?? "", attempt: config.metadata?.attempt ?? 0 },
    image: toSpec(config),
    imageRef: image,
    state,
    createdAt,
    labels: texts(config.labels),
    annotations: texts(config.annotations),
    imageId: image,
  };
}

export function containerStatus(
  container: FakeContainer,
  sandboxes: ReadonlyMap<string, FakeSandbox>,
): ContainerStatus {
  const { config, startedAt, finishedAt, exitCode, reason } = container;
  const { podSandboxId, ...listed } = listedContainer(container);
  const folder = sandboxes.get(podSandboxId)?.config.logDirectory ?? "";
  return {
    ...listed,
    startedAt,
    finishedAt,
    exitCode,
    reason,
    message: "",
    mounts: (config.mounts ?? []).map((mount) => ({
      containerPath: mount.containerPath ?? "",
      hostPath: mount.hostPath ?? "",
      readonly: mount.readonly ?? false,
      selinuxRelabel: false,
      propagation: "PROPAGATION_PRIVATE",
      uidMappings: [],
      gidMappings: [],
      recursiveReadOnly: false,
      image: null,
    })),
    logPath: `${folder}/${config.logPath ?? ""}`,
    resources: null,
    user: null,
  };
}

function toSpec(config: MessageInput<ContainerConfig>): Container["image"] {
  const { image = "", userSpecifiedImage = "" } = config.image ?? {};
  return { image: image ?? "", annotations: {}, userSpecifiedImage: userSpecifiedImage ?? "", runtimeHandler: "" };
}

export function toImage(name: string): Image {
  return { id: name, repoTags: [name], repoDigests: [], size: 1, uid: null, username: "", spec: null, pinned: false };
}

function texts(map: Readonly<Record<string, string | null | undefined>> | null | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).map(([key, value]) => [key, value ?? ""]));
}
