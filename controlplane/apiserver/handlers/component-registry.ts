/** componentstatuses: not stored but asked for when somebody looks. Read-only, and deprecated since Kubernetes 1.19. */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import { messageOf } from "#pkg/system/errors.ts";
import type { ListResult, ResourceRegistry } from "../registry/resource-registry.ts";
import { StoredEntry } from "../registry/stored-entry.ts";
import type { HealthCheck } from "./health.ts";

const about = { group: "", resource: "componentstatuses" };

/** `components` by upstream's names: "etcd-0", "scheduler", "controller-manager". */
export function componentRegistry(components: readonly HealthCheck[]): ResourceRegistry {
  const refuse = (verb: string) => (): Promise<never> => Promise.reject(StatusError.methodNotAllowed(about, verb));
  return {
    async get(_namespace, name) {
      const component = components.find((one) => one.name === name);
      if (!component) throw StatusError.notFound(about, name);
      return new StoredEntry(await examine(component), 0);
    },
    async list(): Promise<ListResult> {
      const objects = await Promise.all(components.map(examine));
      return { entries: objects.map((one) => new StoredEntry(one, 0)), revision: 0, continueToken: "" };
    },
    watch: refuse("watch"),
    create: refuse("create"),
    update: refuse("update"),
    delete: refuse("delete"),
    deleteCollection: refuse("deletecollection"),
  };
}

async function examine({ name, check }: HealthCheck): Promise<KubeObject> {
  const condition = await check().then(
    () => ({ type: "Healthy", status: "True", message: "ok" }),
    (error: unknown) => ({ type: "Healthy", status: "False", message: messageOf(error) }),
  );
  return { kind: "ComponentStatus", apiVersion: "v1", metadata: { name }, conditions: [condition] };
}
