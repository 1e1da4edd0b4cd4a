/** The pods of a node, by an index that all controllers share. */
import type { Pod } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import type { Informer } from "#pkg/kube/informer.ts";

const indexName = "spec.nodeName";

function nodeOf({ spec }: Pod): readonly string[] {
  return spec?.nodeName ? [spec.nodeName] : [];
}

export const podsByNode = {
  /** Once, before the index is read. */
  ensure(pods: Informer<Pod>): void {
    pods.addIndex(indexName, nodeOf);
  },
  of(pods: Informer<Pod>, node: string): readonly Stored<Pod>[] {
    return pods.byIndex(indexName, node);
  },
};
