/** Marks Secrets that hold legacy tokens with the day of their last use, so that unused ones can be found and removed. */
import type { Secret } from "#pkg/api/core/v1.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { ObjectWriter } from "../registry/resource-registry.ts";
import type { LegacyTokenUse } from "./service-account-token.ts";

const lastUsedLabel = "kubernetes.io/legacy-token-last-used";

/** Writes at most once a day and Secret; a write that fails is tried again with the next use. */
export function createLegacyTokenMarker(
  writer: ObjectWriter,
  clock: Clock,
  onError: (error: unknown) => void,
): LegacyTokenUse {
  const marked = new Map<string, string>();
  return (secret) => {
    const today = new Date(clock.now()).toISOString().slice(0, 10);
    const uid = secret.metadata.uid ?? "";
    if (secret.metadata.labels?.[lastUsedLabel] === today || marked.get(uid) === today) return;
    marked.set(uid, today);
    const labels = { ...secret.metadata.labels, [lastUsedLabel]: today };
    const next: Secret = { ...secret, metadata: { ...secret.metadata, labels } };
    writer.update("", "secrets", "", next).catch((error: unknown) => {
      marked.delete(uid);
      onError(error);
    });
  };
}
