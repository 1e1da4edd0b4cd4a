/** DefaultTolerationSeconds: pods stay on a node that is not ready or out of reach for a while, unless they say how long. */
import type { Pod, Toleration } from "#pkg/api/core/v1.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { isRequest } from "./attributes.ts";

export interface TolerationDefaults {
  readonly notReadySeconds: number;
  readonly unreachableSeconds: number;
}

export function defaultTolerationSeconds(defaults: TolerationDefaults): AdmissionPlugin {
  const wanted: readonly (readonly [string, number])[] = [
    ["node.kubernetes.io/not-ready", defaults.notReadySeconds],
    ["node.kubernetes.io/unreachable", defaults.unreachableSeconds],
  ];
  return {
    name: "DefaultTolerationSeconds",
    handles: (attributes) => isRequest(attributes, "pods", "CREATE", "UPDATE"),
    async mutate({ object }) {
      const { spec } = object as Pod;
      const given = spec.tolerations ?? [];
      const missing = wanted.filter(([key]) => !given.some((toleration) => covers(toleration, key)));
      if (missing.length === 0) return;
      const added = missing.map(
        ([key, tolerationSeconds]): Toleration => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds }),
      );
      spec.tolerations = [...given, ...added];
    },
  };
}

function covers({ key, effect }: Toleration, wanted: string): boolean {
  return (key === wanted || !key) && (effect === "NoExecute" || !effect);
}
