/** TaintNodesByCondition: a new node takes no pods until the node controller has seen it ready. */
import type { Node } from "#pkg/api/core/v1.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { isRequest } from "./attributes.ts";

const taint = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" } as const;

export const taintNodesByCondition: AdmissionPlugin = {
  name: "TaintNodesByCondition",
  handles: (attributes) => isRequest(attributes, "nodes", "CREATE"),
  async mutate({ object }) {
    const node = object as Node;
    const taints = node.spec?.taints ?? [];
    if (taints.some(({ key, effect }) => key === taint.key && effect === taint.effect)) return;
    node.spec = { ...node.spec, taints: [...taints, { ...taint }] };
  },
};
