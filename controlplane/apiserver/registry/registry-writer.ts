/** The ObjectWriter: writes of the server itself, through the registries and past authorization and admission. */
import { formatApiVersion, type KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { GenericRegistry } from "./generic-registry.ts";
import type { ObjectWriter, WriteContext } from "./resource-registry.ts";

const acceptAll = (): Promise<void> => Promise.resolve();

export class RegistryWriter implements ObjectWriter {
  readonly #find: (group: string, resource: string) => GenericRegistry | undefined;

  constructor(find: (group: string, resource: string) => GenericRegistry | undefined) {
    this.#find = find;
  }

  async create(group: string, resource: string, object: KubeObject): Promise<KubeObject> {
    const registry = this.#registry(group, resource);
    const own = typed(registry, object);
    registry.strategy.applyDefaults?.(own);
    const namespace = own.metadata.namespace ?? "";
    const entry = await registry.create(own, { namespace, dryRun: false, validateAdmission: acceptAll }, ownContext());
    return entry.object;
  }

  async update(group: string, resource: string, subresource: string, object: KubeObject): Promise<KubeObject> {
    const registry = this.#registry(group, resource);
    const { namespace = "", name = "", resourceVersion } = object.metadata;
    const { entry } = await registry.update(
      { namespace, name, subresource, dryRun: false, createIfMissing: false, validateAdmission: acceptAll },
      async (current) => {
        const own = typed(registry, object);
        if (!resourceVersion) own.metadata.resourceVersion = current?.metadata.resourceVersion;
        registry.strategy.applyDefaults?.(own);
        return own;
      },
      ownContext(),
    );
    return entry.object;
  }

  #registry(group: string, resource: string): GenericRegistry {
    const registry = this.#find(group, resource);
    if (!registry) throw StatusError.notFound({ group, resource }, "");
    return registry;
  }
}

/** A copy that says what kind it is. */
function typed(registry: GenericRegistry, object: KubeObject): KubeObject {
  const { kind } = registry.resource;
  return { ...structuredClone(object), apiVersion: formatApiVersion(registry.resource), kind };
}

function ownContext(): WriteContext {
  const user = { name: "system:apiserver", groups: ["system:masters", "system:authenticated"] };
  return { user, signal: new AbortController().signal, warn: () => {} };
}
