/** Nodes. An agent registers its node with a status, so that one is kept; afterwards spec and status change apart. */
import type { Node } from "#pkg/api/core/v1.ts";
import { blockWarnings } from "#pkg/api/ip-address.ts";
import { defineStrategy } from "./define-strategy.ts";
import { validateNode, validateNodeChange, validateNodeUpdate } from "./validation/node.ts";

export const nodeStrategy = defineStrategy<Node>("core/v1.Node", {
  hasGeneration: false,
  keepsStatusOnCreate: true,
  prepareForCreate(node) {
    dropConfigSource(node);
    if (node.status?.config !== undefined) {
      const { config: _, ...status } = node.status;
      node.status = status;
    }
  },
  validate: validateNode,
  prepareForUpdate(next, current) {
    if (!current.spec.configSource) dropConfigSource(next);
  },
  validateUpdate: validateNodeUpdate,
  warnings: nodeWarnings,
  subresources: {
    status: {
      prepareForUpdate(next, current) {
        if (current.status?.config !== undefined || next.status?.config === undefined) return;
        const { config: _, ...status } = next.status;
        next.status = status;
      },
      validateUpdate: validateNodeChange,
    },
  },
  selectableFields: ({ spec }: Partial<Node>) => ({ "spec.unschedulable": String(spec?.unschedulable ?? false) }),
});

/** Of a feature that is gone. */
function dropConfigSource(node: Node): void {
  if (node.spec.configSource === undefined) return;
  const { configSource: _, ...spec } = node.spec;
  node.spec = spec;
}

function nodeWarnings({ spec }: Node): readonly string[] {
  const warnings = spec.configSource ? ["spec.configSource: the feature is removed"] : [];
  if (spec.externalID) {
    warnings.push("spec.externalID: this field is deprecated, and is unused by Kubernetes");
  }
  const ranges = (spec.podCIDRs ?? []).flatMap((text, index) => blockWarnings(`spec.podCIDRs[${index}]`, text));
  return [...warnings, ...ranges];
}
