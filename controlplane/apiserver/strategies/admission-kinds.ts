/** Webhooks and policies that take part in admission. */
import type * as admission from "#pkg/api/admissionregistration/v1.ts";
import { defineStrategy, keepMetadata } from "./define-strategy.ts";
import {
  validateMutatingBinding,
  validateMutatingPolicy,
  validatePolicyStatus,
  validateValidatingBinding,
  validateValidatingPolicy,
} from "./validation/admission-policies.ts";
import { validateWebhooks } from "./validation/webhook-configuration.ts";

const group = "admissionregistration/v1";

export const validatingWebhookConfigurationStrategy = defineStrategy<admission.ValidatingWebhookConfiguration>(
  `${group}.ValidatingWebhookConfiguration`,
  { hasGeneration: true, validate: validateWebhooks },
);

export const mutatingWebhookConfigurationStrategy = defineStrategy<admission.MutatingWebhookConfiguration>(
  `${group}.MutatingWebhookConfiguration`,
  { hasGeneration: true, validate: validateWebhooks },
);

export const validatingAdmissionPolicyStrategy = defineStrategy<admission.ValidatingAdmissionPolicy>(
  `${group}.ValidatingAdmissionPolicy`,
  {
    validate: validateValidatingPolicy,
    subresources: { status: { prepareForUpdate: keepMetadata, validateUpdate: validatePolicyStatus } },
  },
);

export const validatingAdmissionPolicyBindingStrategy = defineStrategy<admission.ValidatingAdmissionPolicyBinding>(
  `${group}.ValidatingAdmissionPolicyBinding`,
  { hasGeneration: true, validate: validateValidatingBinding },
);

export const mutatingAdmissionPolicyStrategy = defineStrategy<admission.MutatingAdmissionPolicy>(
  `${group}.MutatingAdmissionPolicy`,
  { hasGeneration: true, validate: validateMutatingPolicy },
);

export const mutatingAdmissionPolicyBindingStrategy = defineStrategy<admission.MutatingAdmissionPolicyBinding>(
  `${group}.MutatingAdmissionPolicyBinding`,
  { hasGeneration: true, validate: validateMutatingBinding },
);
