/** Where objects of the built-in kinds carry a pod or the template of one. */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { PodLike } from "./check.ts";

type Path = readonly string[];
const specTemplate: Path = ["spec", "template"];

/** By "resource" or "resource.group". */
const paths: Readonly<Record<string, Path>> = {
  pods: [],
  podtemplates: ["template"],
  replicationcontrollers: specTemplate,
  "replicasets.apps": specTemplate,
  "deployments.apps": specTemplate,
  "statefulsets.apps": specTemplate,
  "daemonsets.apps": specTemplate,
  "jobs.batch": specTemplate,
  "cronjobs.batch": ["spec", "jobTemplate", "spec", "template"],
};

export function hasPodTemplate(resource: { readonly group: string; readonly resource: string }): boolean {
  return paths[keyOf(resource)] !== undefined;
}

/** Undefined when the object carries none. */
export function podTemplateOf(
  resource: { readonly group: string; readonly resource: string },
  object: KubeObject,
): PodLike | undefined {
  let value: unknown = object;
  for (const name of paths[keyOf(resource)] ?? [])
    value = (value as Readonly<Record<string, unknown>> | undefined)?.[name];
  const template = value as PodLike | undefined;
  return template?.spec ? template : undefined;
}

function keyOf({ group, resource }: { readonly group: string; readonly resource: string }): string {
  return group ? `${resource}.${group}` : resource;
}
