/** Which requests may take as long as they like: they have no deadline and no place among those in flight. */
import type { RequestInfo } from "./request-info.ts";

const longVerbs: ReadonlySet<string> = new Set(["watch", "proxy"]);
const longSubresources: ReadonlySet<string> = new Set(["attach", "exec", "proxy", "log", "portforward"]);

export function isLongRunning(info: Pick<RequestInfo, "isResourceRequest" | "verb" | "subresource">): boolean {
  return info.isResourceRequest && (longVerbs.has(info.verb) || longSubresources.has(info.subresource));
}
