/** Reads and writes of the fake API server on its storage, by the rules of fake-write.ts. Answers are the stored objects. */
import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { Random } from "#pkg/system/random.ts";
import { resourceKey, resources } from "../resources.ts";
import { applyPatch } from "./fake-patch.ts";
import { type FakeRequest, selectorOf } from "./fake-request.ts";
import type { FakeStorage } from "./fake-storage.ts";
import {
  buildCreated,
  buildDeleting,
  buildUpdated,
  checkPreconditions,
  clone,
  type DeletionRequest,
  isFullyDeleted,
} from "./fake-write.ts";

const nameAlphabet = "bcdfghjklmnpqrstvwxz2456789";

export class FakeVerbs {
  readonly #storage: FakeStorage;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #needsNamespaces: boolean;

  constructor(storage: FakeStorage, clock: Clock, random: Random, needsNamespaces: boolean) {
    this.#storage = storage;
    this.#clock = clock;
    this.#random = random;
    this.#needsNamespaces = needsNamespaces;
  }

  find({ ref, namespace, name }: FakeRequest): KubeObject {
    const object = this.#storage.get(resourceKey(ref), keyOf(namespace, name));
    if (!object) throw StatusError.notFound({ group: ref.group, resource: ref.plural }, name);
    return object;
  }

  read(request: FakeRequest): unknown {
    const object = this.find(request);
    return request.subresource === "scale" ? scaleOf(object) : object;
  }

  create(request: FakeRequest): KubeObject {
    const { ref, namespace } = request;
    const object = request.body as KubeObject;
    this.#checkBody(request, object);
    if (ref.namespaced) this.#checkNamespace(request);
    const name = this.#chooseName(request, object);
    const identity = { name, namespace, uid: this.#random.uuid(), nowMs: this.#clock.now() };
    const created = buildCreated(ref, object, identity);
    return this.#storage.put(resourceKey(ref), keyOf(namespace, name), clone(created));
  }

  #chooseName({ ref, namespace }: FakeRequest, object: KubeObject): string {
    const { name, generateName } = object.metadata;
    const about = { group: ref.group, resource: ref.plural };
    if (name) {
      if (this.#storage.get(resourceKey(ref), keyOf(namespace, name))) throw StatusError.alreadyExists(about, name);
      return name;
    }
    if (!generateName) {
      const message = `${ref.kind} "" is invalid: metadata.name: Required value: name or generateName is required`;
      throw new StatusError({ code: 422, reason: "Invalid", message });
    }
    const pick = (): string => nameAlphabet[Math.floor(this.#random.float() * nameAlphabet.length)] ?? "x";
    return generateName.slice(0, 58) + Array.from({ length: 5 }, pick).join("");
  }

  #checkBody({ namespace, name }: FakeRequest, object: KubeObject): void {
    if (typeof object?.metadata !== "object") throw StatusError.badRequest("the object has no metadata");
    if (name && object.metadata.name && object.metadata.name !== name) {
      throw StatusError.badRequest(
        `the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`,
      );
    }
    if (object.metadata.namespace && object.metadata.namespace !== namespace) {
      throw StatusError.badRequest(
        "the namespace of the provided object does not match the namespace sent on the request",
      );
    }
  }

  #checkNamespace({ ref, namespace }: FakeRequest): void {
    const found = this.#storage.get(resourceKey(resources.namespaces), keyOf("", namespace));
    if (!found && this.#needsNamespaces) throw StatusError.notFound({ group: "", resource: "namespaces" }, namespace);
    if (!found?.metadata.deletionTimestamp) return;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    const causes = [{ reason: "NamespaceTerminating", message: `namespace ${namespace} is being terminated` }];
    throw StatusError.forbidden({ group: ref.group, resource: ref.plural }, "", why, causes);
  }

  write(request: FakeRequest): unknown {
    const { ref, namespace, name, subresource, verb, contentType } = request;
    const old = this.#storage.get(resourceKey(ref), keyOf(namespace, name));
    if (!old) return this.#writeMissing(request);
    if (subresource === "scale") return this.#scale(request, old);
    const base = clone(old);
    const wanted = (verb === "update" ? request.body : applyPatch(contentType, base, request.body)) as KubeObject;
    this.#checkBody(request, wanted);
    checkPreconditions(ref, old, preconditionsOf(wanted, old));
    return this.#replace(request, old, wanted);
  }

  /** Server-side apply creates what is not there; every other write is 404. */
  #writeMissing(request: FakeRequest): unknown {
    const isApply = request.contentType.startsWith("application/apply-patch");
    if (!isApply || request.subresource) this.find(request);
    return this.create(request);
  }

  #replace({ ref, namespace, name, subresource }: FakeRequest, old: KubeObject, wanted: KubeObject): KubeObject {
    const [resource, key] = [resourceKey(ref), keyOf(namespace, name)];
    const updated = buildUpdated(ref, old, clone(wanted), subresource);
    if (isDeepStrictEqual(updated, old)) return old;
    if (!isFullyDeleted(updated)) return this.#storage.put(resource, key, updated);
    this.#storage.delete(resource, key);
    return updated;
  }

  delete(request: FakeRequest, old: KubeObject): unknown {
    const { ref, body } = request;
    const [resource, key] = [resourceKey(ref), keyOf(old.metadata.namespace ?? "", old.metadata.name ?? "")];
    const options = (body ?? {}) as DeletionRequest & { preconditions?: { uid?: string; resourceVersion?: string } };
    checkPreconditions(ref, old, options.preconditions ?? {});
    const deleting = buildDeleting(ref, old, options, this.#clock.now());
    if (deleting) return isDeepStrictEqual(deleting, old) ? old : this.#storage.put(resource, key, deleting);
    this.#storage.delete(resource, key);
    const { name, uid } = old.metadata;
    const details = { name, kind: ref.plural, uid, ...(ref.group ? { group: ref.group } : {}) };
    return ref.plural === "pods" ? old : { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
  }

  deleteCollection(request: FakeRequest): unknown {
    const matches = selectorOf(request.query);
    const inNamespace = this.#storage
      .list(resourceKey(request.ref))
      .map(([, object]) => object)
      .filter((object) => !request.namespace || object.metadata.namespace === request.namespace);
    for (const object of inNamespace.filter(matches)) this.delete(request, object);
    return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" };
  }

  /** POST to a subresource. */
  act(request: FakeRequest): unknown {
    const old = this.find(request);
    switch (request.subresource) {
      case "binding":
        return this.#bind(request, old);
      case "eviction":
        return this.delete({ ...request, body: (request.body as { deleteOptions?: unknown }).deleteOptions }, old);
      case "token":
        return { ...(request.body as object), status: { token: `token-of-${request.name}`, expirationTimestamp: "" } };
      default:
        throw StatusError.methodNotAllowed({ group: request.ref.group, resource: request.ref.plural }, "create");
    }
  }

  #bind(request: FakeRequest, old: KubeObject): unknown {
    const target = (request.body as { target?: { name?: string } }).target?.name;
    const spec = (old["spec"] ?? {}) as { nodeName?: string };
    if (spec.nodeName) {
      const why = `pod ${request.name} is already assigned to node "${spec.nodeName}"`;
      throw StatusError.conflict({ group: "", resource: "pods/binding" }, request.name, why);
    }
    this.#replace(request, old, { ...old, spec: { ...spec, nodeName: target } });
    return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
  }

  #scale(request: FakeRequest, old: KubeObject): unknown {
    const scale = scaleOf(old);
    const { contentType, body } = request;
    const wanted = request.verb === "update" ? body : applyPatch(contentType, scale, body);
    const replicas = (wanted as { spec?: { replicas?: number } }).spec?.replicas ?? 0;
    return scaleOf(this.#replace(request, old, { ...old, spec: { ...(old["spec"] as object), replicas } }));
  }
}

/** What the write says about the version it is based on; a patch that says nothing fits any version. */
function preconditionsOf(
  wanted: KubeObject,
  old: KubeObject,
): { uid?: string | undefined; resourceVersion?: string | undefined } {
  const { uid, resourceVersion } = wanted.metadata;
  return { uid: uid ?? old.metadata.uid, resourceVersion };
}

function scaleOf(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const spec = object["spec"] as { replicas?: number } | undefined;
  const status = object["status"] as { replicas?: number } | undefined;
  return {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: spec?.replicas ?? 0 },
    status: { replicas: status?.replicas ?? 0 },
  };
}

export function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
