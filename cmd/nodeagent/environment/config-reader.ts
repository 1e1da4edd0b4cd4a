/** Config maps and secrets as variables and volumes read them, with the errors users see. */
import type { ConfigMap, Secret } from "#pkg/api/core/v1.ts";

/** undefined: there is no such object. Throws when that cannot be found out. */
export interface ConfigReader {
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
}

export function secretBytes(value: string): Buffer {
  return Buffer.from(value, "base64");
}

/** Text of a secret's value, as a variable carries it. */
export function secretText(value: string): string {
  return secretBytes(value).toString("utf8");
}
