import type { ServiceAccount } from "#pkg/api/core/v1.ts";
import { defineStrategy } from "./define-strategy.ts";

const mountableAnnotation = "kubernetes.io/enforce-mountable-secrets";

export const serviceAccountStrategy = defineStrategy<ServiceAccount>("core/v1.ServiceAccount", {
  prepareForCreate: keepSecretNames,
  prepareForUpdate: keepSecretNames,
  warnings(account) {
    if (account.metadata.annotations?.[mountableAnnotation] === undefined) return [];
    return [
      `metadata.annotations[${mountableAnnotation}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
    ];
  },
});

/** Only the names of secrets count, since they are in the account's namespace. */
function keepSecretNames(account: ServiceAccount): void {
  if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name === undefined ? {} : { name }));
}
