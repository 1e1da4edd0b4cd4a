/**
 * The mark by which the agent sees that a container no longer is what its spec asks for. Only name and image count: nothing
 * else of a container can be changed in place.
 */

import { fnv32a } from "#pkg/api/fnv32a.ts";
import type { AnyContainer } from "./ports.ts";

/** FNV-1a, 32 bits, of the JSON of name and image; hexadecimal. */
export function containerHash(container: Pick<AnyContainer, "name" | "image">): string {
  const text = JSON.stringify({ image: container.image ?? "", name: container.name });
  return fnv32a(text).toString(16);
}
