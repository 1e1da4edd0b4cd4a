/**
 * Bindings by subject: a user's few bindings are found among thousands without looking at the others. Kept up to date from
 * the cache's changes.
 */
import type { ClusterRoleBinding, RoleBinding, Subject } from "#pkg/api/rbac/v1.ts";
import { serviceAccountUserName } from "../authn/user-names.ts";
import type { UserInfo } from "../http/api-request.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";

export type Binding = RoleBinding | ClusterRoleBinding;

const group = "rbac.authorization.k8s.io";

export class SubjectIndex implements Disposable {
  /** Subject to binding name to binding, in each namespace; "" holds the cluster's. */
  readonly #namespaces = new Map<string, Map<string, Map<string, Binding>>>();
  readonly #watches: readonly Disposable[];

  constructor(reader: ObjectReader) {
    this.#watches = ["clusterrolebindings", "rolebindings"].map((resource) => {
      const watch = reader.onChange(group, resource, (next, previous) => {
        if (previous) this.#remove(previous as Binding);
        if (next) this.#add(next as Binding);
      });
      for (const binding of reader.list(group, resource, "")) this.#add(binding as Binding);
      return watch;
    });
  }

  /** Bindings of this namespace ("" for the cluster's) with the user or one of its groups as subject, each once. */
  bindingsOf(user: UserInfo, namespace: string): Iterable<Binding> {
    const bySubject = this.#namespaces.get(namespace);
    if (!bySubject) return [];
    const found = new Map<string, Binding>();
    for (const key of [userKey(user.name), ...user.groups.map(groupKey)]) {
      for (const [name, binding] of bySubject.get(key) ?? []) found.set(name, binding);
    }
    return found.values();
  }

  [Symbol.dispose](): void {
    for (const watch of this.#watches) watch[Symbol.dispose]();
  }

  #add(binding: Binding): void {
    const { namespace = "", name = "" } = binding.metadata;
    const bySubject = this.#namespaces.get(namespace) ?? new Map<string, Map<string, Binding>>();
    this.#namespaces.set(namespace, bySubject);
    for (const key of subjectKeys(binding)) {
      const bindings = bySubject.get(key) ?? new Map<string, Binding>();
      bySubject.set(key, bindings.set(name, binding));
    }
  }

  #remove(binding: Binding): void {
    const { namespace = "", name = "" } = binding.metadata;
    const bySubject = this.#namespaces.get(namespace);
    if (!bySubject) return;
    for (const key of subjectKeys(binding)) {
      const bindings = bySubject.get(key);
      bindings?.delete(name);
      if (bindings?.size === 0) bySubject.delete(key);
    }
    if (bySubject.size === 0) this.#namespaces.delete(namespace);
  }
}

/** The subject of the binding that makes it apply to the user. */
export function matchingSubject(binding: Binding, user: UserInfo): Subject | undefined {
  const keys = new Set([userKey(user.name), ...user.groups.map(groupKey)]);
  return binding.subjects?.find((subject) => keys.has(subjectKey(subject, binding.metadata.namespace ?? "") ?? ""));
}

const userKey = (name: string): string => `user ${name}`;
const groupKey = (name: string): string => `group ${name}`;

function subjectKeys(binding: Binding): readonly string[] {
  const namespace = binding.metadata.namespace ?? "";
  const keys = (binding.subjects ?? []).map((subject) => subjectKey(subject, namespace));
  return keys.filter((key) => key !== undefined);
}

/** Undefined for a subject that matches nobody. */
function subjectKey(subject: Subject, bindingNamespace: string): string | undefined {
  switch (subject.kind) {
    case "User":
      return userKey(subject.name);
    case "Group":
      return groupKey(subject.name);
    case "ServiceAccount": {
      const namespace = subject.namespace || bindingNamespace;
      return namespace === "" ? undefined : userKey(serviceAccountUserName(namespace, subject.name));
    }
    default:
      return undefined;
  }
}
