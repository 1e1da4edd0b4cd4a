/**
 * securityContext of pod and container, in the runtime's terms. Pure.
 * Source: kubelet kuberuntime/security_context.go, pkg/securitycontext (v1.36).
 */
import type { Pod, SeccompProfile, SecurityContext } from "#pkg/api/core/v1.ts";
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import type { LinuxContainerSecurityContext, NamespaceOption, SecurityProfile } from "#pkg/cri/generated/cri.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { AnyContainer } from "./ports.ts";

/** Who the image wants to run as. */
export interface ImageUser {
  readonly uid: number | undefined;
  readonly username: string;
}

export interface SecurityContextInput {
  readonly pod: Pod;
  readonly container: AnyContainer;
  readonly imageUser: ImageUser;
  /** Folder with profiles of type Localhost. */
  readonly seccompFolder: string;
  /** The container whose processes this one sees (ephemeral containers). */
  readonly targetContainerId?: string | undefined;
}

/** What of /proc and /sys a container does not see, or cannot change, unless procMount is Unmasked. */
const maskedPaths = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

export function buildSecurityContext(input: SecurityContextInput): MessageInput<LinuxContainerSecurityContext> {
  const { pod, container, imageUser, targetContainerId } = input;
  const own: SecurityContext = container.securityContext ?? {};
  const shared = pod.spec.securityContext ?? {};
  const runAsUser = own.runAsUser ?? shared.runAsUser ?? imageUser.uid;
  const runAsGroup = own.runAsGroup ?? shared.runAsGroup;
  const isUnmasked = own.procMount === "Unmasked";
  const selinux = own.seLinuxOptions ?? shared.seLinuxOptions;
  return {
    privileged: own.privileged ?? false,
    ...(own.capabilities
      ? {
          capabilities: {
            addCapabilities: own.capabilities.add ?? [],
            dropCapabilities: own.capabilities.drop ?? [],
          },
        }
      : {}),
    namespaceOptions: {
      ...namespaceOptions(pod),
      ...(targetContainerId ? { pid: "TARGET" as const, targetId: targetContainerId } : {}),
    },
    ...(selinux ? { selinuxOptions: selinux } : {}),
    ...(runAsUser === undefined ? {} : { runAsUser: { value: runAsUser } }),
    ...(runAsUser === undefined && imageUser.username ? { runAsUsername: imageUser.username } : {}),
    ...(runAsGroup === undefined ? {} : { runAsGroup: { value: runAsGroup } }),
    readonlyRootfs: own.readOnlyRootFilesystem ?? false,
    supplementalGroups: supplementalGroups(pod),
    supplementalGroupsPolicy: shared.supplementalGroupsPolicy ?? "Merge",
    noNewPrivs: own.allowPrivilegeEscalation === false,
    maskedPaths: isUnmasked ? [] : maskedPaths,
    readonlyPaths: isUnmasked ? [] : readonlyPaths,
    seccomp: seccomp(own.seccompProfile ?? shared.seccompProfile, own.privileged ?? false, input.seccompFolder),
    ...apparmor(own.appArmorProfile ?? shared.appArmorProfile),
  };
}

export function namespaceOptions(pod: Pod): MessageInput<NamespaceOption> {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace } = pod.spec;
  return {
    network: hostNetwork ? "NODE" : "POD",
    pid: hostPID ? "NODE" : shareProcessNamespace ? "POD" : "CONTAINER",
    ipc: hostIPC ? "NODE" : "POD",
  };
}

/** fsGroup counts among the groups of every process of the pod. */
export function supplementalGroups(pod: Pod): readonly number[] {
  const { fsGroup, supplementalGroups: groups = [] } = pod.spec.securityContext ?? {};
  return fsGroup === undefined ? groups : [fsGroup, ...groups.filter((group) => group !== fsGroup)];
}

/** Throws "Invalid" when the container would run as root although it must not. */
export function checkNonRoot(pod: Pod, container: AnyContainer, imageUser: ImageUser): void {
  const own = container.securityContext ?? {};
  const shared = pod.spec.securityContext ?? {};
  if (!(own.runAsNonRoot ?? shared.runAsNonRoot)) return;
  const about = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`;
  const runAsUser = own.runAsUser ?? shared.runAsUser;
  if (runAsUser === 0) throw new BerthError("Invalid", `container's runAsUser breaks non-root policy ${about}`);
  if (runAsUser !== undefined) return;
  if (imageUser.uid === 0 || (imageUser.uid === undefined && imageUser.username === ""))
    throw new BerthError("Invalid", `container has runAsNonRoot and image will run as root ${about}`);
  if (imageUser.uid === undefined) {
    const what = `image has non-numeric user (${imageUser.username}), cannot verify user is non-root`;
    throw new BerthError("Invalid", `container has runAsNonRoot and ${what} ${about}`);
  }
}

function seccomp(
  profile: SeccompProfile | undefined,
  isPrivileged: boolean,
  folder: string,
): MessageInput<SecurityProfile> {
  if (isPrivileged || !profile) return { profileType: "Unconfined" };
  if (profile.type === "Localhost")
    return { profileType: "Localhost", localhostRef: `${folder}/${profile.localhostProfile ?? ""}` };
  return { profileType: profile.type === "RuntimeDefault" ? "RuntimeDefault" : "Unconfined" };
}

function apparmor(
  profile: SecurityContext["appArmorProfile"],
): Pick<MessageInput<LinuxContainerSecurityContext>, "apparmor"> {
  if (!profile) return {};
  if (profile.type === "Localhost")
    return { apparmor: { profileType: "Localhost", localhostRef: profile.localhostProfile ?? "" } };
  return { apparmor: { profileType: profile.type === "Unconfined" ? "Unconfined" : "RuntimeDefault" } };
}
