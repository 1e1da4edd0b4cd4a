/** Definitions of custom resources. A version that objects were ever stored in stays noted until they are moved. */
import type { CustomResourceDefinition } from "#pkg/api/apiextensions/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import {
  validateCustomResourceDefinition,
  validateCustomResourceDefinitionUpdate,
  validateDefinitionStatus,
} from "./validation/custom-resource-definition.ts";

export const customResourceDefinitionStrategy = defineStrategy<CustomResourceDefinition>(
  "apiextensions/v1.CustomResourceDefinition",
  {
    prepareForCreate(definition) {
      definition.status = { acceptedNames: { plural: "", kind: "" } };
      noteStoredVersion(definition);
    },
    validate: validateCustomResourceDefinition,
    prepareForUpdate: noteStoredVersion,
    validateUpdate: validateCustomResourceDefinitionUpdate,
    subresources: { status: { validateUpdate: validateDefinitionStatus } },
  },
);

function noteStoredVersion(definition: CustomResourceDefinition): void {
  const { storedVersions = [] } = definition.status ?? {};
  const stored = (definition.spec.versions ?? []).find(({ storage }) => storage)?.name;
  if (stored === undefined || storedVersions.includes(stored)) return;
  definition.status = { ...definition.status, storedVersions: [...storedVersions, stored] };
}
