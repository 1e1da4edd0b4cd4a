/** Which keys hang on which lease, kept in step with the newest version of each key. */
export class KeysByLease {
  readonly #keys = new Map<bigint, Set<string>>();

  add(lease: bigint, name: string): void {
    if (lease === 0n) return;
    const keys = this.#keys.get(lease);
    if (keys === undefined) this.#keys.set(lease, new Set([name]));
    else keys.add(name);
  }

  remove(lease: bigint, name: string): void {
    if (lease === 0n) return;
    const keys = this.#keys.get(lease);
    if (keys === undefined) return;
    keys.delete(name);
    if (keys.size === 0) this.#keys.delete(lease);
  }

  /** Sorted. */
  keysOf(lease: bigint): readonly string[] {
    return [...(this.#keys.get(lease) ?? [])].sort();
  }

  leases(): Iterable<bigint> {
    return this.#keys.keys();
  }
}
