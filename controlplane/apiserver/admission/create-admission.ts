/** Plugins as one Admission: in order, and never past a plugin that failed. */
import { StatusError } from "#pkg/api/status.ts";
import { messageOf } from "#pkg/system/errors.ts";
import type { Admission, AdmissionAttributes, AdmissionPlugin } from "./admission.ts";

export function createAdmission(plugins: readonly AdmissionPlugin[]): Admission {
  const mutating = plugins.filter((plugin) => plugin.mutate);
  const validating = plugins.filter((plugin) => plugin.validate);
  return {
    async mutate(attributes) {
      for (const plugin of mutating) await run(plugin, "mutate", attributes);
    },
    async validate(attributes) {
      for (const plugin of validating) await run(plugin, "validate", attributes);
    },
  };
}

async function run(
  plugin: AdmissionPlugin,
  phase: "mutate" | "validate",
  attributes: AdmissionAttributes,
): Promise<void> {
  try {
    if (plugin.handles(attributes)) await plugin[phase]?.(attributes);
  } catch (error) {
    if (error instanceof StatusError) throw error;
    const refusal = StatusError.internal(`admission plugin ${plugin.name} failed: ${messageOf(error)}`);
    refusal.cause = error;
    throw refusal;
  }
}
