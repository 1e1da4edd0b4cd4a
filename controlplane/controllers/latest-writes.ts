/**
 * The last state a controller wrote of each object, until its informer has shown it. Like own-writes.ts, for controllers that
 * also change the objects they made: a decision on the state before the last write would only be refused as a conflict.
 */
import type { KubeObject, Stored } from "#pkg/api/meta/object.ts";

export class LatestWrites<T extends KubeObject> {
  readonly #written = new Map<string, Stored<T>>();
  readonly #deleted = new Set<string>();

  wrote(object: Stored<T>): void {
    this.#written.set(object.metadata.uid, object);
  }

  deleted(object: Stored<T>): void {
    this.#written.delete(object.metadata.uid);
    this.#deleted.add(object.metadata.uid);
  }

  /** For the informer's add and update handlers. False: this is what was written here, nobody else's doing. */
  seen(object: Stored<T>): boolean {
    const own = this.#written.get(object.metadata.uid);
    if (!own) return true;
    const [shown, written] = [versionOf(object), versionOf(own)];
    if (shown >= written) this.#written.delete(object.metadata.uid);
    return shown > written;
  }

  /** For the informer's delete handler. False: it was deleted here. */
  gone(object: Stored<T>): boolean {
    this.#written.delete(object.metadata.uid);
    return !this.#deleted.delete(object.metadata.uid);
  }

  /** The informer's list with own writes laid over it. */
  view(listed: readonly Stored<T>[], belongs: (object: Stored<T>) => boolean): readonly Stored<T>[] {
    const known = new Set(listed.map(({ metadata }) => metadata.uid));
    const present = listed.filter(({ metadata }) => !this.#deleted.has(metadata.uid));
    const unseen = [...this.#written.values()].filter((one) => !known.has(one.metadata.uid) && belongs(one));
    return [...present.map((object) => this.#written.get(object.metadata.uid) ?? object), ...unseen];
  }

  /** The picture was wrong: believe the informer again. */
  forget(object: Stored<T>): void {
    this.#written.delete(object.metadata.uid);
    this.#deleted.delete(object.metadata.uid);
  }
}

/** Versions are decimal numbers that only grow (documented as comparable since 1.35). */
function versionOf({ metadata }: Stored<KubeObject>): bigint {
  return /^\d+$/.test(metadata.resourceVersion) ? BigInt(metadata.resourceVersion) : 0n;
}
