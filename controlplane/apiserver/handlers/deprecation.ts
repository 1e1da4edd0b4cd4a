/** Kinds on their way out: each answer warns, in upstream's words. */
import type { ApiHandler } from "../http/api-request.ts";
import type { VerbHandlers } from "./resource-router.ts";

/** By group and version, then kind. */
const deprecated: Readonly<Record<string, string>> = {
  "/v1 ComponentStatus": "v1 ComponentStatus is deprecated in v1.19+",
  "/v1 Endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
};

/** The handlers, with a warning where the kind is deprecated. */
export function withDeprecation(
  { group, version, kind }: { readonly group: string; readonly version: string; readonly kind: string },
  handlers: VerbHandlers,
): VerbHandlers {
  const text = deprecated[`${group}/${version} ${kind}`];
  if (text === undefined) return handlers;
  const warn =
    (handler: ApiHandler): ApiHandler =>
    (request, context) => {
      context.warnings.add(text);
      return handler(request, context);
    };
  return Object.fromEntries(Object.entries(handlers).map(([verb, handler]) => [verb, handler && warn(handler)]));
}
