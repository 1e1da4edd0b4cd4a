/**
 * Namespaces live until they are empty: `spec.finalizers` holds a deleted one, the namespace controller empties it and
 * takes its finalizer off through the finalize subresource.
 */
import type { Namespace } from "#pkg/api/core/v1.ts";
import { nameIsLabel } from "#pkg/api/names.ts";
import { defineStrategy } from "./define-strategy.ts";
import { validateFinalize, validateNamespace, validateNamespaceStatus } from "./validation/namespace.ts";

const ownFinalizer = "kubernetes";

export const namespaceStrategy = defineStrategy<Namespace>("core/v1.Namespace", {
  hasGeneration: false,
  validateName: nameIsLabel,
  prepareForCreate(namespace) {
    const finalizers = namespace.spec?.finalizers ?? [];
    namespace.status = { phase: "Active" };
    namespace.spec = {
      ...namespace.spec,
      finalizers: finalizers.includes(ownFinalizer) ? finalizers : [...finalizers, ownFinalizer],
    };
  },
  validate: validateNamespace,
  /** The label is a default, but a generated name is known only now. */
  allocate(next) {
    next.metadata.labels = { ...next.metadata.labels, "kubernetes.io/metadata.name": next.metadata.name ?? "" };
    return () => undefined;
  },
  prepareForUpdate(next, current) {
    next.spec = { ...next.spec, finalizers: current.spec?.finalizers };
  },
  subresources: {
    status: { validateUpdate: validateNamespaceStatus },
    finalize: {
      prepareForUpdate(next, current) {
        next.status = current.status;
      },
      validateUpdate: validateFinalize,
    },
  },
  isHeld: (namespace) => (namespace.spec?.finalizers?.length ?? 0) > 0,
  prepareForDeletion(namespace) {
    namespace.status = { ...namespace.status, phase: "Terminating" };
    // Upstream's namespaces have no grace period; controllers and people see the difference in the object.
    delete namespace.metadata.deletionGracePeriodSeconds;
  },
  selectableFields: (namespace) => ({
    name: namespace.metadata.name ?? "",
    "status.phase": namespace.status?.phase ?? "",
  }),
});
