/**
 * How long a container is given to end. Pure.
 * Source: kubelet kuberuntime setTerminationGracePeriod, killContainer (v1.36).
 */
import type { Container, Pod } from "#pkg/api/core/v1.ts";
import { deletionGraceAnnotation, terminationGraceAnnotation } from "./identity-labels.ts";
import type { ObservedContainer } from "./observed-pod.ts";
import type { KillReason } from "./pod-action.ts";

/** Between the two signals there are always this many seconds, so that nothing is killed outright without need. */
export const leastStopSeconds = 2;
const defaultGraceSeconds = 30;

/** Seconds for the whole of preStop and ending. */
export function containerGraceSeconds(
  pod: Pod | undefined,
  spec: Pick<Container, "livenessProbe" | "startupProbe"> | undefined,
  container: Pick<ObservedContainer, "annotations">,
  reason: KillReason,
): number {
  if (!pod) return graceOfAnnotations(container.annotations);
  const deletion = pod.metadata.deletionGracePeriodSeconds;
  if (deletion !== undefined) return deletion;
  const probe = reason === "liveness" ? spec?.livenessProbe : reason === "startup" ? spec?.startupProbe : undefined;
  return probe?.terminationGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds;
}

/** For the pod as a whole: never grows, and is at least a second. */
export function podGraceSeconds(
  pod: Pod | undefined,
  override: number | undefined,
  current: number | undefined,
): number {
  const own =
    pod?.metadata.deletionGracePeriodSeconds ?? pod?.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds;
  const wanted = override === undefined ? own : Math.min(override, own);
  return Math.max(1, current === undefined ? wanted : Math.min(current, wanted));
}

function graceOfAnnotations(annotations: Readonly<Record<string, string>>): number {
  const text = annotations[deletionGraceAnnotation] ?? annotations[terminationGraceAnnotation];
  const seconds = text === undefined ? Number.NaN : Number(text);
  return Number.isFinite(seconds) ? seconds : defaultGraceSeconds;
}
