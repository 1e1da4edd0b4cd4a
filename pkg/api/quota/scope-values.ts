/** A scope that selects by a name the object carries: a priority class, a class of volume attributes. */
import type { ScopedResourceSelectorRequirement } from "../core/v1.ts";

/** `carried`: the names, none when the object has no such class. */
export function matchesNames(selector: ScopedResourceSelectorRequirement, carried: readonly string[]): boolean {
  const values = selector.values ?? [];
  switch (selector.operator) {
    case "Exists":
      return carried.length > 0;
    case "DoesNotExist":
      return carried.length === 0;
    case "In":
      return carried.some((name) => values.includes(name));
    case "NotIn":
      return carried.length === 0 || carried.some((name) => !values.includes(name));
  }
}
