/**
 * What a controller did and its informer has not seen yet. Informers lag behind writes; a controller that counted only
 * what they show would create a pod twice. Each reconcile lays its own writes over the informer's list instead of waiting.
 */
import type { KubeObject, Stored } from "#pkg/api/meta/object.ts";

/** A write the informer never shows (created and deleted between two lists) is forgotten after this long. */
const forgetAfterMs = 5 * 60_000;

export class OwnWrites<T extends KubeObject> {
  readonly #created = new Map<string, { readonly object: Stored<T>; readonly atMs: number }>();
  readonly #deleted = new Map<string, number>();

  created(object: Stored<T>, nowMs: number): void {
    this.#created.set(object.metadata.uid, { object, atMs: nowMs });
  }

  deleted(uid: string, nowMs: number): void {
    this.#created.delete(uid);
    this.#deleted.set(uid, nowMs);
  }

  /** For the informer's add and update handlers. */
  seen(object: Stored<T>): void {
    this.#created.delete(object.metadata.uid);
    if (object.metadata.deletionTimestamp) this.#deleted.delete(object.metadata.uid);
  }

  /** For the informer's delete handler. */
  gone(object: Stored<T>): void {
    this.#created.delete(object.metadata.uid);
    this.#deleted.delete(object.metadata.uid);
  }

  /** The informer's list with own writes laid over it: what was made is in, what was deleted is out. */
  view(listed: readonly Stored<T>[], belongs: (object: Stored<T>) => boolean, nowMs: number): readonly Stored<T>[] {
    this.#forget(nowMs);
    const known = new Set(listed.map(({ metadata }) => metadata.uid));
    const unseen = [...this.#created.values()].flatMap(({ object }) =>
      known.has(object.metadata.uid) || !belongs(object) ? [] : object,
    );
    return [...listed.filter(({ metadata }) => !this.#deleted.has(metadata.uid)), ...unseen];
  }

  #forget(nowMs: number): void {
    for (const [uid, { atMs }] of this.#created) if (nowMs - atMs > forgetAfterMs) this.#created.delete(uid);
    for (const [uid, atMs] of this.#deleted) if (nowMs - atMs > forgetAfterMs) this.#deleted.delete(uid);
  }
}
