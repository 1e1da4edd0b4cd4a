/**
 * NamespaceLifecycle: objects are made only in namespaces that exist and are not going away, and the namespaces the
 * cluster stands on are not deleted.
 */
import type { Namespace } from "#pkg/api/core/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import { BoundedCache } from "../authn/bounded-cache.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { refuse } from "./attributes.ts";

const immortal: ReadonlySet<string> = new Set(["default", "kube-system", "kube-public"]);
/** So long after a namespace's deletion its cached state is not believed. */
const distrustMs = 30_000;

export function namespaceLifecycle(reader: ObjectReader): AdmissionPlugin {
  return new NamespaceLifecycle(reader);
}

class NamespaceLifecycle implements AdmissionPlugin {
  readonly name = "NamespaceLifecycle";
  readonly #reader: ObjectReader;
  readonly #deletedAtMs = new BoundedCache<string, number>(100);

  constructor(reader: ObjectReader) {
    this.#reader = reader;
  }

  handles({ operation }: AdmissionAttributes): boolean {
    return operation !== "CONNECT";
  }

  async mutate(attributes: AdmissionAttributes): Promise<void> {
    const { resource, operation, name, namespace, nowMs } = attributes;
    if (resource.group === "" && resource.resource === "namespaces") {
      if (operation !== "DELETE") return;
      if (immortal.has(name)) throw refuse(attributes, "this namespace may not be deleted");
      this.#deletedAtMs.set(name, nowMs);
      return;
    }
    // Saying whether the namespace exists would tell those who only ask what they may do there.
    if (namespace === "" || operation === "DELETE" || resource.resource === "localsubjectaccessreviews") return;
    const found = await this.#find(attributes);
    if (operation === "CREATE" && found.status?.phase === "Terminating") throw terminating(attributes);
  }

  async #find(attributes: AdmissionAttributes): Promise<Namespace> {
    const { namespace, nowMs } = attributes;
    if (!this.#reader.hasSynced("", "namespaces")) throw refuse(attributes, "not yet ready to handle request");
    const cached = this.#reader.get("", "namespaces", "", namespace) as Namespace | undefined;
    const deletedAtMs = this.#deletedAtMs.get(namespace);
    const isDoubtful = deletedAtMs !== undefined && nowMs - deletedAtMs < distrustMs;
    if (cached && !(isDoubtful && cached.status?.phase === "Active")) return cached;
    const live = await this.#reader.getLive("", "namespaces", "", namespace);
    if (!live) throw StatusError.notFound({ group: "", resource: "namespaces" }, namespace);
    return live as Namespace;
  }
}

function terminating(attributes: AdmissionAttributes): StatusError {
  const { namespace } = attributes;
  const message = `namespace ${namespace} is being terminated`;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  return refuse(attributes, why, [{ reason: "NamespaceTerminating", message, field: "metadata.namespace" }]);
}
