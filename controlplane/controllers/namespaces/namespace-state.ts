/** How the server says that a namespace takes nothing new. Pure. */
import { isStatus } from "#pkg/api/status.ts";

/** True when a create failed because its namespace is being deleted or is gone: nothing a controller should try again. */
export function isNamespaceTerminating(error: unknown): boolean {
  if (isStatus(error, "NotFound")) return error.status.details?.kind === "namespaces";
  return (
    isStatus(error, "Forbidden") &&
    (error.status.details?.causes?.some(({ reason }) => reason === "NamespaceTerminating") ?? false)
  );
}
