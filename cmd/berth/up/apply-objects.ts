/** Server-side apply of objects of any built-in kind, in the order given. */
import { formatApiVersion, type KubeObject } from "#pkg/api/meta/object.ts";
import type { KubeClient } from "#pkg/kube/client.ts";
import { type ResourceRef, resources } from "#pkg/kube/resources.ts";
import { BerthError } from "#pkg/system/errors.ts";

const fieldManager = "berth";

export async function applyObjects(
  objects: readonly KubeObject[],
  client: KubeClient,
  signal: AbortSignal,
): Promise<void> {
  for (const object of objects) {
    const resource = client.resource(refOf(object)).in(object.metadata.namespace);
    await resource.apply(object, { fieldManager, force: true, signal });
  }
}

function refOf({ apiVersion, kind }: KubeObject): ResourceRef {
  const all: readonly ResourceRef[] = Object.values(resources);
  const found = all.find((ref) => ref.kind === kind && formatApiVersion(ref) === apiVersion);
  if (!found) throw new BerthError("Invalid", `${apiVersion} ${kind} is no built-in kind`);
  return found;
}
