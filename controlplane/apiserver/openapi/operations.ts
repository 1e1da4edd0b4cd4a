/**
 * Every operation on a set of resources, free of any dialect: path, parameters, body, answers. What kubectl looks for in
 * documents is here: the kind of each operation, its action, and its query parameters.
 */
import { formatApiVersion, type GroupVersionKind } from "#pkg/api/meta/object.ts";
import { type BuiltinTypeName, isBuiltin } from "#pkg/api/schema/field.ts";
import { fieldsOf, hasType, typeOf } from "#pkg/api/schema/schema.ts";
import type { DiscoverableResource } from "../discovery/discovery-documents.ts";
import { patchType } from "./json-schema.ts";

export type HttpMethod = "get" | "put" | "post" | "delete" | "patch";

export interface QueryParameter {
  readonly name: string;
  readonly type: "string" | "integer" | "boolean";
}

export interface ApiOperation {
  /** With `{name}`, `{namespace}` and `{path}` for what varies. */
  readonly path: string;
  readonly method: HttpMethod;
  readonly id: string;
  /** "core_v1" */
  readonly tag: string;
  /** get, list, post, put, patch, delete, deletecollection or connect. */
  readonly action: string;
  readonly gvk: GroupVersionKind;
  readonly parameters: readonly QueryParameter[];
  /** The type of the body; "patch" for the patch types. */
  readonly body?: { readonly typeName: string; readonly required: boolean } | "patch" | undefined;
  /** The type of the answer; "string" for text; undefined for kinds without a schema. */
  readonly answer: string | undefined;
  /** Codes of success. */
  readonly codes: readonly number[];
  readonly isList: boolean;
}

/** Types that stand for the bodies and answers of a kind; undefined where there is no schema. */
export interface KindTypes {
  readonly object: string | undefined;
  readonly list: string | undefined;
}

export function kindTypes({ group, version, kind }: GroupVersionKind): KindTypes {
  return { object: typeOf({ group, version, kind }), list: typeOf({ group, version, kind: `${kind}List` }) };
}

export function describeOperations(resources: readonly DiscoverableResource[]): readonly ApiOperation[] {
  return resources.flatMap((resource) => [...ownOperations(resource), ...subresourceOperations(resource)]);
}

const statusType = "meta/v1.Status";
const deleteOptions = { typeName: "meta/v1.DeleteOptions", required: false };

interface Target {
  readonly resource: DiscoverableResource;
  readonly gvk: GroupVersionKind;
  readonly object: string | undefined;
  readonly tag: string;
  /** "AppsV1" */
  readonly groupVersion: string;
  /** "NamespacedDeployment" or "Node", with the subresource behind it. */
  readonly subject: string;
}

function targetOf(resource: DiscoverableResource, gvk: GroupVersionKind, subresource = ""): Target {
  const words = (resource.group || "core").replace(/\.k8s\.io$/, "").split(".");
  const camel = words.map(capitalize).join("");
  const scope = resource.namespaced ? "Namespaced" : "";
  return {
    resource,
    gvk,
    object: kindTypes(gvk).object,
    tag: `${camel.charAt(0).toLowerCase()}${camel.slice(1)}_${resource.version}`,
    groupVersion: `${camel}${capitalize(resource.version)}`,
    subject: `${scope}${resource.kind}${capitalize(subresource)}`,
  };
}

type Part = Partial<ApiOperation> & Pick<ApiOperation, "path" | "method" | "id" | "action">;

function operationOf({ tag, gvk, object }: Target, part: Part): ApiOperation {
  return { tag, gvk, parameters: [], answer: object, codes: [200], isList: false, ...part };
}

function ownOperations(resource: DiscoverableResource): ApiOperation[] {
  const target = targetOf(resource, { group: resource.group, version: resource.version, kind: resource.kind });
  return [...collectionParts(target), ...itemParts(target)]
    .filter(([verb]) => resource.verbs.includes(verb))
    .map(([, part]) => operationOf(target, part));
}

type VerbPart = readonly [verb: string, part: Part];

function collectionParts(target: Target): VerbPart[] {
  const { resource, groupVersion, subject, object, gvk } = target;
  const path = collectionPath(resource, resource.namespaced);
  const list = {
    method: "get",
    action: "list",
    parameters: listParameters(),
    answer: kindTypes(gvk).list,
    isList: true,
  } as const;
  const everywhere = {
    ...list,
    path: collectionPath(resource, false),
    id: `list${groupVersion}${resource.kind}ForAllNamespaces`,
  };
  const create = {
    path,
    method: "post",
    action: "post",
    parameters: writeParameters("Create"),
    body: bodyOf(object),
  } as const;
  const both = mergeParameters(listParameters(), writeParameters("Delete"));
  const deletion = {
    path,
    method: "delete",
    action: "deletecollection",
    parameters: both,
    body: deleteOptions,
  } as const;
  return [
    ["list", { ...list, path, id: `list${groupVersion}${subject}` }],
    ...(resource.namespaced ? [["list", everywhere] as const] : []),
    ["create", { ...create, id: `create${groupVersion}${subject}`, codes: [200, 201, 202] }],
    ["deletecollection", { ...deletion, id: `delete${groupVersion}Collection${subject}`, answer: statusType }],
  ];
}

function itemParts(target: Target): VerbPart[] {
  const { resource, groupVersion, subject } = target;
  const path = `${collectionPath(resource, resource.namespaced)}/{name}`;
  const deletion = { path, method: "delete", action: "delete", parameters: writeParameters("Delete") } as const;
  const deleted = { body: deleteOptions, answer: statusType, codes: [200, 202] };
  return [
    ["get", { path, method: "get", action: "get", id: `read${groupVersion}${subject}` }],
    ["delete", { ...deletion, ...deleted, id: `delete${groupVersion}${subject}` }],
    ["update", { ...writeOf("update", target), path }],
    ["patch", { ...writeOf("patch", target), path }],
  ];
}

/** What update and patch have in common on resources and subresources. */
function writeOf(verb: "update" | "patch", { groupVersion, subject, object }: Target) {
  return verb === "update"
    ? ({
        method: "put",
        action: "put",
        id: `replace${groupVersion}${subject}`,
        parameters: writeParameters("Update"),
        body: bodyOf(object),
        codes: [200, 201],
      } as const)
    : ({
        method: "patch",
        action: "patch",
        id: `patch${groupVersion}${subject}`,
        parameters: writeParameters("Patch"),
        body: "patch",
        codes: [200, 201],
      } as const);
}

function bodyOf(typeName: string | undefined): ApiOperation["body"] {
  return { typeName: typeName ?? "", required: true };
}

function subresourceOperations(resource: DiscoverableResource): ApiOperation[] {
  return resource.subresources.flatMap(({ name, kind, verbs }) => {
    const target = targetOf(resource, kind, name);
    const path = `${collectionPath(resource, resource.namespaced)}/{name}/${name}`;
    if (kind.kind.endsWith("Options")) return connectOperations(target, path, verbs, name === "proxy");
    return verbs.map((verb) => subresourceOperation(target, path, verb));
  });
}

function subresourceOperation(target: Target, path: string, verb: string): ApiOperation {
  const { groupVersion, subject, gvk, tag, object } = target;
  const common = { path, tag, gvk, answer: object, codes: [200], isList: false, parameters: [] };
  if (verb === "update" || verb === "patch") return { ...common, ...writeOf(verb, target) };
  if (verb === "create") {
    const write = { body: bodyOf(object), codes: [200, 201, 202], parameters: writeParameters("Create") };
    return { ...common, ...write, method: "post", action: "post", id: `create${groupVersion}${subject}` };
  }
  const isLog = path.endsWith("/log");
  const read = isLog ? { answer: "string", parameters: optionParameters("core/v1.PodLogOptions") } : {};
  return { ...common, ...read, method: "get", action: "get", id: `read${groupVersion}${subject}` };
}

const methodOfVerb: Readonly<Record<string, HttpMethod>> = {
  create: "post",
  delete: "delete",
  get: "get",
  patch: "patch",
  update: "put",
};

/** Streams: their options are query parameters. Proxies also take what follows them in the path. */
function connectOperations(target: Target, path: string, verbs: readonly string[], isProxy: boolean): ApiOperation[] {
  const { groupVersion, subject, gvk, tag, object } = target;
  const parameters = object ? optionParameters(object) : [];
  return verbs.flatMap((verb) => {
    const method = methodOfVerb[verb] ?? "get";
    const id = `connect${groupVersion}${capitalize(method)}${subject}`;
    const operation = {
      path,
      method,
      tag,
      gvk,
      parameters,
      action: "connect",
      answer: "string",
      codes: [200],
      isList: false,
      id,
    };
    return isProxy ? [operation, { ...operation, path: `${path}/{path}`, id: `${id}WithPath` }] : [operation];
  });
}

export function collectionPath(resource: DiscoverableResource, inNamespace: boolean): string {
  const root = `${resource.group === "" ? "/api" : "/apis"}/${formatApiVersion(resource)}`;
  return `${root}${inNamespace ? "/namespaces/{namespace}" : ""}/${resource.plural}`;
}

function listParameters(): readonly QueryParameter[] {
  return optionParameters("meta/v1.ListOptions");
}

function writeParameters(verb: "Create" | "Update" | "Patch" | "Delete"): readonly QueryParameter[] {
  return optionParameters(`meta/v1.${verb}Options`);
}

function mergeParameters(...lists: readonly (readonly QueryParameter[])[]): readonly QueryParameter[] {
  const byName = new Map(lists.flat().map((one) => [one.name, one]));
  return [...byName.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}

const optionCache = new Map<string, readonly QueryParameter[]>();

/** The fields of an options type that can be written in a query, sorted. */
function optionParameters(typeName: string): readonly QueryParameter[] {
  let parameters = optionCache.get(typeName);
  if (!parameters) {
    const fields = hasType(typeName) ? [...fieldsOf(typeName).values()] : [];
    parameters = fields
      .filter((field) => field.name !== "apiVersion" && field.name !== "kind" && field.shape !== "map")
      .flatMap((field) => {
        const type = isBuiltin(field.type) ? parameterTypes[field.type] : undefined;
        return type ? [{ name: field.name, type }] : [];
      })
      .sort((left, right) => (left.name < right.name ? -1 : 1));
    optionCache.set(typeName, parameters);
  }
  return parameters;
}

const parameterTypes: Readonly<Partial<Record<BuiltinTypeName, QueryParameter["type"]>>> = {
  string: "string",
  bool: "boolean",
  int32: "integer",
  int64: "integer",
  time: "string",
};

function capitalize(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** The types of bodies and answers of operations. */
export function typesOf(operations: readonly ApiOperation[]): Set<string> {
  const types = new Set<string>();
  for (const { body, answer } of operations) {
    if (answer !== undefined && answer !== "string") types.add(answer);
    if (body === "patch") types.add(patchType);
    else if (body?.typeName) types.add(body.typeName);
  }
  return types;
}
