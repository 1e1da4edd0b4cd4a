/**
 * A set of paths to fields, as a tree. Membership of a path says nothing about its parents or children.
 * Sets are values: once built, a set is never changed, and operations share what they can. Only the code that makes a new
 * set adds to it.
 * Source of the semantics: structured-merge-diff fieldpath.Set.
 */
import type { PathElement } from "./path-element.ts";
import { comparePathElements } from "./path-element.ts";

export interface FieldNode {
  readonly element: PathElement;
  readonly isMember: boolean;
  /** Paths below this one; undefined or non-empty. */
  readonly children: FieldSet | undefined;
}

export class FieldSet {
  static readonly empty: FieldSet = new FieldSet();
  readonly #nodes = new Map<string, { element: PathElement; isMember: boolean; children: FieldSet | undefined }>();

  static of(...paths: readonly (readonly PathElement[])[]): FieldSet {
    const set = new FieldSet();
    for (const path of paths) set.insert(path);
    return set;
  }

  /** For building: the path of this one element becomes a member. */
  add(element: PathElement): void {
    const node = this.#nodes.get(element.text);
    if (node) node.isMember = true;
    else this.#nodes.set(element.text, { element, isMember: true, children: undefined });
  }

  /** For building: the set of paths below an element, made when there is none. Something must then be added to it. */
  descend(element: PathElement): FieldSet {
    let node = this.#nodes.get(element.text);
    if (!node) {
      node = { element, isMember: false, children: undefined };
      this.#nodes.set(element.text, node);
    }
    node.children ??= new FieldSet();
    return node.children;
  }

  /** For building: puts a ready subtree in. Nothing happens when it says nothing. */
  put(element: PathElement, isMember: boolean, children: FieldSet | undefined): void {
    const kept = children?.isEmpty ? undefined : children;
    if (isMember || kept) this.#nodes.set(element.text, { element, isMember, children: kept });
  }

  /** For building: the empty path, which stands for the whole object, is never a member. */
  insert(path: readonly PathElement[]): void {
    let set: FieldSet = this;
    for (const [depth, element] of path.entries()) {
      if (depth === path.length - 1) set.add(element);
      else set = set.descend(element);
    }
  }

  get isEmpty(): boolean {
    for (const node of this.#nodes.values())
      if (node.isMember || (node.children && !node.children.isEmpty)) return false;
    return true;
  }

  /** Number of paths. */
  get size(): number {
    let size = 0;
    for (const node of this.#nodes.values()) size += (node.isMember ? 1 : 0) + (node.children?.size ?? 0);
    return size;
  }

  node(text: string): FieldNode | undefined {
    return this.#nodes.get(text);
  }

  /** In no particular order. */
  nodes(): IterableIterator<FieldNode> {
    return this.#nodes.values();
  }

  sortedNodes(): FieldNode[] {
    const nodes = [...this.#nodes.values()];
    return nodes.length < 2 ? nodes : nodes.sort((left, right) => comparePathElements(left.element, right.element));
  }

  has(path: readonly PathElement[]): boolean {
    let set: FieldSet | undefined = this;
    for (const [depth, element] of path.entries()) {
      const node: FieldNode | undefined = set?.node(element.text);
      if (!node) return false;
      if (depth === path.length - 1) return node.isMember;
      set = node.children;
    }
    return false;
  }

  hasMember(element: PathElement): boolean {
    return this.#nodes.get(element.text)?.isMember ?? false;
  }

  below(element: PathElement): FieldSet | undefined {
    return this.#nodes.get(element.text)?.children;
  }

  equals(other: FieldSet): boolean {
    return this === other || (this.difference(other).isEmpty && other.difference(this).isEmpty);
  }

  union(other: FieldSet): FieldSet {
    if (other === this || other.#nodes.size === 0) return this;
    if (this.#nodes.size === 0) return other;
    const result = new FieldSet();
    for (const node of this.#nodes.values()) {
      const twin = other.#nodes.get(node.element.text);
      if (!twin) result.put(node.element, node.isMember, node.children);
      else {
        const children =
          node.children && twin.children ? node.children.union(twin.children) : (node.children ?? twin.children);
        result.put(node.element, node.isMember || twin.isMember, children);
      }
    }
    for (const node of other.#nodes.values()) {
      if (!this.#nodes.has(node.element.text)) result.put(node.element, node.isMember, node.children);
    }
    return result;
  }

  intersection(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const node of this.#nodes.values()) {
      const twin = other.#nodes.get(node.element.text);
      if (!twin) continue;
      const children = node.children && twin.children ? node.children.intersection(twin.children) : undefined;
      result.put(node.element, node.isMember && twin.isMember, children);
    }
    return result;
  }

  /** What is here and not in `other`; a path taken out keeps what is below it. */
  difference(other: FieldSet): FieldSet {
    if (other.#nodes.size === 0 || this.#nodes.size === 0) return this;
    const result = new FieldSet();
    for (const node of this.#nodes.values()) {
      const twin = other.#nodes.get(node.element.text);
      if (!twin) result.put(node.element, node.isMember, node.children);
      else {
        const children = node.children && twin.children ? node.children.difference(twin.children) : node.children;
        result.put(node.element, node.isMember && !twin.isMember, children);
      }
    }
    return result;
  }

  /** As `difference`, but a path taken out takes everything below it along. */
  recursiveDifference(other: FieldSet): FieldSet {
    if (other.#nodes.size === 0 || this.#nodes.size === 0) return this;
    const result = new FieldSet();
    for (const node of this.#nodes.values()) {
      const twin = other.#nodes.get(node.element.text);
      if (!twin) result.put(node.element, node.isMember, node.children);
      else if (!twin.isMember) {
        const children =
          node.children && twin.children ? node.children.recursiveDifference(twin.children) : node.children;
        result.put(node.element, node.isMember, children);
      }
    }
    return result;
  }

  /** Every path in FieldsV1 order, parents before children. */
  *paths(prefix: readonly PathElement[] = []): Generator<readonly PathElement[]> {
    const nodes = this.sortedNodes();
    for (const node of nodes) if (node.isMember) yield [...prefix, node.element];
    for (const node of nodes) if (node.children) yield* node.children.paths([...prefix, node.element]);
  }
}
