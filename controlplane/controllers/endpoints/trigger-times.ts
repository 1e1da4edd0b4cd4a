/**
 * When the change happened that a write of endpoints answers to, for measuring how long it takes until the network knows.
 * Source: k8s.io/endpointslice/trigger_time_tracker.go (v1.36).
 */
import type { Pod, Service } from "#pkg/api/core/v1.ts";
import { podCondition } from "#pkg/api/pod-status.ts";

export const triggerTimeAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";

interface Seen {
  readonly service: string | undefined;
  readonly pods: ReadonlyMap<string, string>;
}

export class TriggerTimes {
  readonly #seen = new Map<string, Seen>();

  /** The earliest change that was not answered yet; undefined when the reason is none of the pods'. */
  next(key: string, service: Service, pods: readonly Pod[]): string | undefined {
    const known = this.#seen.get(key);
    const created = service.metadata.creationTimestamp;
    const times = new Map<string, string>();
    const changed: string[] = created !== undefined && known?.service !== created ? [created] : [];
    for (const pod of pods) {
      const time = podCondition(pod, "Ready")?.lastTransitionTime;
      if (time === undefined) continue;
      const uid = pod.metadata.uid ?? "";
      times.set(uid, time);
      const before = known?.pods.get(uid);
      if (known && before !== time) changed.push(time);
    }
    this.#seen.set(key, { service: created, pods: times });
    return changed.sort()[0];
  }

  forget(key: string): void {
    this.#seen.delete(key);
  }
}
