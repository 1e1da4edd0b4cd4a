/** Ingresses and their classes: who sends which requests from outside to which service. */
import type { Ingress, IngressClass } from "#pkg/api/networking/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import {
  classAnnotation,
  validateIngress,
  validateIngressStatusUpdate,
  validateIngressUpdate,
} from "./validation/ingress.ts";
import { validateIngressClass, validateIngressClassUpdate } from "./validation/ingress-class.ts";

export const ingressStrategy = defineStrategy<Ingress>("networking/v1.Ingress", {
  validate: validateIngress,
  validateUpdate: validateIngressUpdate,
  warnings({ metadata, spec }, current) {
    const isOld = !current && metadata.annotations?.[classAnnotation] !== undefined && spec.ingressClassName == null;
    return isOld ? [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`] : [];
  },
  subresources: { status: { validateUpdate: validateIngressStatusUpdate } },
});

export const ingressClassStrategy = defineStrategy<IngressClass>("networking/v1.IngressClass", {
  hasGeneration: true,
  validate: validateIngressClass,
  validateUpdate: validateIngressClassUpdate,
});
