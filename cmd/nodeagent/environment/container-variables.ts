/**
 * The variables of one container: envFrom, then env over them, then services where nothing else has the name.
 * What comes from the API is read first; the rest is pure.
 * Source: kubelet makeEnvironmentVariables (v1.36).
 */
import type { ConfigMap, EnvVarSource, Pod, Secret } from "#pkg/api/core/v1.ts";
import { relaxedEnvVarNameProblems } from "#pkg/api/names.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { AnyContainer, EnvironmentVariables, PodAddresses } from "../pods/ports.ts";
import { type ConfigReader, secretText } from "./config-reader.ts";
import { expandVariables } from "./expand-variables.ts";
import { type AllocatableAmounts, readContainerResource, readPodField } from "./pod-field.ts";

export interface VariablesInput {
  readonly pod: Pod;
  readonly container: AnyContainer;
  readonly addresses: PodAddresses;
  readonly allocatable: AllocatableAmounts;
  readonly serviceVariables: ReadonlyMap<string, string>;
  /** By `configMap/<name>` and `secret/<name>`: values as text; undefined: no such object. */
  readonly sources: ReadonlyMap<string, Readonly<Record<string, string>> | undefined>;
}

export interface ComputedVariables {
  readonly variables: EnvironmentVariables;
  /** Keys that are no names of variables, and were left out. */
  readonly skipped: readonly { readonly source: string; readonly keys: readonly string[] }[];
}

/** Throws "NotFound" or "Invalid". */
export function computeVariables(input: VariablesInput): ComputedVariables {
  const { container, serviceVariables } = input;
  const variables = new Map<string, string>();
  const skipped: { source: string; keys: readonly string[] }[] = [];
  for (const { prefix = "", configMapRef, secretRef } of container.envFrom ?? []) {
    const source = configMapRef ? `configMap/${configMapRef.name}` : `secret/${secretRef?.name}`;
    const values = findSource(input, source, configMapRef?.optional ?? secretRef?.optional ?? false) ?? {};
    const keys = Object.keys(values).sort();
    const isName = (key: string): boolean => relaxedEnvVarNameProblems(prefix + key).length === 0;
    for (const key of keys.filter(isName)) variables.set(prefix + key, values[key] ?? "");
    const bad = keys.filter((key) => !isName(key));
    if (bad.length > 0) skipped.push({ source, keys: bad });
  }
  const lookup = (name: string): string | undefined => variables.get(name) ?? serviceVariables.get(name);
  for (const { name, value = "", valueFrom } of container.env ?? []) {
    const found = value !== "" || !valueFrom ? expandVariables(value, lookup) : readValue(input, valueFrom);
    if (found !== undefined) variables.set(name, found);
  }
  for (const [name, value] of serviceVariables) if (!variables.has(name)) variables.set(name, value);
  return { variables: [...variables].map(([name, value]) => ({ name, value })), skipped };
}

/** undefined: optional, and not there. */
function readValue(input: VariablesInput, from: EnvVarSource): string | undefined {
  const { pod, container, addresses, allocatable } = input;
  if (from.fieldRef) return readPodField(pod, from.fieldRef.fieldPath, addresses);
  if (from.resourceFieldRef) {
    const { containerName } = from.resourceFieldRef;
    const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
    const about = containerName ? all.find(({ name }) => name === containerName) : container;
    if (!about) throw new BerthError("NotFound", `container ${containerName} not found`);
    return readContainerResource(pod, about, from.resourceFieldRef, allocatable);
  }
  if (from.configMapKeyRef) return readKey(input, "configMap", from.configMapKeyRef);
  if (from.secretKeyRef) return readKey(input, "secret", from.secretKeyRef);
  if (from.fileKeyRef) throw new BerthError("Invalid", "variables from files (fileKeyRef) are not supported yet");
  return undefined;
}

function readKey(
  input: VariablesInput,
  kind: "configMap" | "secret",
  { name = "", key, optional = false }: { name?: string | undefined; key: string; optional?: boolean | undefined },
): string | undefined {
  const values = findSource(input, `${kind}/${name}`, optional);
  const value = values?.[key];
  if (value !== undefined || optional) return value;
  const shown = kind === "configMap" ? "ConfigMap" : "Secret";
  throw new BerthError(
    "NotFound",
    `couldn't find key ${key} in ${shown} ${input.pod.metadata.namespace ?? ""}/${name}`,
  );
}

function findSource(
  { sources }: VariablesInput,
  source: string,
  isOptional: boolean,
): Readonly<Record<string, string>> | undefined {
  const values = sources.get(source);
  if (values || isOptional) return values;
  const [kind = "", name = ""] = source.split("/");
  throw new BerthError("NotFound", `${kind.toLowerCase()} "${name}" not found`);
}

/** Reads every config map and secret the container's variables come from, each once. */
export async function readSources(
  pod: Pod,
  container: AnyContainer,
  reader: ConfigReader,
): Promise<VariablesInput["sources"]> {
  const namespace = pod.metadata.namespace ?? "";
  const { envFrom = [], env = [] } = container;
  const configMaps = [
    ...envFrom.map(({ configMapRef }) => configMapRef?.name),
    ...env.map(({ valueFrom }) => valueFrom?.configMapKeyRef?.name),
  ];
  const secrets = [
    ...envFrom.map(({ secretRef }) => secretRef?.name),
    ...env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
  ];
  const entries = await Promise.all([
    ...namesIn(configMaps).map(
      async (name) => [`configMap/${name}`, configMapValues(await reader.configMap(namespace, name))] as const,
    ),
    ...namesIn(secrets).map(
      async (name) => [`secret/${name}`, secretValues(await reader.secret(namespace, name))] as const,
    ),
  ]);
  return new Map(entries);
}

function namesIn(names: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(names.flatMap((name) => name || []))];
}

function configMapValues(object: ConfigMap | undefined): Readonly<Record<string, string>> | undefined {
  return object && (object.data ?? {});
}

function secretValues(object: Secret | undefined): Readonly<Record<string, string>> | undefined {
  return (
    object && Object.fromEntries(Object.entries(object.data ?? {}).map(([key, value]) => [key, secretText(value)]))
  );
}
