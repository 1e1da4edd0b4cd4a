/**
 * What is special about one kind. Everything here is optional; the generic registry does the rest: names, uid, times,
 * generation, status separation, finalizers, preconditions, optimistic concurrency.
 * All functions are pure unless they say otherwise; `prepare*` change the object they are given.
 */
import type { FieldError } from "#pkg/api/field.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { UserInfo } from "../http/api-request.ts";

export interface StrategyContext {
  readonly nowMs: number;
  readonly user: UserInfo;
  readonly dryRun: boolean;
}

export interface UpdateStrategy<T extends KubeObject = KubeObject> {
  /** Puts back what this (sub)resource may not change, and sets what follows from the change. */
  prepareForUpdate?(next: T, current: T, context: StrategyContext): void;
  validateUpdate?(next: T, current: T): readonly FieldError[];
  /** What changes this way does not count in metadata.generation (binding a pod). */
  readonly keepsGeneration?: boolean | undefined;
}

/** Called when the write that took the resources did not happen. */
export type Release = () => void;

export interface Strategy<T extends KubeObject = KubeObject> extends UpdateStrategy<T> {
  /** Fills in defaults; runs after decoding, before admission. Idempotent. */
  applyDefaults?(object: T): void;
  /** metadata.uid is set; a name that is generated is not known yet. */
  prepareForCreate?(object: T, context: StrategyContext): void;
  /** Sets what follows from the name of a new object. Replaces nested values and does not change them: a try with another name follows when this one is taken. */
  prepareNamed?(object: T): void;
  validate?(object: T): readonly FieldError[];
  /** Texts for Warning headers on create (no `current`) and update. */
  warnings?(object: T, current?: T): readonly string[];
  /** By subresource name; "status" has a generic default where the resource table lists it. */
  readonly subresources?: Readonly<Record<string, UpdateStrategy<T>>>;
  /** Metadata name rule; default: DNS-1123 subdomain. Returns problem texts. */
  validateName?(name: string, isPrefix: boolean): readonly string[];
  /** metadata.generation is kept for this kind and counts changes of anything but metadata and status. Default true where the type has spec and status. */
  readonly hasGeneration?: boolean;
  /** Seconds of grace for a delete; undefined: the kind is deleted at once. */
  gracePeriodSeconds?(object: T, requested: number | undefined): number | undefined;
  readonly defaultPropagation?: "Orphan" | "Background";
  /** A status that comes with a create is kept (Node); default: dropped where the kind has a status subresource. */
  readonly keepsStatusOnCreate?: boolean;
  /** Something besides metadata.finalizers holds a deleted object (Namespace: spec.finalizers). */
  isHeld?(object: T): boolean;
  /** Changes that come with the mark of deletion (Namespace: status.phase). */
  prepareForDeletion?(object: T): void;
  /**
   * Values for field selectors beyond metadata.name and metadata.namespace; every selectable field is present, "" when
   * unset. Also called with an object that has only metadata, to learn the names.
   */
  selectableFields?(object: T): Readonly<Record<string, string>>;
  /** Takes what the object needs from shared pools (cluster IPs, node ports) and writes it into the object. Throws StatusError. */
  allocate?(next: T, current: T | undefined, context: StrategyContext): Release;
  /** Gives back what a deleted object held. */
  release?(object: T): void;
  /** Gives back what `current` held and `next` does not hold any more; after the update was written. */
  releaseUnused?(next: T, current: T): void;
  /** Seconds until the stored object deletes itself (events); undefined: never. */
  readonly ttlSeconds?: number;
}
