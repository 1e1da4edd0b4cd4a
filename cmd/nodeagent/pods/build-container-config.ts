/**
 * A container as the runtime is asked for it. Pure.
 * Source: kubelet generateContainerConfig, labels.go (v1.36).
 */
import type { Pod } from "#pkg/api/core/v1.ts";
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import type { ContainerConfig } from "#pkg/cri/generated/cri.ts";
import { identityLabels } from "./build-sandbox-config.ts";
import { containerHash } from "./container-hash.ts";
import { buildContainerResources, type ResourceSettings } from "./container-resources.ts";
import {
  containerNameLabel,
  deletionGraceAnnotation,
  hashAnnotation,
  messagePathAnnotation,
  messagePolicyAnnotation,
  portsAnnotation,
  preStopAnnotation,
  restartCountAnnotation,
  terminationGraceAnnotation,
} from "./identity-labels.ts";
import { containerLogPath, podIdentity } from "./pod-folders.ts";
import type { AnyContainer, CriMount, EnvironmentVariables } from "./ports.ts";
import { buildSecurityContext, type ImageUser } from "./security-context.ts";

export interface ContainerConfigInput {
  readonly pod: Pod;
  readonly container: AnyContainer;
  /** The image's own ID, so that another pull of the name in between changes nothing. */
  readonly imageRef: string;
  readonly imageUser: ImageUser;
  readonly restartCount: number;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly variables: EnvironmentVariables;
  readonly mounts: readonly CriMount[];
  readonly resources: ResourceSettings;
  readonly seccompFolder: string;
  readonly targetContainerId?: string | undefined;
}

export const defaultMessagePath = "/dev/termination-log";

export function buildContainerConfig(input: ContainerConfigInput): MessageInput<ContainerConfig> {
  const { pod, container, imageRef, restartCount, variables, mounts } = input;
  return {
    metadata: { name: container.name, attempt: restartCount },
    image: { image: imageRef, userSpecifiedImage: container.image ?? "" },
    command: input.command,
    args: input.args,
    workingDir: container.workingDir ?? "",
    envs: variables.map(({ name, value }) => ({ key: name, value })),
    mounts,
    labels: { ...identityLabels(podIdentity(pod)), [containerNameLabel]: container.name },
    annotations: containerAnnotations(pod, container, restartCount),
    logPath: containerLogPath(container.name, restartCount),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: {
      resources: buildContainerResources(pod, container, input.resources),
      securityContext: buildSecurityContext(input),
    },
  };
}

function containerAnnotations(pod: Pod, container: AnyContainer, restartCount: number): Record<string, string> {
  const { deletionGracePeriodSeconds } = pod.metadata;
  const { terminationGracePeriodSeconds } = pod.spec;
  const preStop = container.lifecycle?.preStop;
  return {
    [hashAnnotation]: containerHash(container),
    [restartCountAnnotation]: String(restartCount),
    [messagePathAnnotation]: container.terminationMessagePath ?? defaultMessagePath,
    [messagePolicyAnnotation]: container.terminationMessagePolicy ?? "File",
    ...(preStop ? { [preStopAnnotation]: JSON.stringify(preStop) } : {}),
    ...(container.ports?.length ? { [portsAnnotation]: JSON.stringify(container.ports) } : {}),
    ...(deletionGracePeriodSeconds === undefined
      ? {}
      : { [deletionGraceAnnotation]: String(deletionGracePeriodSeconds) }),
    ...(terminationGracePeriodSeconds === undefined
      ? {}
      : { [terminationGraceAnnotation]: String(terminationGracePeriodSeconds) }),
  };
}
